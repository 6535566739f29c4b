"""What a run of the task sets for later steps, what it erases, and what it says of that.

Nothing is set unless everything was found; what an earlier run stored is erased either way.
"""

import os
from collections.abc import Iterator

from pip_authenticate.authenticate import Found, client, client_settings
from pip_authenticate.client_settings import ClientSettings, Wish
from pip_authenticate.errors import DeliveryError, Faults
from pip_authenticate.index import AuthenticatedIndex, Credential
from pip_authenticate.logging_commands import AzurePipelines
from pip_authenticate.secret import Secret
from pip_authenticate.settings import MEMORY, Settings

CONFUSION_NOTE = (
    "Note: with onlyAddExtraIndex pip also asks its own primary index, the public one unless configured "
    "otherwise, and installs the highest version that any index offers. Whoever publishes a private "
    "package's name there with a higher version gets it installed (dependency confusion). Leaving "
    "onlyAddExtraIndex out, with a feed that has the public index as upstream source, prevents that."
)
GUID_NOTE = (
    "Note: feeds of one organisation with different credentials are written with GUIDs, so that pip "
    "(23.1 or newer) sends each its own. An older pip sends the first one's for every index of a host."
)
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


def deliver(found: Found, settings: Settings, output: AzurePipelines) -> None:
    """Set the clients' variables, and say what was done.

    Raises:
        DeliveryError: the variables cannot reach the later steps; nothing was set.
        Faults: indexes that were verified, and found unusable, where that shall fail the run.
    """
    _report(found, settings, output)
    told = client_settings(found.indexes, settings, _wish(settings))
    for text in (*_advice(found), *told.warnings, *_check(found, told, settings, output)):
        output.warning(text)
    _assign(told, settings, output)
    for position, index in enumerate(found.indexes):
        word = "extra" if position or settings.only_add_extra_index else "primary"
        output.line(f"{word} index: {index.url} ({index.source})")
    expiring = dict[Credential, dict[str, None]]()
    for index in found.indexes:
        if index.credential.expires:
            expiring.setdefault(index.credential, {})[index.source] = None
    for credential, sources in expiring.items():
        output.line(
            f"The credential of {', '.join(sources)} expires at {credential.expires:%Y-%m-%d %H:%M} UTC; "
            "steps that call pip after that need this task to run again."
        )
    if any(index.feed for index in found.indexes):
        output.line(GUID_NOTE)
    if settings.only_add_extra_index and found.indexes:
        output.line(CONFUSION_NOTE)
    for text in told.notes:
        output.line(text)
    _summarize(found, settings, output)
    if not found.indexes:
        output.warning("Neither a feed nor a service connection was named: no index was set.")


def _summarize(found: Found, settings: Settings, output: AzurePipelines) -> None:
    """Leave a summary for the agent to upload; nothing depends on it."""
    if found.indexes and os.path.isdir(settings.temporary_folder):
        from pip_authenticate import summary  # noqa: PLC0415 - what has no place needs no text

        text = summary.of(found, ", ".join(settings.clients))
        output.summarize(text, settings.temporary_folder)


def _advice(found: Found) -> Iterator[str]:
    """Warnings about the indexes; what makes them is loaded where there is a cause."""
    unusual = any(
        index.url.origin.is_exposed
        or index.credential.expires
        or not index.url.path.rstrip("/").endswith("/simple")
        for index in found.indexes
    )
    if unusual or found.doubled or found.mixed:
        from pip_authenticate import advice  # noqa: PLC0415 - most runs give no cause

        yield from advice.on(found)


def _wish(settings: Settings) -> Wish:
    wish = Wish(only_extra=settings.only_add_extra_index, publish=settings.publish, can_unset=False)
    if all(client(name).KNOWS_PATHS for name in settings.clients):
        return wish
    from pip_authenticate import netrc_file  # noqa: PLC0415 - pip needs none

    given = settings.previous.get(netrc_file.VARIABLE)
    is_own = given and not _is_ours(netrc_file.VARIABLE, given, settings)
    return wish._replace(
        own_netrc=netrc_file.text_of(given.reveal() if given and is_own else settings.own_netrc)
    )


def _report(found: Found, settings: Settings, output: AzurePipelines) -> None:
    """Print one line for each verdict; where one fails the run, people who look at the summary see which."""
    if not found.verdicts:
        return
    from pip_authenticate import verify  # noqa: PLC0415 - most runs ask nothing

    try:
        verify.tell(found.verdicts, settings, output.line, output.warning)
    except Faults:
        _summarize(found, settings, output)
        raise


