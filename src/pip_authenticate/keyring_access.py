"""Finds the credential of the one index that a program asks keyring for."""

from argparse import Namespace
from collections.abc import Mapping
from functools import cached_property

from pip_authenticate import report, told_secrets
from pip_authenticate.authenticate import open_all
from pip_authenticate.azure.addresses import Place
from pip_authenticate.azure.feed_addresses import index_meant
from pip_authenticate.azure.forms import identity, is_known
from pip_authenticate.command_line import Session
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import InputError, PipAuthenticateError, each
from pip_authenticate.index import Credential, Index, IndexUrl
from pip_authenticate.project import Project
from pip_authenticate.proxies import is_gateway
from pip_authenticate.run import Run
from pip_authenticate.settings import Settings
from pip_authenticate.transport import Transport

SECONDS = 40.0
"""Longest that a question may take: programs wait for keyring without an end of their own."""


class _Session(Session):
    """What the user has set; whatever lies in the folder where a program was started has no say."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(Namespace(quiet=True, verbose=False, token_stdin=False), environ, folder="")

    @cached_property
    def project(self) -> Project:
        return Project()

    @cached_property
    def clients(self) -> tuple[str, ...]:
        return ()


def credential(service: str, environ: Mapping[str, str]) -> Credential | None:
    """The credential for an index, or nothing; why there is none for one of ours is said in one line.

    Args:
        service: the address of an index, as a program has it, or a host.
        environ: variables of the environment.
    """
    told = report.standard(environ, is_quiet=True)
    # Behind the gateway no program needs a credential; Poetry asks for one of every index all the same.
    is_needless = is_gateway(environ.get("HTTPS_PROXY", ""))
    try:
        session = _Session(environ)
        settings = session.settings._replace(project_folder="", sees_all_indexes=False)
        index = _index(service, settings)
        if not index:
            return None
        told.register(told_secrets.of(settings))
        deadline = Deadline(min(session.value("timeout"), SECONDS))
        transport = Transport(settings.proxy, settings.certificates, told.debug, deadline)
        run = Run(settings, transport, told.register)
        opened = open_all([index], run)
        for text in run.warnings[: not is_needless]:
            told.warning(text)
        return opened[0].credential if opened else None
    except PipAuthenticateError as error:
        first = each(error)[0]
        if first.slug != "no-credential" or not is_needless:
            told.warning(str(first))
        return None


def _index(service: str, settings: Settings) -> Index | None:
    """The index that is meant, if it is one of ours.

    Raises:
        InputError: the user's settings cannot be used, or no secret may go there.
    """
    is_host = "://" not in service
    try:
        url, _ = IndexUrl.parse(f"https://{service}/" if is_host else service)
    except InputError:
        return None
    place = Place.of(url)
    if is_host:
        is_feeds = place and place.service == "pkgs" and url.path == "/"
        return Index(url, str(url), str(url), is_asked_for=False) if is_feeds else None
    meant = index_meant(url)  # what uploads ask for
    url = IndexUrl.parse(meant)[0] if meant else url
    listed = {identity(IndexUrl.parse(one)[0]) for one in settings.listed}
    own = settings.organization if settings.organization_is_given else ""
    if not is_known(url, own, listed):
        return None
    if url.origin.is_exposed:
        raise InputError(
            "insecure-index",
            f"{url} is reached without encryption; no token is sent there",
            hint="Write its address with https.",
        )
    # What is not Azure DevOps' own is known because the user has named it.
    return Index(url, f"index {url}", str(url), is_asked_for=place is None)
