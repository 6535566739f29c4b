import pytest

from azure_devops_emulator.jobs.pythons import fits
from azure_devops_emulator.jobs.scripts import split_arguments


@pytest.mark.parametrize(
    ("wanted", "fitting"),
    [
        ("3.x", "3.9.1 3.12.0 3.12.7"),
        ("3", "3.9.1 3.12.0 3.12.7"),
        ("*", "3.9.1 3.12.0 3.12.7"),
        ("3.12", "3.12.0 3.12.7"),
        ("3.12.x", "3.12.0 3.12.7"),
        ("3.12.7", "3.12.7"),
        ("v3.12.7", "3.12.7"),
        ("3.1", ""),
        (">=3.10", "3.12.0 3.12.7"),
        (">= 3.9.2 < 3.12.7", "3.12.0"),
        (">3.9", "3.12.0 3.12.7"),
        ("<3.12", "3.9.1"),
        ("<=3.12", "3.9.1 3.12.0 3.12.7"),
        ("~3.12.1", "3.12.7"),
        ("^3.10", "3.12.0 3.12.7"),
        ("3.8 - 3.10", "3.9.1"),
        ("3.9 || 3.12.7", "3.9.1 3.12.7"),
        ("2.7", ""),
        ("pypy3.9", ""),
        ("3.13-dev", ""),
        ("", ""),
    ],
)
def test_a_version_fits_as_semver_says(wanted: str, fitting: str) -> None:
    versions = [(3, 9, 1), (3, 12, 0), (3, 12, 7)]
    assert [".".join(map(str, each)) for each in versions if fits(each, wanted)] == fitting.split()


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("", []),
        ("a  b ", ["a", "b"]),
        ('a "b c" d"e f"g', ["a", "b c", "de fg"]),
        (r'"say \"hi\"" a\b "c\d"', ['say "hi"', r"a\b", r"c\d"]),
        ("'a b'", ["'a", "b'"]),
    ],
)
def test_a_line_of_arguments_is_split_as_the_task_library_does(line: str, arguments: list[str]) -> None:
    assert split_arguments(line) == arguments
