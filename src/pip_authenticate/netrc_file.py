"""A netrc file: credentials by host, for the many programs that read one.

Its readers differ (GNU inetutils, "The .netrc file"; Python's netrc; curl; uv): what is written here is
read alike by all of them. They know hosts, neither ports nor paths.
"""

from pip_authenticate.client_settings import PrivateFile
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex, Credential
from pip_authenticate.secret import Secret

VARIABLE = "NETRC"
"""Where programs look for the path of another file than the user's own (requests: utils.py; uv)."""
NAME = "netrc"


def of(indexes: list[AuthenticatedIndex], own: Secret) -> PrivateFile:
    """The file for some indexes.

    Args:
        indexes: with their credentials.
        own: the text of the user's own file, which this one takes the place of: its entries follow, so that
            those of the indexes' hosts come first.

    Raises:
        DeliveryError: two credentials share a host, or one cannot be written so that all readers agree.
    """
    hosts = dict[str, tuple[Credential, str]]()
    for index in indexes:
        host = index.url.origin.host
        credential, source = hosts.setdefault(host, (index.credential, index.source))
        if credential != index.credential:
            raise DeliveryError(
                "host-shared",
                f"{source} and {index.source} have different credentials on one host, {host}, and a netrc "
                "file knows hosts only",
                hint="Give them in variables, or use one of them at a time.",
            )
    lines = [_line(host, credential, source) for host, (credential, source) in hosts.items()]
    return PrivateFile(NAME, Secret("".join(lines) + _without(own, set(hosts))), (VARIABLE,))


def _line(host: str, credential: Credential, source: str) -> str:
    user, password = credential.username, credential.secret.reveal()
    for text in (user, password):
        if not text or not text.isprintable() or not text.isascii() or set(text) & set(' "\\#'):
            raise DeliveryError(
                "netrc-unfit",
                f"The credential of {source} holds a character that programs read differently in a netrc "
                "file",
                hint="Give it in variables, or choose a secret of letters, digits and plain signs.",
            )
    return f"machine {host} login {user} password {password}\n"


def _without(own: Secret, hosts: set[str]) -> str:
    """The user's own text, without entries for some hosts: of two, some programs take the last one."""
    kept = list[str]()
    is_kept = True
    for line in own.reveal().splitlines(keepends=True):
        words = line.split()
        if words[:1] == ["machine"]:
            is_kept = words[1:2] == [] or words[1] not in hosts
        elif words[:1] in (["default"], ["macdef"]):
            is_kept = True
        if is_kept:
            kept.append(line)
    return "".join(kept)
