"""What the stand-ins share: what they were told, what goes wrong, and how they ask the emulator."""

import json
import ssl
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

_HANGS = 300
_TIMEOUT = 60


class Refused(Exception):  # noqa: N818 - it is an answer
    """The emulator gave no token; its words are the reason."""


def begin() -> tuple[dict[str, Any], list[str]]:
    """What this program was told when it was written, and its arguments; they are noted in a file."""
    file = Path(sys.argv[1])
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    arguments = sys.argv[2:]
    with file.with_suffix(".calls").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(arguments) + "\n")
    return told, arguments


def trouble(told: dict[str, Any]) -> None:
    """Let what is to go wrong go wrong."""
    kind = told["trouble"]
    time.sleep(_HANGS if kind == "hang" else told["seconds"])
    if kind == "garbage":
        sys.stdout.write("<html>this is no JSON")
        sys.exit(0)
    if kind == "crash":
        try:
            raise RuntimeError("made to crash")  # noqa: TRY301 - for its traceback
        except RuntimeError:
            traceback.print_exc()
        sys.exit(1)
    if kind == "warning":
        sys.stderr.write("WARNING: A new version of this program is available.\n")


def ask(told: dict[str, Any], url: str, form: dict[str, str], headers: dict[str, str]) -> dict[str, Any]:
    """Send a form, or get an address where there is none; gives the answer's JSON.

    Raises:
        Refused: there is no such answer.
    """
    context = ssl.create_default_context(cadata=told["authority_pem"] or None)
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    request = Request(url, urlencode(form).encode() if form else None, headers)  # noqa: S310 - the emulator's
    try:
        with opener.open(request, timeout=_TIMEOUT) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except HTTPError as error:
        try:
            reason = json.load(error)["error_description"]
        except (ValueError, LookupError, TypeError):
            reason = f"HTTP status {error.code}"
        raise Refused(reason) from None
    except (URLError, OSError, ValueError) as error:
        raise Refused(f"The connection failed: {type(error).__name__}") from None


def token(told: dict[str, Any], tenant: str, scope: str) -> dict[str, Any]:
    """A token of whoever is signed in.

    Raises:
        Refused: there is none.
    """
    if told["machine"]:
        resource = scope.removesuffix("/.default")
        query = urlencode({"api-version": "2018-02-01", "resource": resource, "client_id": told["client_id"]})
        return ask(told, f"{told['machine']}?{query}", {}, {"Metadata": "true"})
    form = {**told["form"], "client_id": told["client_id"], "scope": scope}
    return ask(told, f"{told['authority']}/{tenant}/oauth2/v2.0/token", form, {})


def fail(text: str, code: int = 1) -> NoReturn:
    """End with a message on standard error."""
    sys.stderr.write(text + "\n")
    sys.exit(code)
