"""Which index an installer asks by default: read from the installed one, since nobody else knows."""

import re
from collections.abc import Callable, Iterable, Mapping

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


def asked_by(
    clients: Iterable[str],
    environ: Mapping[str, str],
    deadline: Deadline,
    warn: Callable[[str], None],
) -> list[IndexUrl]:
    """The indexes that installed programs name in their help; who is told nothing by one warns of that."""

    def asked(name: str) -> IndexUrl | None:
        arguments, pattern = _HELP[name]
        try:
            found = pattern.search(other_programs.run(name, arguments, environ, _SECONDS, deadline).output)
            if found:
                return IndexUrl.parse(found[1])[0]
        except NotHere:
            return None
        except (ServiceError, InputError):
            pass
        warn(
            f"{name} does not say which index it asks by default, so that one is not guarded: name it with "
            "--public URL."
        )
        return None

    known = [name for name in clients if name in _HELP]
    return [index for index in in_parallel(asked, known, deadline) if index]
