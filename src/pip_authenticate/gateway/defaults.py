"""Which index an installer asks by default: read from the installed one, since nobody else knows."""

import re
from collections.abc import Iterable, Mapping

from pip_authenticate import other_programs
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import InputError, NotHere, ServiceError
from pip_authenticate.index import IndexUrl
from pip_authenticate.parallel import in_parallel

_SECONDS = 20.0
_HELP = {
    # (pip: cmdoptions.py, index_url; uv: `uv pip install --help`) Of pip's commands this one loads least.
    "pip": (
        ["list", "--help"],
        re.compile(r"--index-url <url>.*?\(default\s+(https?://[^\s)]+)\)", re.DOTALL),
    ),
    "uv": (
        ["pip", "install", "--help"],
        re.compile(r"--default-index.*?default:\s+<(https?://[^\s>]+)>", re.DOTALL),
    ),
}
"""How a program's own help says it."""


def asked_by(clients: Iterable[str], environ: Mapping[str, str], deadline: Deadline) -> list[IndexUrl]:
    """The indexes that installed programs name in their help; nothing of one that says nothing."""

    def asked(name: str) -> IndexUrl | None:
        arguments, pattern = _HELP[name]
        try:
            said = other_programs.run(name, arguments, environ, _SECONDS, deadline)
            found = pattern.search(said.output)
            return IndexUrl.parse(found[1])[0] if found else None
        except (NotHere, ServiceError, InputError):
            return None

    known = [name for name in clients if name in _HELP]
    return [index for index in in_parallel(asked, known, deadline) if index]
