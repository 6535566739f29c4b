"""What uv is told of indexes, by itself or by a program that runs it."""

import re

from pip_authenticate import named_indexes, netrc_file, shared_hosts
from pip_authenticate.client_settings import ClientSettings, PrivateFile, Wish, address_variables
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.secret import Secret

PRIMARY = "UV_DEFAULT_INDEX"
EXTRA = "UV_INDEX"
_LOGIN = ("UV_INDEX_{}_USERNAME", "UV_INDEX_{}_PASSWORD")


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """Indexes that a project names keep their places in it, and get credentials only; others get addresses.

    One that was only found, and has no name for uv, is known to uv by its address, or is none of uv's.

    uv takes empty variables of a named index for an empty login, also where a netrc file knows better
    (measured with uv 0.13.9): where they cannot be unset later, that file takes their place.

    Raises:
        DeliveryError: two credentials share a host: uv would send one's for the other (measured).
    """
    shared_hosts.first_of_each("uv", indexes, lambda index: f"{index.url.origin.scheme}://{index.url.netloc}")
    named = [(name, index) for index in indexes for by, name in index.names if by == "uv"]
    places = {id(index) for _, index in named}
    others = [index for index in indexes if id(index) not in places and index.is_asked_for]
    found = [index for index in indexes if id(index) not in places and not index.is_asked_for]
    variables = address_variables(PRIMARY, EXTRA, others, wish, _label)
    by_file = indexes and (wish.by_files or found or (named and not wish.can_unset))
    files: tuple[PrivateFile, ...] = (netrc_file.of(indexes, wish.own_netrc),) if by_file else ()
    if wish.addresses_too and others:
        files += (_configuration(others, wish),)
    if not by_file:
        variables += named_indexes.variables(named, _LOGIN, _spelled, can_be_emptied=False)
    return ClientSettings(variables, files)


def _configuration(indexes: list[AuthenticatedIndex], wish: Wish) -> PrivateFile:
    """A uv.toml without any credential, for who sets UV_CONFIG_FILE or mounts it as a secret.

    No variable names it: where UV_CONFIG_FILE does, uv reads neither the project's configuration nor the
    user's (uv documentation, "Configuration files").
    """
    tables = list[str]()
    for position, index in enumerate(indexes):
        named = "".join(f'name = "{name}"\n' for by, name in index.names[:1] if not by)
        default = "" if position or wish.only_extra else "default = true\n"
        tables.append(f'[[index]]\n{named}url = "{index.url}"\n{default}')
    return PrivateFile("uv.toml", Secret("\n".join(tables)))


def _label(index: AuthenticatedIndex) -> str:
    """A name that a person gave the index for this run (uv documentation, "Package indexes")."""
    return "".join(f"{name}=" for by, name in index.names[:1] if not by)


def _spelled(name: str) -> str:
    return re.sub("[^A-Z0-9]", "_", name.upper())
