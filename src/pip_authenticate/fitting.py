"""How many of the indexes of a run fit where all of them are too many."""

from bisect import bisect_right
from collections.abc import Callable

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex


def counted(
    error: DeliveryError,
    indexes: list[AuthenticatedIndex],
    settings_for: Callable[[list[AuthenticatedIndex]], ClientSettings],
    check: Callable[[ClientSettings], object],
) -> DeliveryError:
    """The error that the indexes do not fit, with the number of those that do.

    Args:
        error: what was said of all of them.
        indexes: all of them.
        settings_for: makes the clients' settings for some.
        check: raises DeliveryError where settings do not fit.
    """

    def is_too_much(count: int) -> bool:
        try:
            check(settings_for(indexes[:count]))
        except DeliveryError:
            return True
        return False

    fitting = bisect_right(range(1, len(indexes) + 1), 0, key=is_too_much)
    return DeliveryError(
        error.slug,
        error.what,
        context=f"the first {fitting} of {len(indexes)} feeds and connections fit",
        hint="Name fewer; one feed can offer the packages of others as its upstream sources.",
    )
