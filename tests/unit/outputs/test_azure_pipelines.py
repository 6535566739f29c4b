"""Logging commands, read back by the tests' own reader."""

import pytest

from pip_authenticate import telemetry
from pip_authenticate.client_settings import ClientSettings, Variable
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import Credential, IndexUrl
from pip_authenticate.logging_commands import AzurePipelines, harmless
from pip_authenticate.secret import Secret
from support.agent import Log


def told(name: str, value: Secret) -> ClientSettings:
    return ClientSettings((Variable(name, value),))


class Written:
    """An output and what it wrote."""

    def __init__(self, *, os: str = "Linux", secret: frozenset[str] = frozenset()) -> None:
        self.lines: list[str] = []
        self.output = AzurePipelines(self.lines.append, os=os, secret_variables=secret)

    def read(self, *, decodes_percents: bool = True) -> Log:
        return Log("\n".join(self.lines).split("\n"), decodes_percents=decodes_percents)

    @property
    def log(self) -> Log:
        return self.read()


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.mark.parametrize("text", ["plain", "100%", "a;b]c%3B%5D%0A%AZP25", "line\nbreak\rhere", "ü€😀\u2028"])
def test_values_and_secrets_arrive_as_they_are(written: Written, text: str) -> None:
    written.output.register([Secret(text)])
    written.output.set({"PIP_INDEX_URL": Secret(text)}, {"MEMORY": Secret(text)})
    assert written.log.variables == {"PIP_INDEX_URL": text}
    assert written.log.hidden == {"MEMORY": text}
    assert text in written.log.secrets


# Agents decode %AZP25 from 2.182.1 where they are told to, from 2.184 on unless they are told not to.
@pytest.mark.parametrize("decodes_percents", [True, False])
@pytest.mark.parametrize(
    "password", ["plain%41", "a;b]c\nd\re", "%3B%5D%0A%0D", "%AZP25", "%AZP253B", "100%"]
)
def test_urls_arrive_alike_at_agents_of_every_version(
    written: Written,
    password: str,
    decodes_percents: bool,  # noqa: FBT001
) -> None:
    url = IndexUrl.parse("https://h.example/a;b%5Dc%AZP25/%3B")[0].with_credential(
        Credential("user", Secret(password))
    )
    written.output.register([Secret(password), url])
    written.output.set({"PIP_INDEX_URL": url}, {})
    log = written.read(decodes_percents=decodes_percents)
    assert log.variables == {"PIP_INDEX_URL": url.reveal()}
    assert url.reveal() in log.secrets
    # A later step may write the value once more, without any escaping.
    again = f"##vso[task.setvariable variable=AGAIN;issecret=false]{url.reveal()}"
    assert Log([again], decodes_percents=decodes_percents).variables == {"AGAIN": url.reveal()}


@pytest.mark.parametrize("decodes_percents", [True, False])
def test_a_secret_with_a_percent_sign_is_masked_by_agents_of_every_version(
    written: Written,
    decodes_percents: bool,  # noqa: FBT001
) -> None:
    written.output.register([Secret("100%zz")])
    assert "100%zz" in written.read(decodes_percents=decodes_percents).secrets


def test_a_secret_is_registered_once_and_an_empty_one_never(written: Written) -> None:
    written.output.register([Secret("a"), Secret(""), Secret("a")])
    written.output.register([Secret("a")])
    assert written.lines == ["##vso[task.setsecret]a"]


def test_the_form_after_one_decoding_too_many_is_registered_too(written: Written) -> None:
    written.output.register([Secret("p%40%5Dx%0A")])
    assert set(written.log.secrets) == {"p%40%5Dx%0A", "p%40]x\n", "p%40%5dx%0a"}


def test_variables_are_not_secret(written: Written) -> None:
    written.output.set({"A": Secret("v")}, {"B": Secret("w")})
    (piece,) = written.lines
    assert piece.split("\n") == [
        "##vso[task.setvariable variable=B;issecret=true;]w",
        "##vso[task.setvariable variable=A;issecret=false;]v",
    ]


