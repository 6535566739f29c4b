"""Indexes that a project's own files name."""

from pip_authenticate.azure.addresses import Place, lies_under
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.azure.forms import identity, organization_of
from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.index import Index, IndexUrl
from pip_authenticate.run import Named, Run


def indexes(run: Run) -> Named:
    """The indexes that get a credential: feeds of Azure Artifacts, those below the organisation, listed ones.

    Everything else that a project names is the affair of others: a public index, a mirror.

    Args:
        run: its project, the organisation, and what the configuration lists.

    Returns:
        The indexes, and what is wrong with entries of the configuration.
    """
    found, faults = dict[object, Index](), list[PipAuthenticateError]()
    listed = dict[object, IndexUrl]()
    for entry in filter(None, run.settings.listed):
        try:
            url, password = IndexUrl.parse(entry)
        except InputError as error:
            faults.append(InputError(error.slug, f"An entry of indexes in the configuration {error.what}"))
        else:
            if password:
                faults.append(
                    InputError(
                        "credential-in-url",
                        f"An entry of indexes in the configuration holds a password: {url}",
                        hint="Leave it out, and revoke it.",
                    )
                )
            listed[identity(url)] = url
            found[identity(url)] = Index(
                url, f"index {url}", f"{url} in the configuration", names=(), is_asked_for=False
            )
    home = organization_of(run.settings.organization) if run.settings.organization else None
    for mention in run.project.mentions:
        url, key = mention.url, identity(mention.url)
        place = Place.of(url)
        is_feed = place is not None and place.service == "pkgs" and FeedAddress.of(url) is not None
        is_own = home is not None and Place.of(home) is None and lies_under(url, home)
        if is_feed or is_own or key in listed:
            name = f" {mention.name}" if mention.name else ""
            index = Index(
                url, f"index{name} of {mention.place}", f"{url} in {mention.place}", is_asked_for=False
            )
            found.setdefault(key, index)
    return Named(list(found.values()), faults)
