"""Indexes that a project's own files name."""

from pip_authenticate.azure.forms import identity, is_known
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
    listed = set[object]()
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
            listed.add(identity(url))
            found[identity(url)] = Index(
                url, f"index {url}", f"{url} in the configuration", names=(), is_asked_for=False
            )
    for mention in run.project.mentions:
        url, key = mention.url, identity(mention.url)
        if is_known(url, run.settings.organization, listed):
            name = f" {mention.name}" if mention.name else ""
            index = Index(
                url, f"index{name} of {mention.place}", f"{url} in {mention.place}", is_asked_for=False
            )
            found.setdefault(key, index)
    return Named(list(found.values()), faults)
