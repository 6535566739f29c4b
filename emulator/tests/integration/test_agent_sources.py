"""What a job finds in its sources: a copy of the repository that its pipeline lies in."""

import subprocess
from pathlib import Path

import pytest

from azure_devops_emulator.errors import EmulatorError
from azure_devops_emulator.jobs import sources
from azure_devops_emulator.jobs.workspace import SetupError
from azure_devops_emulator.pipeline import Pipeline
from emulator_support.agent import Bench, output, service

LIST = {"script": 'cd "$BUILD_SOURCESDIRECTORY" && find . ! -type d | sort'}
GIT = {"PATH": "/usr/bin:/bin:/usr/local/bin"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a pipeline's folder in it, and files around."""
    for name in ("a.txt", "ci/b.sh", "ci/c.log", ".hidden", "deep/er/d"):
        (tmp_path / "repo" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / name).write_text(name, encoding="utf-8")
    (tmp_path / "repo" / "ci" / "b.sh").chmod(0o755)
    (tmp_path / "repo" / ".gitignore").write_text("*.log\n*.toml\n", encoding="utf-8")
    return tmp_path


def as_repository(folder: Path) -> None:
    """Make a git repository of a folder; only one of its files is known to git."""
    for arguments in (["init", "--quiet"], ["add", "a.txt"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


def test_the_work_tree_of_git_without_what_it_ignores(folder: Path) -> None:
    as_repository(folder / "repo")
    (folder / "repo" / "gone.txt").touch()
    subprocess.run(["git", "add", "gone.txt"], cwd=folder / "repo", check=True)
    (folder / "repo" / "gone.txt").unlink()
    with service(folder) as one:
        result = Bench(one, folder / "repo" / "ci").run(LIST, {"script": "ls -l ci/b.sh"})
    assert output(result)[:-1] == [
        *("./.gitignore", "./.hidden", "./a.txt", "./ci/b.sh", "./ci/pipeline.yml", "./deep/er/d")
    ]
    assert output(result)[-1].startswith("-rwx")
    assert f"Copied 6 files of {folder / 'repo'}." in result.log


def test_the_folder_of_a_pipeline_that_lies_in_no_repository(folder: Path) -> None:
    with service(folder) as one:
        bench = Bench(one, folder / "repo" / "ci")
        assert output(bench.run(LIST)) == ["./b.sh", "./c.log", "./pipeline.yml"]
        assert output(bench.run({"checkout": "self", "clean": True}, LIST)) == output(bench.run(LIST))


def test_another_folder_or_nothing(folder: Path) -> None:
    as_repository(folder / "repo")
    with service(folder) as one:
        bench = Bench(one, folder / "repo")
        assert output(bench.run(LIST, sources=folder / "repo" / "deep")) == ["./er/d"]
        assert output(bench.run({"checkout": "none"}, LIST)) == []
        with pytest.raises(SetupError, match="no folder"):
            bench.run(LIST, sources=folder / "nowhere")


def test_no_step_writes_into_a_persons_own_files(folder: Path) -> None:
    repo = folder / "repo"
    (repo / "inside").symlink_to("a.txt")
    (repo / "outside").symlink_to(folder / "organization.toml")
    (repo / "round").symlink_to("../repo/a.txt")
    (repo / "folder").symlink_to(folder / "repo" / "deep")
    (repo / "dangling").symlink_to("nowhere")
    code = "ls -F; for f in a.txt inside outside round ci/b.sh; do echo changed > $f; done; rm -r deep"
    with service(folder) as one:
        before = (folder / "organization.toml").read_text(encoding="utf-8")
        result = Bench(one, repo).run({"script": code})
    assert {"inside@", "outside", "round", "dangling@"} <= set(output(result))
    assert result.succeeded
    assert (repo / "a.txt").read_text(encoding="utf-8") == "a.txt"
    assert (repo / "ci" / "b.sh").read_text(encoding="utf-8") == "ci/b.sh"
    assert (repo / "deep" / "er" / "d").exists()
    assert (folder / "organization.toml").read_text(encoding="utf-8") == before


def test_a_kept_workspace_within_the_sources_is_not_copied(folder: Path) -> None:
    with service(folder) as one:
        bench = Bench(one, folder / "repo" / "ci")
        for _ in range(2):
            result = bench.run(LIST, keep=folder / "repo" / "ci" / "kept")
            assert output(result) == ["./b.sh", "./c.log", "./pipeline.yml"]


def test_too_much_is_refused(folder: Path) -> None:
    many = folder / "many"
    many.mkdir()
    huge = many / "huge"
    with huge.open("wb") as file:
        file.truncate(2**30 + 1)  # a hole: it takes no room
    with pytest.raises(SetupError, match="more than 50000 files or 1024 MiB") as caught:
        sources.copy(many, folder / "repo", GIT, without=folder / "x")
    assert "--sources" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("steps: [{checkout: git://other}, {script: x}]", "self or none"),
        ("steps: [{checkout: self, path: s/x}, {script: x}]", "path is not supported in a checkout step"),
    ],
)
def test_checkouts_that_the_emulator_does_not_do(folder: Path, text: str, named: str) -> None:
    file = folder / "pipeline.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EmulatorError, match=named):
        Pipeline.load(file)
