"""What a run of the task sets for later steps, what it erases, and what it says of that.

Nothing is set unless everything was found; what an earlier run stored is erased either way.
"""

import os
from collections.abc import Iterator

from pip_authenticate.authenticate import Found, client, client_settings
from pip_authenticate.client_settings import ClientSettings, Wish
from pip_authenticate.errors import DeliveryError, Faults
from pip_authenticate.index import AuthenticatedIndex
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
    if any(index.credential.expires for index in found.indexes):
        from pip_authenticate import advice  # noqa: PLC0415 - most credentials say nothing of it

        for text in advice.ends(found):
            output.line(text)
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
        from pip_authenticate import summary, uploads  # noqa: PLC0415 - what has no place needs no text

        text = summary.of(found, ", ".join(settings.clients))
        uploads.summarize(text, settings.temporary_folder, output)


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
    from pip_authenticate import earlier_values  # noqa: PLC0415 - pip needs no netrc file

    return wish._replace(own_netrc=earlier_values.own_netrc(settings))


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


def _assign(told: ClientSettings, settings: Settings, output: AzurePipelines) -> None:
    """Write files, set variables, erase what an earlier run stored, and say what becomes of each.

    Clients take an empty variable for an unset one. A value that no run of ours stored is the user's own.
    """
    assignments = {variable.name: variable.value for variable in told.variables}
    if told.files:
        from pip_authenticate import stored_files  # noqa: PLC0415 - pip needs none

        assignments |= stored_files.write(told.files, settings.temporary_folder)
    if not settings.previous:
        output.set(assignments, _memory(assignments, settings))
        return
    from pip_authenticate import earlier_values  # noqa: PLC0415 - most runs find none

    fate = earlier_values.fate(assignments, settings)
    changes = assignments | fate.erased
    output.set(changes, _memory(changes, settings))
    earlier_values.remove_files(settings)
    for line in fate.lines:
        output.line(line)
    for text in fate.warnings:
        output.warning(text)


def _memory(changes: dict[str, Secret], settings: Settings) -> dict[str, Secret]:
    """The variable that remembers what is stored; none where there is nothing to remember or forget."""
    if not changes and not settings.remembered:
        return {}
    entries = [f"{name}={value.digest}" for name, value in changes.items() if value]
    return {MEMORY: Secret(" ".join(entries))}


def _check(found: Found, told: ClientSettings, settings: Settings, output: AzurePipelines) -> list[str]:
    """See whether the settings can reach the later steps; warns where they nearly cannot."""
    try:
        return output.check(told)
    except DeliveryError as error:
        if error.slug != "too-long":
            raise
        from pip_authenticate import fitting  # noqa: PLC0415 - few runs find more than fits

        def told_of(indexes: list[AuthenticatedIndex]) -> ClientSettings:
            return client_settings(indexes, settings, _wish(settings))

        raise fitting.counted(error, found.indexes, told_of, output.check) from None
