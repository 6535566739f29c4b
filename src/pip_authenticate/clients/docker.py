"""Docker: a secret for `docker build`, which no layer and no argument ever holds.

It is a netrc file, since pip, uv, Poetry, PDM and Pipenv all find one in the home directory by themselves,
so that a Dockerfile holds addresses only (Docker documentation, "Build secrets").
"""

from pip_authenticate import netrc_file
from pip_authenticate.client_settings import ClientSettings, Wish
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.secret import Secret

FILE = "PIP_AUTHENTICATE_NETRC"
"""The variable that holds the path of the file: not NETRC, which is for programs outside of the build."""
MOUNT = "--mount=type=secret,id=netrc,target=/root/.netrc"
VARIABLES = (FILE,)
"""The variable that the lines below name."""
KNOWS_PATHS = False
PUBLISHES = False
RUNS_HERE = False
ASKS_AT_ONCE = False


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """A secret file, without the user's own entries, and the lines to use it with."""
    if not indexes:
        return ClientSettings()
    options = [
        f"{'--extra-index-url' if position or wish.only_extra else '--index-url'} {index.url}"
        for position, index in enumerate(indexes)
    ]
    notes = (
        f'To build: docker build --secret "id=netrc,src=${FILE}" .',
        f"In the Dockerfile: RUN {MOUNT} pip install {' '.join(options)} PACKAGE",
    )
    return ClientSettings(files=(netrc_file.of(indexes, Secret(""), "docker-netrc", FILE),), notes=notes)
