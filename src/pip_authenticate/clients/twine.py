"""twine: where it publishes to."""

from pip_authenticate.client_settings import ClientSettings, PrivateFile, Wish
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.latin import unsendable
from pip_authenticate.publishing import Publisher, upload_of
from pip_authenticate.secret import Secret

REPOSITORY = "pip-authenticate"
"""What the file calls the repository."""
FILE = "PYPIRC_PATH"
"""The variable that holds the path of the file; the built-in task for twine calls it so, too."""
_PUBLISHER = Publisher("twine", "TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD")
VARIABLES = (*_PUBLISHER.variables, FILE)
"""The variables that this client reads (twine documentation, "Environment Variables")."""
KNOWS_PATHS = True
PUBLISHES = True
RUNS_HERE = True
ASKS_AT_ONCE = False


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """What twine reads, where uploads are asked for: it does nothing else.

    It takes an empty user name for one that is empty, also where a configuration has another (measured with
    twine 7.0.0): where variables cannot be unset later, a file takes their place.
    """
    if not wish.publish or not indexes:
        return ClientSettings(notes=("twine publishes only, and that was not asked for.",) if indexes else ())
    warnings = unsendable("twine", indexes[:1])
    if wish.can_unset and (wish.opens_nothing or not wish.by_files):
        told = _PUBLISHER.settings_for(indexes, wish)
        variables = tuple(variable._replace(can_be_emptied=False) for variable in told.variables)
        return told._replace(variables=variables, warnings=warnings)
    note = f'To publish: twine upload --config-file "${FILE}" --repository {REPOSITORY} FILES'
    return ClientSettings(files=(_file(indexes),), warnings=warnings, notes=(note,))


def _file(indexes: list[AuthenticatedIndex]) -> PrivateFile:
    """A .pypirc (Python Packaging User Guide); twine reads its values as they are.

    Raises:
        DeliveryError: the credential cannot stand in one, or nobody knows where uploads go.
    """
    user, password = indexes[0].credential.username, indexes[0].credential.secret.reveal()
    for text in (user, password):
        if text != text.strip() or not text.isprintable():
            raise DeliveryError(
                "pypirc-unfit",
                f"The credential of {indexes[0].source} cannot stand in a .pypirc: it begins or ends with a "
                "blank, or holds what is no printable character",
                hint="Choose another secret.",
            )
    lines = (
        "[distutils]",
        f"index-servers = {REPOSITORY}",
        "",
        f"[{REPOSITORY}]",
        f"repository = {upload_of(indexes)}",
        f"username = {user}",
        f"password = {password}",
        "",
    )
    return PrivateFile(".pypirc", Secret("\n".join(lines)), (FILE,))
