"""What becomes of the values that the clients' variables hold already, and of the files that those name.

Clients take an empty variable for an unset one. A value that no run of ours stored is the user's own.
"""

import os
from collections.abc import Collection
from typing import NamedTuple

from pip_authenticate.redaction import hosts_in
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Settings

PRIMARY_NOTE = (
    "From now on pip asks its own primary index again, the public one unless configured otherwise: a "
    "stranger's package of a private one's name can come from there."
)
FOREIGN_NOTE = (
    "pip asks {} too, and installs the highest version that any index offers. Empty the variable if that "
    "is not meant."
)
_PRIMARY_NOTES = {"PIP_INDEX_URL": PRIMARY_NOTE, "UV_DEFAULT_INDEX": PRIMARY_NOTE.replace("pip", "uv")}
_FOREIGN_NOTES = {
    "PIP_EXTRA_INDEX_URL": FOREIGN_NOTE,
    "UV_INDEX": "uv asks {} before all others. Empty the variable if that is not meant.",
}
_ADDRESSES = ("_URL", "_INDEX", "_REPO", "_MIRROR")
"""How names of variables end that hold addresses; of no other's value is anything shown."""


class Fate(NamedTuple):
    """What becomes of them.

    Args:
        erased: what takes the place of those that an earlier run of this job stored, by variable name.
        lines: what a person may want to know.
        warnings: what a person must know.
    """

    erased: dict[str, Secret]
    lines: list[str]
    warnings: list[str]


def fate(assigned: Collection[str], settings: Settings) -> Fate:
    """Say what becomes of each value.

    Args:
        assigned: names of the variables that this run sets.
        settings: tell the values, and which of them an earlier run stored.
    """
    told = Fate({}, [], [])
    for name, value in settings.previous.items():
        shown = hosts_in(value) if name.endswith(_ADDRESSES) else ""
        named, names = (f"; it {verb} {shown}" if shown else "" for verb in ("named", "names"))
        if name in assigned:
            told.lines.append(f"{name} is replaced{named}.")
        elif _is_ours(name, settings):
            told.erased[name] = _left(name, settings)
            text = f"{name}, which an earlier run of this task set, is emptied{named}."
            if name in _PRIMARY_NOTES:
                told.warnings.append(f"{text} {_PRIMARY_NOTES[name]}")
            else:
                told.lines.append(text)
        elif name in _FOREIGN_NOTES:
            told.warnings.append(
                f"{name} was not set by this task and stays: {_FOREIGN_NOTES[name].format(shown)}"
            )
        else:
            told.lines.append(f"{name} was not set by this task and stays{names}.")
    return told


def _left(name: str, settings: Settings) -> Secret:
    """What takes the place of a value that is erased: nothing, but for one name.

    requests, and so pip and Poetry, look at no netrc file at all where NETRC is empty (requests: utils.py).
    """
    is_netrc = name == "NETRC" and os.path.isfile(settings.own_netrc)
    return Secret(settings.own_netrc if is_netrc else "")


def remove_files(settings: Settings) -> None:
    """Remove the files that an earlier run of this job wrote."""
    ours = [value for name, value in settings.previous.items() if _is_ours(name, settings)]
    if ours and settings.temporary_folder:
        from pip_authenticate import private_files, stored_files  # noqa: PLC0415 - values for pip name none

        for folder in stored_files.folders_of(ours, settings.temporary_folder):
            private_files.remove(folder)


def own_netrc(settings: Settings) -> Secret:
    """The text of the user's own netrc file; NETRC may name it, if no earlier run wrote that."""
    from pip_authenticate import netrc_file  # noqa: PLC0415 - values for pip need none

    given = settings.previous.get(netrc_file.VARIABLE)
    is_own = given and not _is_ours(netrc_file.VARIABLE, settings)
    return netrc_file.text_of(given.reveal() if given and is_own else settings.own_netrc)


def _is_ours(name: str, settings: Settings) -> bool:
    """Whether an earlier run of this job stored what a variable holds now."""
    return settings.remembered.get(name) == settings.previous[name].digest
