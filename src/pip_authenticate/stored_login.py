"""Who has signed in with this program: kept in a file of the user's alone, until they sign out.

It holds a refresh token, as the Azure CLI's own file does.
"""

import os
from contextlib import closing
from typing import NamedTuple

from pip_authenticate.azure.application import Application
from pip_authenticate.client_settings import PrivateFile
from pip_authenticate.private_files import Folder, made_with_parents
from pip_authenticate.secret import Secret

_NAME = "login"


class Login(NamedTuple):
    """Somebody who has signed in.

    Args:
        application: where, and for which.
        account: the person's name in Entra, or empty.
        refresh: gets tokens.
    """

    application: Application
    account: str
    refresh: Secret


def read(path: str) -> Login | None:
    """Who has signed in; None where nobody has.

    Args:
        path: of the folder for what is kept between runs.

    Raises:
        DeliveryError: the folder is not the user's alone.
    """
    try:
        folder = Folder.found(path)
    except OSError:
        return None
    with closing(folder):
        lines = (folder.read(_NAME) or b"").decode("utf-8", "replace").split("\n")
    if len(lines) != 6 or not lines[4]:
        return None
    authority, tenant, client_id, account, token, _ = lines
    return Login(Application(authority, tenant, client_id), account, Secret(token))


def keep(path: str, login: Login) -> None:
    """Keep who has signed in, in the place of whoever had.

    Raises:
        DeliveryError: that cannot be done.
    """
    text = "\n".join((*login.application, login.account, login.refresh.reveal(), ""))
    with closing(made_with_parents(path)) as folder:
        folder.write([PrivateFile(_NAME, Secret(text))])


def forget(path: str) -> bool:
    """Remove it; says whether anybody had signed in."""
    try:
        os.unlink(os.path.join(path, _NAME))
    except OSError:
        return False
    return True
