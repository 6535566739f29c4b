"""Which index an installer asks by default: read from the installed one, since nobody else knows."""

import re
from collections.abc import Iterable, Iterator, Mapping

from pip_authenticate import other_programs
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import InputError, NotHere, ServiceError
from pip_authenticate.index import IndexUrl

_SECONDS = 20.0
_HELP = {
    # (pip: cmdoptions.py, index_url; uv: `uv pip install --help`)
    "pip": (
        ["install", "--help"],
        re.compile(r"--index-url <url>.*?\(default\s+(https?://[^\s)]+)\)", re.DOTALL),
    ),
    "uv": (
        ["pip", "install", "--help"],
        re.compile(r"--default-index.*?default:\s+<(https?://[^\s>]+)>", re.DOTALL),
    ),
}
"""How a program's own help says it."""


def asked_by(clients: Iterable[str], environ: Mapping[str, str], deadline: Deadline) -> Iterator[IndexUrl]:
    """The indexes that installed programs name in their help; nothing of one that says nothing."""
    for name in clients:
        if name not in _HELP:
            continue
        arguments, pattern = _HELP[name]
        try:
            said = other_programs.run(name, arguments, environ, _SECONDS, deadline)
            found = pattern.search(said.output)
            if found:
                yield IndexUrl.parse(found[1])[0]
        except (NotHere, ServiceError, InputError):
            continue
