"""The edge to keyring: what pip, uv, Poetry, PDM and others ask for the credential of an index.

Every program that uses keyring loads this module, whatever it looks for: until a question is about one of our
hosts nothing else is loaded. It only reads: where it has no answer, and for whatever is to be stored, keyring
goes on to the next backend, as a rule the operating system's vault. (keyring: backends/chainer.py)
"""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from keyring.backend import KeyringBackend
from keyring.credentials import SimpleCredential

from pip_authenticate import ENVIRON

if TYPE_CHECKING:
    from pip_authenticate.index import Credential

_FEEDS = "pkgs.dev.azure.com"
_OWN_FEEDS = ".pkgs.visualstudio.com"
_SETTINGS = ("PIP_AUTHENTICATE_INDEXES", "PIP_AUTHENTICATE_ORGANIZATION")
_FILE_CHARACTERS = 1024 * 1024


class Keyring(KeyringBackend):
    """Answers for indexes of Azure Artifacts, and for those that the user has listed.

    It never asks a person and never raises an exception: one of its would hide the backends behind it. What
    it has found out it remembers as long as the process runs, also that there is nothing.
    """

    # Above the operating systems' vaults (5), so that a token comes before a password that has ended; below
    # the chain of all backends (10); and above backends for the same feeds (9.9), which may raise exceptions.
    # Viable everywhere: which hosts are asked about is not known before they are.
    priority = 9.95

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known = dict[str, "Credential | None"]()

    def get_credential(self, service: str, username: str | None) -> SimpleCredential | None:
        """User name and password for the address of an index, with or without a user name in it."""
        del username  # the one that belongs to the password counts
        found = self._found(service)
        return SimpleCredential(found.username, found.secret.reveal()) if found else None

    def get_password(self, service: str, username: str) -> str | None:
        """The password for the address of an index; Azure Artifacts takes any user name with it."""
        del username
        found = self._found(service)
        return found.secret.reveal() if found else None

    def set_password(self, service: str, username: str, password: str) -> NoReturn:
        """Leave it to the next backend."""
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> NoReturn:
        """Leave it to the next backend."""
        raise NotImplementedError

    def _found(self, service: str) -> "Credential | None":
        if service not in self._known:
            self._known[service] = _ask(service)
        return self._known[service]


def _ask(service: str) -> "Credential | None":
    """What there is for a service; whatever goes wrong is said in a line on standard error."""
    try:
        if not _may_be_ours(service):
            return None
        from pip_authenticate import keyring_access  # noqa: PLC0415 - most questions are not for us

        return keyring_access.credential(service, ENVIRON)
    except Exception as error:  # noqa: BLE001 - it would end the program that asks, or hide other backends
        with suppress(Exception):  # nobody may be listening
            sys.stderr.write(f"pip-authenticate: error: keyring gets no answer: {type(error).__name__}\n")
        return None


def _may_be_ours(service: str) -> bool:
    """Whether the address of an index, or a bare host, is worth a look.

    A bare host that all organisations share stands for none of them: the answer would be sent to whichever
    is asked next.
    """
    is_address = service.startswith(("https://", "http://"))
    try:
        host = urlsplit(service if is_address else f"//{service}").hostname or ""
    except ValueError:
        return False
    if host.endswith(_OWN_FEEDS) or not is_address:
        return host.endswith(_OWN_FEEDS)
    return host == _FEEDS or _is_in_settings(host)


def _is_in_settings(host: str) -> bool:
    """Whether the user's settings name a host at all."""
    if any(host in ENVIRON.get(name, "").lower() for name in _SETTINGS):
        return True
    from pip_authenticate.user_folders import settings_file  # noqa: PLC0415 - a service may be no address

    path = settings_file(ENVIRON)
    if not os.path.isfile(path):
        return False
    with open(path, encoding="utf-8", errors="replace") as file:
        return host in file.read(_FILE_CHARACTERS).lower()