def test_telemetry_holds_no_secret(written: Written) -> None:
    written.output.register([Secret('can"ary')])
    data = {"NAME": 'a can"ary b', "URL": "https://u:p@h/", "n": 1}
    telemetry.publish("Area", "Feature", data, written.output)
    assert written.log.telemetry == [{"NAME": "a *** b", "URL": "https://***@h/", "n": 1}]


def test_a_login_in_any_message_is_masked(written: Written) -> None:
    written.output.line("see https://user:pw@h.example/x and ftp://token@h.example, not mailto:a@b")
    assert written.lines == ["see https://***@h.example/x and ftp://***@h.example, not mailto:a@b"]


def test_a_line_costs_the_same_however_many_secrets_there_are(written: Written) -> None:
    written.output.register(Secret(f"secret-{number:06}") for number in range(50_000))
    for _ in range(1000):
        written.output.line("an ordinary line that holds none of them " * 3)
    written.output.line("x secret-049999 y")
    assert written.lines[-1] == "x *** y"


@pytest.mark.parametrize("method", ["line", "debug", "warning", "error"])
def test_registered_secrets_are_masked_the_longest_first(written: Written, method: str) -> None:
    written.output.register([Secret("canary"), Secret("canary-long"), Secret("abc")])
    written.lines.clear()
    getattr(written.output, method)("x canary-long y canary z alphabet-abc")
    assert written.lines[0].endswith("x *** y *** z alphabet-abc"), "short ones are left to the agent"


def test_what_is_reported_reaches_its_place(written: Written) -> None:
    written.output.line("plain")
    written.output.debug("d%;]")
    written.output.warning("w")
    written.output.error("e")
    written.output.complete("Failed", "text")
    telemetry.publish("Area", "Feature", {"a": 1}, written.output)
    log = written.log
    assert log.plain == ["plain"]
    assert log.debug == ["d%;]"]
    assert log.issues == [("warning", "w"), ("error", "e")]
    assert log.result == "Failed"
    assert log.telemetry == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("##vso[task.debug]", "# #vso[task.debug]"),
        ("a ##[error]b", "a # #[error]b"),
        ("###[x", "## #[x"),
        ("####vso[x", "### #vso[x"),
        ("##VSO[x", "# #VSO[x"),
        ("::add-mask::x", ": :add-mask::x"),
        ("C++ std::vector", "C++ std::vector"),
        ("a\tb\nc\rd", "a\\tb\\nc\\rd"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u2028\u2029\x85", "\\u2028\\u2029\\x85"),
        ("\u202e\u200b\ufeff", "\\u202e\\u200b\\ufeff"),
        ("\ud800", "\\ud800"),
        ("ü€😀 ok", "ü€😀 ok"),
    ],
)
def test_foreign_text_is_made_harmless(text: str, shown: str) -> None:
    assert harmless(text) == shown


@pytest.mark.parametrize(
    ("os", "name", "longest"),
    [
        ("Linux", "N", 131_069),
        ("Darwin", "N", 131_069),
        ("Windows_NT", "N", 32_766),
        ("windows", "NAME", 32_766),
    ],
)
def test_what_an_operating_system_carries(os: str, name: str, longest: int) -> None:
    output = Written(os=os).output
    output.check(told(name, Secret("x" * longest)))
    with pytest.raises(DeliveryError) as refused:
        output.check(told(name, Secret("x" * (longest + 1))))
    assert name in str(refused.value)
    assert "xxx" not in str(refused.value)


def test_bytes_count_on_linux() -> None:
    with pytest.raises(DeliveryError):
        Written().output.check(told("N", Secret("ü" * 65_535)))


def test_windows_warns_before_it_is_too_late() -> None:
    output = Written(os="Windows_NT").output
    assert output.check(told("N", Secret("x" * 26_212))) == []
    assert len(output.check(told("N", Secret("x" * 26_213)))) == 1


def test_a_secret_variable_cannot_be_set() -> None:
    output = Written(secret=frozenset({"A"})).output
    output.check(told("B", Secret("v")))
    with pytest.raises(DeliveryError, match="A exists as a secret variable"):
        output.check(told("A", Secret("v")))
