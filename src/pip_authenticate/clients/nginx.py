"""nginx in front of one index: the line with which it adds the credential to requests.

No project and no PATH shows that it is meant; a name chooses it.
"""

from pip_authenticate.client_settings import ClientSettings, PrivateFile, Wish
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.secret import Secret

FILE = "nginx-authorization.conf"
"""What the server's configuration includes."""
VARIABLES: tuple[str, ...] = ()
KNOWS_PATHS = True
PUBLISHES = False
RUNS_HERE = False
ASKS_AT_ONCE = False


def settings_for(indexes: list[AuthenticatedIndex], _wish: Wish) -> ClientSettings:
    """A file to include (nginx documentation, ngx_http_proxy_module).

    In quotes nginx reads backslashes, quotes and dollars as signs of its own; base64 has none of them.

    Raises:
        DeliveryError: there are several indexes. One line would send the credential of one to all.
    """
    if not indexes:
        return ClientSettings()
    if len(indexes) > 1:
        raise DeliveryError(
            "nginx-one-index",
            f"nginx gets the credential of one index, and here are {len(indexes)}: "
            f"{', '.join(index.source for index in indexes)}",
            hint="Name one; write another's file into a folder of its own.",
        )
    (index,) = indexes
    text = (
        f"# For {index.url}, by pip-authenticate. Who reads this file can open that.\n"
        f'proxy_set_header Authorization "{index.credential.authorization.reveal()}";\n'
    )
    note = f"In nginx's server: include {FILE} of that folder, beside its proxy_set_header; then reload it."
    return ClientSettings(files=(PrivateFile(FILE, Secret(text)),), notes=(note,))
