"""A credential in two variables: a user name, and a password."""

from pip_authenticate.client_settings import Variable
from pip_authenticate.index import Credential
from pip_authenticate.secret import Secret


def variables(credential: Credential, username: str, password: str) -> tuple[Variable, Variable]:
    """A credential in two variables, neither encoded in any way; the user name of a password is no secret.

    Args:
        credential: goes into them.
        username: name of the one variable.
        password: name of the other.
    """
    return (
        Variable(username, Secret(credential.username), is_secret=False),
        Variable(password, credential.secret),
    )
