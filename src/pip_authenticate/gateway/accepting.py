"""Which form of a page a client gets, packed or not (PEP 691; RFC 9110, sections 12.5.1 and 12.5.3)."""

from collections.abc import Iterable

from pip_authenticate.gateway.packing import GZIP

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
PLAIN = "text/html"
_FORMS = (JSON, HTML, PLAIN)
"""The forms of pages, the one that says most first."""
_LATEST = "application/vnd.pypi.simple.latest+"


def chosen(accept: str) -> str:
    """The media type that a client likes best; empty where it takes none.

    Who takes anything gets what every client reads (PEP 691: HTML).

    Args:
        accept: what its header of that name says; empty for none.
    """
    ranges = list(_ranges(accept or "*/*"))
    liked = [(_liking(form, ranges), form) for form in _FORMS]
    (quality, is_named), form = max(liked, key=lambda one: one[0])
    if quality <= 0:
        return ""
    return form if is_named or _liking(PLAIN, ranges)[0] < quality else PLAIN


def takes_gzip(accepted: str) -> bool:
    """Whether a client takes what is packed so.

    Args:
        accepted: what its header Accept-Encoding says; empty for none.
    """
    return any(name in GZIP and quality > 0 for name, quality in _ranges(accepted))


def _ranges(accept: str) -> Iterable[tuple[str, float]]:
    for part in accept.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        yield name.replace(_LATEST, "application/vnd.pypi.simple.v1+"), quality


def _liking(form: str, ranges: Iterable[tuple[str, float]]) -> tuple[float, bool]:
    """How much a form is liked, and whether it was named; the most specific range counts."""
    told = dict(ranges)
    for name in (form, f"{form.partition('/')[0]}/*", "*/*"):
        if name in told:
            return told[name], name == form
    return 0.0, False
