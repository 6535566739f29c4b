"""The variables of a program that is started: the caller's own, but without secrets."""

import re
from collections.abc import Iterable, Mapping

from pip_authenticate.index import TOKEN_USER, Credential
from pip_authenticate.secret import Secret

OWN = frozenset({"PIP_AUTHENTICATE_TOKEN", "SYSTEM_ACCESSTOKEN"})
"""Variables that this program reads a credential from."""
_SHORTEST_PART = 4
"""A shorter secret is looked for as a whole value only: as a part it stands in everything."""
_CLIENTS = ("PIP_", "PIPENV_", "PDM_", "POETRY_", "UV_", "TWINE_")
_LOGIN = r"(?<=://)[^/?#\s]*@"


def without(environ: Mapping[str, str], secrets: Iterable[Secret]) -> dict[str, str]:
    """The variables that hold none of some secrets.

    The addresses in variables of installers stay, without their logins: they may be all that names an index.

    Args:
        environ: variables by name.
        secrets: what no program shall find there, in no spelling.
    """
    texts = {text for secret in set(secrets) for text in _spellings(secret)}
    kept = dict[str, str]()
    for name, value in environ.items():
        if name in OWN:
            continue
        shown = value
        if _holds(value, texts) and name.upper().startswith(_CLIENTS):
            shown = re.sub(_LOGIN, "", value)
        if not _holds(shown, texts):
            kept[name] = shown
    return kept


def _spellings(secret: Secret) -> Iterable[str]:
    """A secret as it is, percent-encoded, and as HTTP sends it with the usual user names."""
    for user in (TOKEN_USER, ""):
        yield from (spelling.reveal() for spelling in Credential(user, secret).spellings)


def _holds(value: str, texts: set[str]) -> bool:
    return any(value == text or (len(text) >= _SHORTEST_PART and text in value) for text in texts)
