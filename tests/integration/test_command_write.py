"""The commands write and forget: files for later, whole at any moment, and gone without a trace."""

import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from support.command import Command

URL = "https://pkgs.dev.azure.com/contoso/_packaging/{}/pypi/simple/"
FIRST, SECOND = "write-canary-1a2b3c", "write-canary-second-and-longer-4d5e6f"
WRITTEN = [".pip-authenticate", "netrc", "pip.conf", "variables.env", "variables.sh"]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    one = Command(tmp_path)
    for folder in (tmp_path, one.project, one.home):
        folder.chmod(0o700)
    one.environ |= {"PIP_AUTHENTICATE_TOKEN": FIRST, "PIP_AUTHENTICATE_CLIENT": "pip"}
    return one


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def written(command: Command, *more: str, token: str = FIRST) -> Path:
    ended = command("write", "auth", *(more or [URL.format("one")]), PIP_AUTHENTICATE_TOKEN=token)
    assert ended.returncode == 0, ended.stderr
    assert token not in ended.stdout + ended.stderr
    return command.project / "auth"


def refusal(command: Command, *arguments: str) -> str:
    """The one line with which a command fails."""
    ended = command(*arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    return line


def test_files_are_private_and_a_shell_reads_them(command: Command) -> None:
    folder = written(command)
    assert names(folder) == WRITTEN
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    script = '. auth/variables.sh; echo "$PIP_INDEX_URL"; cat "$NETRC"'
    shell = subprocess.run(
        ["sh", "-c", script], cwd=command.project, capture_output=True, text=True, timeout=30, check=True
    )
    address, line = shell.stdout.splitlines()
    assert address == URL.format("one")
    assert line == f"machine pkgs.dev.azure.com login build password {FIRST}"
    assert f"PIP_INDEX_URL={address}\n" in (folder / "variables.env").read_text(encoding="utf-8")
    assert FIRST not in "".join((folder / f"variables.{kind}").read_text() for kind in ("sh", "env"))


def test_forget_leaves_nothing(command: Command) -> None:
    before = names(command.project)
    written(command)
    assert command("forget", "auth").returncode == 0
    assert names(command.project) == before
    assert "cannot be used" in refusal(command, "forget", "auth")


def test_writing_again_refreshes_in_place(command: Command) -> None:
    folder = written(command)
    number = folder.stat().st_ino
    written(command, URL.format("two"), token=SECOND)
    assert folder.stat().st_ino == number
    assert names(folder) == WRITTEN
    assert SECOND in (folder / "netrc").read_text(encoding="utf-8")
    assert "two" in (folder / "variables.sh").read_text(encoding="utf-8")
    assert command("forget", "auth").returncode == 0
    assert not folder.exists()


def test_readers_see_whole_files_while_they_are_refreshed(command: Command) -> None:
    folder = written(command)
    whole = {
        f"machine pkgs.dev.azure.com login build password {token}\n".encode() for token in (FIRST, SECOND)
    }
    seen, is_over = set[bytes](), threading.Event()

    def read() -> None:
        while not is_over.is_set():
            try:
                seen.add((folder / "netrc").read_bytes())
            except OSError as error:
                seen.add(repr(error).encode())

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in range(8):
            written(command, token=(FIRST, SECOND)[number % 2])
    finally:
        is_over.set()
        for reader in readers:
            reader.join()
    assert seen == whole


def test_writers_at_once_leave_one_whole_set(command: Command) -> None:
    folder = written(command)
    processes = [
        threading.Thread(target=written, args=(command,), kwargs={"token": (FIRST, SECOND)[number % 2]})
        for number in range(6)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert names(folder) == WRITTEN
    assert command("forget", "auth").returncode == 0
    assert not folder.exists()


def test_what_a_killed_writer_left_is_cleared_away(command: Command) -> None:
    folder = written(command)
    (folder / ".0123456789abcdef.new~").write_text("half a canary", encoding="utf-8")
    written(command, token=SECOND)
    assert names(folder) == WRITTEN


def test_the_users_own_netrc_is_taken_over_whole_or_refused(command: Command) -> None:
    """Neither is half of it, nor is somebody waited for who might write into a pipe."""
    own = command.home / ".netrc"
    entry = "machine {}.example login u password p\n"
    own.write_text("".join(entry.format(number) for number in range(4000)), encoding="utf-8")
    assert own.stat().st_size > 128 * 1024
    text = (written(command) / "netrc").read_text(encoding="utf-8")
    assert text.endswith(own.read_text(encoding="utf-8"))
    own.write_bytes(b"#" * (1024 * 1024 + 1))
    assert "too long to be taken over" in refusal(command, "write", "auth", URL.format("one"))
    pipe = command.home / "pipe"
    os.mkfifo(pipe)
    command.environ["NETRC"] = str(pipe)
    assert (written(command) / "netrc").read_text(encoding="utf-8").count("\n") == 1


def test_forget_says_what_it_does_as_it_is_asked(command: Command) -> None:
    for option, lines in (("--quiet", 0), ("--verbose", len(WRITTEN))):
        written(command)
        ended = command("forget", "auth", option)
        assert (ended.returncode, ended.stdout) == (0, "")
        assert len(ended.stderr.splitlines()) == lines
    assert "netrc is removed" in ended.stderr


# ---- what is somebody else's ------------------------------------------------------------------------


def test_what_the_user_changed_or_added_stays_and_is_named(command: Command) -> None:
    folder = written(command)
    (folder / "netrc").write_text("changed", encoding="utf-8")
    (folder / "mine").write_text("added", encoding="utf-8")
    assert "netrc" in refusal(command, "write", "auth", URL.format("one"))
    ended = command("forget", "auth")
    assert ended.returncode == 1
    assert [line for line in ended.stderr.splitlines() if "netrc" in line and "changed" in line]
    assert [line for line in ended.stderr.splitlines() if "mine" in line]
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
        "netrc": "changed",
        "mine": "added",
    }
    assert "not written by pip-authenticate" in refusal(command, "forget", "auth")


def test_a_folder_with_something_in_it_is_refused(command: Command) -> None:
    folder = command.project / "auth"
    folder.mkdir(mode=0o700)
    (folder / "netrc").write_text("mine", encoding="utf-8")
    assert "holds something already" in refusal(command, "write", "auth", URL.format("one"))
    assert (folder / "netrc").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_others_can_enter_is_refused(command: Command) -> None:
    folder = command.project / "auth"
    folder.mkdir()
    folder.chmod(0o755)
    assert "not yours alone" in refusal(command, "write", "auth", URL.format("one"))
    assert names(folder) == []


# ---- thieves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_link_in_place_of_the_folder_is_refused(command: Command, tmp_path: Path, ending: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (command.project / "auth").symlink_to(elsewhere)
    refusal(command, "write", f"auth{ending}", URL.format("one"))
    refusal(command, "forget", f"auth{ending}")
    assert names(elsewhere) == []


def test_links_in_place_of_files_are_not_followed(command: Command, tmp_path: Path) -> None:
    folder = written(command)
    target = tmp_path / "target"
    target.write_text("precious", encoding="utf-8")
    (folder / "netrc").unlink()
    (folder / "netrc").symlink_to(target)
    assert "netrc" in refusal(command, "write", "auth", URL.format("one"))
    assert command("forget", "auth").returncode == 1
    assert target.read_text(encoding="utf-8") == "precious"


def test_a_hard_link_keeps_what_it_had(command: Command, tmp_path: Path) -> None:
    folder = written(command)
    os.link(folder / "netrc", tmp_path / "other")
    written(command, token=SECOND)
    assert SECOND not in (tmp_path / "other").read_text(encoding="utf-8")


def test_a_parent_in_which_anybody_may_exchange_it_is_refused(command: Command) -> None:
    shared = command.project / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert "no safe place" in refusal(command, "write", "shared/auth", URL.format("one"))
    below = shared / "below"
    below.mkdir(mode=0o700)
    assert "no safe place" in refusal(command, "write", "shared/below/auth", URL.format("one"))
    (command.project / "way").symlink_to("shared/below")
    assert "no safe place" in refusal(command, "write", "way/auth", URL.format("one"))
    assert names(below) == []
    shared.chmod(0o1777)
    assert command("write", "shared/auth", URL.format("one")).returncode == 0


def test_a_circle_of_links_is_refused(command: Command) -> None:
    (command.project / "a").symlink_to("b")
    (command.project / "b").symlink_to("a")
    assert "too many links" in refusal(command, "write", "a/auth", URL.format("one"))


def test_a_digest_for_a_path_elsewhere_removes_nothing_there(command: Command, tmp_path: Path) -> None:
    folder = written(command)
    victim = tmp_path / "victim"
    victim.write_text("", encoding="utf-8")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    with (folder / ".pip-authenticate").open("a", encoding="utf-8") as file:
        file.write(f"{empty}  ../../victim\n{empty}  {victim}\n")
    assert command("forget", "auth").returncode == 0
    assert victim.exists()


@pytest.mark.parametrize("place", ["/", "..", "/proc/auth", "missing/auth"])
def test_places_that_are_none(command: Command, place: str) -> None:
    assert "error: " in refusal(command, "write", place, URL.format("one"))


def test_the_help_shows_commands_that_work(command: Command) -> None:
    ended = command("write", "auth", "project1/myFeed", "--organization", "fabrikam")
    assert ended.returncode == 0, ended.stderr
    assert command("forget", "auth").returncode == 0


def test_indexes_stand_before_options_or_after_them(command: Command, tmp_path: Path) -> None:
    url = URL.format("feed")
    for number, words in enumerate((["--client", "pip", url], [url, "--client", "pip"], ["-q", url, "-v"])):
        folder = tmp_path / str(number)
        assert command("write", str(folder), *words).returncode == 0
        assert url in (folder / "pip.conf").read_text(encoding="utf-8")
