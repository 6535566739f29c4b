"""Variables whose names are made of what a project calls its indexes."""

from collections.abc import Callable, Iterable

from pip_authenticate.client_settings import Variable
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex


def variables(
    named: Iterable[tuple[str, AuthenticatedIndex]],
    patterns: tuple[str, str],
    spelled: Callable[[str], str],
    *,
    can_be_emptied: bool,
) -> tuple[Variable, ...]:
    """User name and password of each index, neither encoded in any way.

    Args:
        named: pairs of a name and the index that it means.
        patterns: names of the variables, with `{}` where the index's name belongs.
        spelled: the index's name as it stands in there.
        can_be_emptied: whether the client takes empty ones for unset ones.

    Raises:
        DeliveryError: two names become one, and their credentials differ.
    """
    found, meant = dict[str, Variable](), dict[str, tuple[str, AuthenticatedIndex]]()
    for name, index in named:
        other, first = meant.setdefault(spelled(name), (name, index))
        if first.credential != index.credential:
            raise DeliveryError(
                "names-alike",
                f"The project's indexes {other} and {name} have different credentials, and one variable: "
                f"{patterns[1].format(spelled(name))}",
                hint="Rename one of them.",
            )
        user, password = (pattern.format(spelled(name)) for pattern in patterns)
        from pip_authenticate import logins  # noqa: PLC0415 - few projects name indexes

        for variable in logins.variables(index.credential, user, password):
            found[variable.name] = variable._replace(can_be_emptied=can_be_emptied)
    return tuple(found.values())
