"""Lines of dotenv files, as most readers of them agree."""

import re

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.surroundings import refuse

# As it is for every reader, also for `docker run --env-file`, which knows no quotes, and for shells, which
# would read a tilde at the beginning or behind a colon as a home.
_PLAIN = re.compile(r"(?!~)(?!.*:~)[A-Za-z0-9_./:@%+,=~^*-]*")
# Within single quotes readers disagree on these, and on line ends of every kind.
_UNFIT = re.compile(r"['\\\x00-\x1f\x7f-\x9f\u2028\u2029]")


def check(settings: ClientSettings) -> list[str]:
    """See whether every reader takes the settings alike; warns of the one that knows no quotes.

    Raises:
        DeliveryError: readers disagree.
    """
    refuse(settings, _UNFIT, "A dotenv file", "a quote, a backslash, a line end or a control character")
    return [
        f"{name} stands in quotes, which docker's --env-file takes for a part of the value."
        for name, value, *_ in settings.variables
        if not _PLAIN.fullmatch(value.reveal())
    ]


def line(name: str, value: str) -> str:
    """The line that sets a variable; within single quotes nothing is expanded."""
    return f"{name}={value}\n" if _PLAIN.fullmatch(value) else f"{name}='{value}'\n"