def erase(settings: Settings, output: AzurePipelines) -> None:
    """Empty the variables that an earlier run of this job stored, and set nothing."""
    _assign(ClientSettings(), settings, output)


def digest(value: Secret) -> str:
    """What a run remembers of a value that it stores: enough to know it again, and no more."""
    from hashlib import sha256  # noqa: PLC0415 - it loads a library of the system's

    return sha256(value.reveal().encode("utf-8", "surrogateescape")).hexdigest()


def _is_ours(name: str, value: Secret, settings: Settings) -> bool:
    """Whether an earlier run of this job stored a value."""
    return settings.remembered.get(name) == digest(value)


def _assign(told: ClientSettings, settings: Settings, output: AzurePipelines) -> None:
    """Write files, set variables, erase what an earlier run stored, and say what becomes of each.

    Clients take an empty variable for an unset one. A value that no run of ours stored is the user's own.
    """
    assignments = {variable.name: variable.value for variable in told.variables}
    if told.files:
        from pip_authenticate import stored_files  # noqa: PLC0415 - pip needs none

        assignments |= stored_files.write(told.files, settings.temporary_folder)
    changes, lines, warnings = dict(assignments), list[str](), list[str]()
    for name, value in settings.previous.items():
        shown = _hosts(value) if name.endswith(_ADDRESSES) else ""
        named, names = (f"; it {verb} {shown}" if shown else "" for verb in ("named", "names"))
        if name in assignments:
            lines.append(f"{name} is replaced{named}.")
        elif _is_ours(name, value, settings):
            changes[name] = _left(name, settings)
            text = f"{name}, which an earlier run of this task set, is emptied{named}."
            if name in _PRIMARY_NOTES:
                warnings.append(f"{text} {_PRIMARY_NOTES[name]}")
            else:
                lines.append(text)
        elif name in _FOREIGN_NOTES:
            warnings.append(
                f"{name} was not set by this task and stays: {_FOREIGN_NOTES[name].format(shown)}"
            )
        else:
            lines.append(f"{name} was not set by this task and stays{names}.")
    output.set(changes, _memory(changes, settings))
    _remove_files(settings)
    for line in lines:
        output.line(line)
    for text in warnings:
        output.warning(text)


def _left(name: str, settings: Settings) -> Secret:
    """What takes the place of a value that is erased: nothing, but for one name.

    requests, and so pip and Poetry, look at no netrc file at all where NETRC is empty (requests: utils.py).
    """
    is_netrc = name == "NETRC" and os.path.isfile(settings.own_netrc)
    return Secret(settings.own_netrc if is_netrc else "")


def _remove_files(settings: Settings) -> None:
    """Remove the files that an earlier run of this job wrote."""
    ours = [value for name, value in settings.previous.items() if _is_ours(name, value, settings)]
    if ours and settings.temporary_folder:
        from pip_authenticate import private_files, stored_files  # noqa: PLC0415 - a first run needs neither

        for folder in stored_files.folders_of(ours, settings.temporary_folder):
            private_files.remove(folder)


def _memory(changes: dict[str, Secret], settings: Settings) -> dict[str, Secret]:
    """The variable that remembers what is stored; none where there is nothing to remember or forget."""
    if not changes and not settings.remembered:
        return {}
    entries = [f"{name}={digest(value)}" for name, value in changes.items() if value]
    return {MEMORY: Secret(" ".join(entries))}


def _hosts(value: Secret) -> str:
    from pip_authenticate.redaction import hosts_in  # noqa: PLC0415 - only a second run has previous values

    return hosts_in(value)


def _check(found: Found, told: ClientSettings, settings: Settings, output: AzurePipelines) -> list[str]:
    try:
        return output.check(told)
    except DeliveryError as error:
        if error.slug != "too-long":
            raise
        from bisect import bisect_right  # noqa: PLC0415 - few runs find more than fits

        counts = range(1, len(found.indexes) + 1)
        fitting = bisect_right(
            counts, 0, key=lambda count: int(not _fits(found.indexes[:count], settings, output))
        )
        raise DeliveryError(
            error.slug,
            error.what,
            context=f"the first {fitting} of {len(found.indexes)} feeds and connections fit",
            hint="Name fewer; one feed can offer the packages of others as its upstream sources.",
        ) from None


def _fits(indexes: list[AuthenticatedIndex], settings: Settings, output: AzurePipelines) -> bool:
    try:
        output.check(client_settings(indexes, settings, _wish(settings)))
    except DeliveryError:
        return False
    return True
