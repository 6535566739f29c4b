"""The own token of a pipeline of Azure DevOps, as a script step maps it: SYSTEM_ACCESSTOKEN."""

from pip_authenticate.azure.addresses import Collection, Place, belongs_to
from pip_authenticate.azure.forms import organization_of
from pip_authenticate.errors import NotHere, PipAuthenticateError
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, Index
from pip_authenticate.run import Run


def absent(run: Run) -> str:
    """Why there is none; empty where there is one."""
    if not run.settings.pipeline_token:
        return "SYSTEM_ACCESSTOKEN is not set; a step of a pipeline maps it: $(System.AccessToken)"
    return "" if _home(run) else "no variable says which organisation the pipeline runs in"


def _home(run: Run) -> str:
    """The organisation that the token is for, as a person says it or the pipeline; no project's file."""
    given = run.settings.organization if run.settings.organization_is_given else ""
    return given or run.settings.pipeline_organization


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give the token to the indexes of the pipeline's organisation.

    The organisation comes from a variable where no option says it, and any earlier step can have set that:
    then hosts of Azure DevOps only are told the token.

    Returns:
        The indexes, and a NotHere for each that is elsewhere.
    """
    home = Collection(organization_of(_home(run)), is_hosted=False)
    credential = Credential(TOKEN_USER, run.settings.pipeline_token)
    run.learned(credential.spellings)
    found = list[AuthenticatedIndex | PipAuthenticateError]()
    for index in indexes:
        is_known = Place.of(index.url) or run.settings.organization_is_given
        if is_known and belongs_to(index.url, home) and not index.url.origin.is_exposed:
            found.append(index.opened_by(credential))
            continue
        found.append(
            NotHere(
                "foreign-organisation",
                f"{index.entry} is no feed of the pipeline's organisation {home.url}, which its token is for",
            )
        )
    return found
