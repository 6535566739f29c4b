"""Whoever signed in with `pip-authenticate login`."""

from pip_authenticate import entra_access, stored_login, user_folders
from pip_authenticate.azure.tenants import Told
from pip_authenticate.entra_access import EntraToken
from pip_authenticate.errors import DeliveryError, PipAuthenticateError
from pip_authenticate.index import AuthenticatedIndex, Index
from pip_authenticate.run import Run
from pip_authenticate.stored_login import Login


def absent(run: Run) -> str:
    """Why there is nobody; empty where there is somebody."""
    return "" if _login(run) else "nobody has signed in: pip-authenticate login"


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give the indexes of Azure Artifacts what is theirs.

    Returns:
        The indexes, and a NotHere for each that is elsewhere.

    Raises:
        ServiceError: Entra wants the person to sign in again, or a service refused.
    """
    login = _login(run)
    if login is None:  # signed out a moment ago
        return [entra_access.elsewhere(index, "has nobody signed in for it") for index in indexes]
    who = login.application
    identity = f"login {login.account} {who.tenant} {who.client_id}"
    return entra_access.open_all(indexes, run, identity, lambda told, _: _token(told, login, run))


def _login(run: Run) -> Login | None:
    try:
        return stored_login.read(user_folders.state_folder(run.settings.variables))
    except DeliveryError:  # a folder that others can write to: nobody knows whose login that is
        return None


def _token(told: Told, login: Login, run: Run) -> EntraToken:
    """A token for the organisation's tenant, also where the person is a guest there."""
    application = login.application._replace(tenant=told.tenant or login.application.tenant)
    from pip_authenticate.azure import sign_in  # noqa: PLC0415 - what is kept needs none

    run.learned([login.refresh])
    grant = sign_in.refresh(application, login.refresh, run.transport)
    run.learned([grant.refresh])
    if grant.refresh != login.refresh:
        path = user_folders.state_folder(run.settings.variables)
        stored_login.keep(path, login._replace(refresh=grant.refresh))
    return EntraToken(grant.token, grant.expires)
