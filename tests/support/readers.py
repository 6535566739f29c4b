"""How others read what outputs write, where their real readers cannot run here: from their documentation."""

import re


def read_github(text: str) -> dict[str, str]:
    """What the runner reads of an environment file (actions/runner: FileCommandManager.cs; not on Windows).

    Whichever of `=` and `<<` comes first decides. Empty lines are skipped. A value between marks keeps its
    inner line ends; the closing line must be the mark and nothing else.
    """
    found, at = dict[str, str](), 0
    while at < len(text):
        line, at = _line(text, at)
        if not line:
            continue
        equals, marks = line.find("="), line.find("<<")
        if equals >= 0 and (marks < 0 or equals < marks):
            name, _, value = line.partition("=")
        else:
            assert marks >= 0, f"invalid format: {line}"
            name, _, mark = line.partition("<<")
            assert mark, "a mark is needed"
            assert name, "a name is needed"
            start = end = at
            while True:
                assert at < len(text), "no closing mark"
                line, after = _line(text, at)
                if line == mark:
                    at = after
                    break
                at, end = after, after - 1
            value = text[start:end] if end > start else ""
        assert name.upper() != "NODE_OPTIONS"
        found[name] = value
    return found


def _line(text: str, at: int) -> tuple[str, int]:
    end = text.find("\n", at)
    return (text[at:], len(text)) if end < 0 else (text[at:end], end + 1)


def read_powershell(text: str) -> dict[str, str]:
    """Assignments (Microsoft Learn, "about_Quoting_Rules"): two single quotes within them are one.

    Strings and numbered characters are joined by plus signs; characters are units of UTF-16. Nothing beyond
    ASCII may be there, since some of that would be quotes, too.
    """
    found = dict[str, str]()
    line = re.compile(r"\$env:(\w+) = ('(?:[^']|'')*'(?: \+ (?:'(?:[^']|'')*'|\[char\]\d+))*)\n")
    at = 0
    while at < len(text):
        match = line.match(text, at)
        assert match, "no assignment"
        units = b""
        for string, number in re.findall(r"'((?:[^']|'')*)'|\[char\](\d+)", match[2]):
            units += (
                int(number).to_bytes(2, "big") if number else string.replace("''", "'").encode("utf-16-be")
            )
        found[match[1]] = units.decode("utf-16-be", "surrogatepass")
        at = match.end()
    return found


def read_cmd(text: str) -> dict[str, str]:
    """Lines of a batch file (Microsoft Learn, "set"): two percent signs are one, the last quote ends.

    One percent sign would begin a variable; a quote would end what protects `&|<>^`.
    """
    found = dict[str, str]()
    for line in text.splitlines(keepends=True):
        match = re.fullmatch(r'@set "(\w+)=((?:[ !#$&-~]|%%)*)"\r\n', line)
        assert match, line
        assert len(line.rstrip()) <= 8191
        found[match[1]] = match[2].replace("%%", "%")
    return found


def read_docker(text: str) -> dict[str, str]:
    """A file of variables as `docker run --env-file` takes it: `NAME=value`, all of it as it is."""
    return dict(line.split("=", 1) for line in text.splitlines())


def read_gitlab(text: str) -> dict[str, str]:
    """A dotenv report (GitLab documentation, "artifacts:reports:dotenv")."""
    assert len(text.encode()) <= 5 * 1024
    found = dict[str, str]()
    for line in text.splitlines():
        match = re.fullmatch(r"(\w+)=([^\s'\"]*)", line, re.ASCII)
        assert match, line
        found[match[1]] = match[2]
    return found
