"""Beside other programs between an installer and a private index: what they do that this one must not.

Each property is tried on all of them in the same way. That the others lack some is the control: a test that
they pass, too, would prove little. Where they have one, that is said here as well.

Every program stands before the same two indexes: a private one, which wants a credential and has `owned` 1.0,
and a public one, on which a stranger has published `owned` 99.0.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from urllib.parse import unquote

import pytest

from support import canary, rivals, wheels
from support.azure_shape import store
from support.command import COMMAND, Command
from support.http_service import Answer, Raw, Request, Service
from support.programs import QUIET, Programs
from support.rivals import LOG, NETRC, PROXPI, SRS
from support.watching import Watch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc"),
]
NAME, BYTES = "owned", 2_000_000
RUN, SERVE = "run", "serve"
PRIVATE, STRANGERS, NOTHING = {"1.0"}, {"99.0"}, set[str]()
ASKING = f"""
import base64, http.client, json, os
from urllib.parse import urljoin, urlsplit

def ask(url, **headers):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port)
    if place.username:
        pair = base64.b64encode(f"{{place.username}}:{{place.password}}".encode()).decode()
        headers["Authorization"] = f"Basic {{pair}}"
    connection.request("GET", place.path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Location") or "", answer.read()

page = urljoin(os.environ["PIP_INDEX_URL"], "{NAME}/")
content = ask(page, Accept="text/html")[2].decode()
file = urljoin(page, next(part for part in content.split('"') if "{NAME}-1.0" in part).partition("#")[0])
if "@" in page and "@" not in file:
    file = file.replace("://", "://" + urlsplit(page).netloc.rpartition("@")[0] + "@")
status, location, content = ask(file, Range="bytes=0-99")
print(json.dumps([status, location, len(content)]))
"""
"""Asks for the first hundred bytes of the private file; prints the answer's status, Location and length."""


class Index:
    """An index with one project of one file.

    Args:
        file: of the project.
        token: opens it, or empty where it is public.

    Attributes:
        is_expired: whether it takes the token no more.
        is_unwell: whether it answers 503 for the project, whose name is not in its list yet.
        delay: seconds before a file comes.
        sent: bytes of files that it has sent.
    """

    def __init__(self, file: Path, token: str = "") -> None:
        self._name, self._store, self._token = file.name, store(file.read_bytes()), token
        self.is_expired, self.is_unwell, self.delay, self.sent = False, False, 0.0, 0
        self.service = Service(self._answer)

    @property
    def url(self) -> str:
        return f"{self.service.url}/simple/"

    def _answer(self, request: Request) -> "Answer | Raw":
        if self._token and (self.is_expired or not request.login or request.login[1] != self._token):
            return Answer(401, headers=[("WWW-Authenticate", "Basic")])
        if request.path == "/simple/":
            return _page("" if self.is_unwell else f'<a href="/simple/{NAME}/">{NAME}</a>')
        if request.path.startswith(f"/simple/{NAME}"):
            return Answer(503) if self.is_unwell else _page(f'<a href="/files/{self._name}">{self._name}</a>')
        if request.path != f"/files/{self._name}":
            return Answer(404)
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        answer = self._store(request._replace(headers=headers))
        if isinstance(answer, Answer):
            answer.delay = self.delay
            self.sent += len(answer.body)
        return answer


def _page(anchors: str) -> Answer:
    body = f"<!DOCTYPE html><html><body>{anchors}</body></html>"
    return Answer(200, body.encode(), headers=[("Content-Type", "text/html")])


class Place:
    """Two indexes, and programs before them.

    Args:
        folder: everything lies in it.
        programs: have the installers and the rivals.
    """

    def __init__(self, folder: Path, programs: Programs) -> None:
        self.token = canary.token()
        self._programs = programs
        self._command = Command(folder)
        self.project = self._command.project
        files = folder / "files"
        files.mkdir()
        large = wheels.write(files, NAME, "1.0", f"# {os.urandom(BYTES // 2).hex()}")
        self.private = Index(large, self.token)
        self.public = Index(wheels.write(files, NAME, "99.0"))
        self.stranger = self.public.url.replace("127.0.0.1", "localhost")
        paths = (str(programs.place("pip")), str(programs.place("uv")), os.defpath)
        temporary = folder / "tmp"
        temporary.mkdir()
        self._environ = {
            **self._command.environ, **QUIET,
            "PATH": ":".join(paths), "TMPDIR": str(temporary), "PIP_TRUSTED_HOST": "localhost",
        }  # fmt: skip

    def close(self) -> None:
        """Serve no more."""
        self.private.service.close()
        self.public.service.close()

    def through(self, program: str, *client: str) -> "subprocess.CompletedProcess[str]":
        """Run a client that comes to the indexes through a program, which is started for it."""
        indexes = (self.private.url, self.stranger)
        if program in rivals.REQUIREMENTS:
            place = self._programs.environment(program, *rivals.REQUIREMENTS[program])
            login = ("build", self.token)
            up = rivals.serving(program, place, self._command.home, indexes, login, self._environ)
            return self._run(client, up)
        way = ("--port", "0") if program == SERVE else ("--via", "gateway")
        own = ("--client", "pip,uv", "--token-stdin", "--public", self.stranger, self.private.url)
        return self._run((COMMAND, program, *way, *own, "--", *client), nullcontext(""))

    def _run(
        self, command: Sequence[str], up: AbstractContextManager[str]
    ) -> "subprocess.CompletedProcess[str]":
        with up as index:
            told = {"PIP_INDEX_URL": index, "UV_DEFAULT_INDEX": index} if index else {}
            return subprocess.run(
                command,
                env={**self._environ, **told},
                cwd=self.project,
                input="" if index else self.token,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

    def install(self, program: str) -> "subprocess.CompletedProcess[str]":
        """Have pip fetch the package; what lies in the home and in the folder for temporary files is kept.

        Behind `run` pip asks both indexes itself.
        """
        more = f"--extra-index-url {self.stranger}" if program == RUN else ""
        script = f'pip download -q --no-deps --dest got {more} {NAME}; cp -R "$HOME" "$TMPDIR" kept'
        (self.project / "kept").mkdir()
        return self.through(program, "sh", "-c", script)

    @property
    def showing(self) -> set[str]:
        """The names of the files that show the credential to code of this user while pip runs."""
        found = canary.holding(self.project / "kept", canary.spellings(self.token))
        return {path.name for path in found}

    @property
    def taken(self) -> set[str]:
        """The versions that pip has fetched."""
        return {file.name.split("-")[1] for file in (self.project / "got").iterdir()}


@pytest.fixture
def place(tmp_path: Path, programs: Programs) -> Iterator[Place]:
    one = Place(tmp_path, programs)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize(
    ("program", "taken", "sightings", "files"),
    [
        (RUN, PRIVATE, set(), set()),
        (SERVE, PRIVATE, set(), set()),
        (PROXPI, STRANGERS, {"gunicorn: environ"}, set()),
        (SRS, PRIVATE, set(), {NETRC}),
    ],
)
def test_whose_package_comes_and_who_can_see_the_credential(
    place: Place, program: str, taken: set[str], sightings: set[str], files: set[str]
) -> None:
    """Who looks at all processes meanwhile, and at what is said and at files."""
    texts = canary.spellings(place.token)
    with Watch(texts) as watch:
        ended = place.install(program)
    assert place.taken == taken, ended.stderr
    assert watch.rounds > 20
    assert watch.seen == sightings
    assert not any(text.decode() in ended.stdout + ended.stderr for text in texts)
    assert place.showing == files


@pytest.mark.parametrize(
    ("program", "files"), [(RUN, set()), (SERVE, set()), (PROXPI, {LOG}), (SRS, {NETRC})]
)
def test_nothing_comes_once_the_credential_has_expired(place: Place, program: str, files: set[str]) -> None:
    """That pip takes the stranger's then, where it asks both indexes itself, is tried elsewhere."""
    place.private.is_expired = True
    ended = place.install(program)
    assert place.taken == NOTHING, ended.stderr
    assert place.showing == files
    assert ("does not say whether it has owned" in ended.stderr) == (program in {RUN, SERVE})


@pytest.mark.parametrize(
    ("program", "taken"), [(RUN, NOTHING), (SERVE, NOTHING), (PROXPI, STRANGERS), (SRS, NOTHING)]
)
def test_what_comes_while_the_private_index_is_not_well(place: Place, program: str, taken: set[str]) -> None:
    """One of them goes by the list of names then, which is not the newest one."""
    place.private.is_unwell = True
    ended = place.install(program)
    assert place.taken == taken, ended.stderr


@pytest.mark.parametrize(("program", "is_shown"), [(SERVE, False), (PROXPI, True), (SRS, False)])
def test_whether_a_client_is_shown_the_credential_where_a_file_takes_long(
    place: Place, program: str, *, is_shown: bool
) -> None:
    place.private.delay = 1.5
    ended = place.through(program, sys.executable, "-I", "-c", ASKING)
    status, location, size = json.loads(ended.stdout)
    assert (place.token in unquote(location)) == is_shown
    assert status == 302 if is_shown else (status, size) == (206, 100)


@pytest.mark.parametrize(("program", "is_whole"), [(SERVE, False), (PROXPI, True), (SRS, False)])
def test_how_much_is_read_where_a_client_asks_for_a_hundred_bytes(
    place: Place, program: str, *, is_whole: bool
) -> None:
    ended = place.through(program, sys.executable, "-I", "-c", ASKING)
    assert json.loads(ended.stdout)[0] == 206
    assert place.private.sent > BYTES if is_whole else place.private.sent == 100


@pytest.mark.parametrize(("program", "is_whole"), [(RUN, False), (SERVE, False), (PROXPI, True), (SRS, True)])
def test_how_much_of_a_wheel_uv_needs_for_its_metadata(place: Place, program: str, *, is_whole: bool) -> None:
    """Where it may read parts only, of an index that has no metadata by themselves."""
    (place.project / "wanted.in").write_text(f"{NAME}==1.0", encoding="utf-8")
    ended = place.through(
        program, "env", "UV_REQUIRE_METADATA_RANGE_REQUESTS=1", "uv", "pip", "compile", "-q", "wanted.in"
    )
    assert ended.returncode == 0, ended.stderr
    assert f"{NAME}==1.0" in ended.stdout
    assert place.private.sent >= BYTES if is_whole else place.private.sent <= BYTES // 20
