"""Asks every index, before pip does, whether it accepts its credential and what that may do.

At most two requests for an index: its own page of a package that cannot exist, and one question to the
feeds service that the answer calls for. With a package to try, its first download is tried, too.
"""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urljoin

from pip_authenticate.azure import refusals
from pip_authenticate.azure.addresses import with_slash
from pip_authenticate.azure.challenges import schemes
from pip_authenticate.azure.feeds import FeedsService, Organization
from pip_authenticate.errors import Faults, PipAuthenticateError, ServiceError
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.origin import origin_of
from pip_authenticate.parallel import in_parallel
from pip_authenticate.settings import Settings
from pip_authenticate.tokens import claims, is_past, scopes
from pip_authenticate.transport import REDIRECT_STATUSES, Response, Transport

PROBE = "pip-authenticate-no-such-package"
"""A package that no index has."""
COLLABORATOR = "Feed and Upstream Reader (Collaborator)"
_HTML = "text/html"
_SCHEME_LENGTH = 20
# Every repetition stops at the next tag or is bounded: a hostile page cannot make the search slow.
_LINK = re.compile(r"""<a\s[^<>]{0,999}?\bhref\s?=\s?["']([^"'#<>]{1,4000})""", re.IGNORECASE)
_SIGN_IN = re.compile(r"/(users/)?(sign[_-]?in|log[_-]?in|sso|saml|oauth2?/authorize)\b", re.IGNORECASE)
_LINK_BYTES = 256 * 1024
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WRITING_SCOPES = ("vso.packaging_write", "vso.packaging_manage")


class Verdict(NamedTuple):
    """What was found out about an index.

    Args:
        target: the index.
        grade: `good`; `limited`: pip can use it, but not for everything; `bad`: pip will fail.
        text: for people: what is the case, and what to do about it.
        lists: whether it lists the package that was to be tried.
    """

    target: AuthenticatedIndex
    grade: str
    text: str
    lists: bool = False


def verify(
    indexes: list[AuthenticatedIndex], settings: Settings, transport: Transport, service: FeedsService
) -> list[Verdict]:
    """Judge all indexes at once.

    Args:
        indexes: with their credentials.
        settings: the package to try, and names for instructions.
        transport: sends the requests.
        service: tells of feeds and roles.
    """
    inspector = _Inspector(settings, transport, service)
    return in_parallel(inspector.judge, indexes, transport.deadline)


def tell(
    verdicts: list[Verdict], settings: Settings, line: Callable[[str], None], warning: Callable[[str], None]
) -> None:
    """Say what was found, one line for each index.

    Args:
        verdicts: of a run.
        settings: say whether a bad one fails it, and which package was tried.
        line: takes what is good.
        warning: takes the rest.

    Raises:
        Faults: indexes are unusable, and that shall fail the run.
    """
    refused = list[PipAuthenticateError]()
    for verdict in verdicts:
        text = f"{verdict.target.url}: {verdict.text}"
        if verdict.grade == "good":
            line(f"Verified {text}")
        elif verdict.grade == "bad" and settings.verify == "fail":
            refused.append(ServiceError("index-unusable", text))
        else:
            warning(text)
    readable = [verdict for verdict in verdicts if verdict.grade != "bad"]
    if settings.verify_package and readable and not any(verdict.lists for verdict in readable):
        warning(f"No index that can be read lists the package {settings.verify_package}.")
    if refused:
        raise Faults(refused)


class _Inspector:
    def __init__(self, settings: Settings, transport: Transport, service: FeedsService) -> None:
        self._settings = settings
        self._transport = transport
        self._service = service

    def judge(self, index: AuthenticatedIndex) -> Verdict:
        """The verdict on one index; faults of the network are verdicts, too."""
        try:
            place = self._service.organization(index.url)
            page = self._page(index, "refuse" if place else "return")
            judged = self._judge_feed(index, place, page) if place else self._judge_other(index, page)
            return judged._replace(lists=bool(_first_link(page)))
        except PipAuthenticateError as error:
            return _bad(index, str(error))

    def _page(self, index: AuthenticatedIndex, elsewhere: str) -> Response:
        package = _normalized(self._settings.verify_package) or PROBE
        url = f"{with_slash(str(index.url))}{package}/"
        return self._transport.request(
            "GET",
            url,
            accept=_HTML,
            authorization=index.credential.authorization_of_pip,
            elsewhere=elsewhere,
        )

    # ---- feeds ---------------------------------------------------------------------------------

    def _judge_feed(self, index: AuthenticatedIndex, place: Organization, page: Response) -> Verdict:
        trouble = _trouble(index, page)
        if trouble:
            return trouble
        said, who = refusals.message_of(page), self._who(index, page)
        if page.status == 401:
            return _bad(index, _rejected(index, page, said))
        if page.status == 403:
            who = self._named(index, place) or who
            return _bad(
                index,
                f"{who} has no role that reads the feed {_feed_name(index, place)} (status 403, {said}). "
                f"{self._grant(index, place)} at least Reader; to save packages from upstream sources, "
                f"{COLLABORATOR}.{self._project_hint(index, place)}",
            )
        if page.status == 200 and not _is_simple_page(page):
            return _bad(
                index,
                f"{index.url.origin.host} answers with what is no page of a feed: something else stands in "
                "its place, a sign-in page or a proxy. Check the URL.",
            )
        missing = self._missing(index, place, page) if page.status == 404 else ""
        if missing:
            return _bad(index, missing)
        if self._settings.verify_package:
            refusal = self._try_download(index, page, f"{self._grant(index, place)} {COLLABORATOR}.")
            if refusal:
                return refusal
        return self._judge_role(index, place, who)

    def _missing(self, index: AuthenticatedIndex, place: Organization, page: Response) -> str:
        """What a 404 misses: feed, view or project; empty where it is only the package."""
        asked = place.address.feed
        if _says_no_feed(page):
            return f"The feed {asked} does not exist there. {self._suggestion(index, place)}"
        if _says_no_view(page):
            feed, _, view = asked.partition("@")
            return f"The feed {feed} has no view {view}. Check the name of the view."
        if place.rest and _says_no_project(page):
            return (
                f"The project of the feed {'/'.join(place.rest)}/{asked} does not exist, or does not let "
                f"this identity in. Check its name; {self._project_grant(index, place)}."
            )
        return ""

    def _judge_role(self, index: AuthenticatedIndex, place: Organization, who: str) -> Verdict:
        """A feed can be read; may it also save from upstream?"""
        scope = scopes(index.credential.secret)
        if "vso.packaging" in scope and not any(word in scope for word in _WRITING_SCOPES):
            return _limited(
                index,
                f"{who} may read, but not save packages from upstream sources: the token's scope "
                "vso.packaging allows reading only, whatever the role. Use Packaging (Read & write).",
            )
        try:
            feeds = self._service.feeds(index, place, role="collaborator")
        except ServiceError as error:
            return _good(
                index, f"{who} may read; whether it may save from upstream is unknown: {error.what}."
            )
        # A personal access token does not tell its scopes.
        opaque = not claims(index.credential.secret)
        scope_too = ", or its token lacks the scope Packaging (Read & write)" if opaque else ""
        if any(feed.is_at(place.address, place.rest) for feed in feeds):
            return _good(index, f"{who} may read and save from upstream.")
        return _limited(
            index,
            f"{who} may read what the feed has, but not save packages from upstream sources. "
            f"If the feed has any: {self._grant(index, place)} {COLLABORATOR}; it has less now{scope_too}.",
        )

    def _suggestion(self, index: AuthenticatedIndex, place: Organization) -> str:
        """Feeds with the same name elsewhere in the organisation, or with a similar one."""
        from difflib import get_close_matches  # noqa: PLC0415 - only a missing feed needs it

        try:
            feeds = self._service.feeds(index, place)
        except ServiceError:
            return "Check its name, and write a project's feed as project/feed."
        names = {str(feed): feed.name.casefold() for feed in feeds}
        asked = place.address.feed.partition("@")[0].casefold()
        near = [full for full, name in names.items() if name == asked]
        similar = get_close_matches(asked, names.values(), n=3)
        near = near or [full for full, name in names.items() if name in similar]
        if near:
            return f"Did you mean {' or '.join(near[:3])}?"
        return (
            f"The identity can see {len(feeds)} feeds, none with a similar name: check the name, write a "
            "project's feed as project/feed, and check that its project lets this identity in."
        )

    def _who(self, index: AuthenticatedIndex, response: Response) -> str:
        """The identity as the answer tells it, `{id}:{account}`; else what the credential is called."""
        identity, colon, account = response.headers.get("x-vss-userdata", "").partition(":")
        if colon and identity:  # services have a GUID for an account, which tells people nothing
            name = f"The identity of {index.source}" if _GUID.fullmatch(account) else account
            return f"{name or 'The identity'} ({identity})"
        return f"The identity of {index.source}"

    def _named(self, index: AuthenticatedIndex, place: Organization) -> str:
        try:
            return self._service.identity(index, place)
        except ServiceError:
            return ""

    def _is_job(self, index: AuthenticatedIndex) -> bool:
        token = self._settings.system_connection.parameters.get("accesstoken")
        return index.credential.secret == token

    def _grant(self, index: AuthenticatedIndex, place: Organization) -> str:
        feed = _feed_name(index, place).partition("@")[0]
        where = f"In Artifacts, feed {feed}, Feed settings, Permissions, give"
        if not self._is_job(index):
            return f"{where} this identity"
        project, collection = self._build_services(place)
        return f"{where} '{project}' (or, for a job with collection scope, '{collection}')"

    def _build_services(self, place: Organization) -> tuple[str, str]:
        """The names of the identities that a job can have: with project scope, with collection scope."""
        organization = "/".join(place.address.scope[: len(place.address.scope) - len(place.rest)][-1:])
        organization = organization or "{org}"
        project = self._settings.project or "{Project}"
        return (
            f"{project} Build Service ({organization})",
            f"Project Collection Build Service ({organization})",
        )

    def _project_grant(self, index: AuthenticatedIndex, place: Organization) -> str:
        right = "'Read project-level information' (Project settings, Permissions)"
        if not self._is_job(index):
            return f"it must grant this identity {right}"
        who = f"'{self._build_services(place)[0]}'"
        return f"if the pipeline runs in another project, this one must grant {who} {right}"

    def _project_hint(self, index: AuthenticatedIndex, place: Organization) -> str:
        if not place.rest or not self._is_job(index):
            return ""
        project = index.feed.rpartition("/")[0] or place.rest[0]
        return f" The feed belongs to the project {project}: {self._project_grant(index, place)}."

    # ---- other indexes -------------------------------------------------------------------------

    def _judge_other(self, index: AuthenticatedIndex, page: Response) -> Verdict:
        elsewhere = _referred(index, page) or _trouble(index, page)
        if elsewhere:
            return elsewhere
        if page.status == 401 and "basic" not in schemes(page.headers.get("www-authenticate", "basic")):
            return _bad(index, _rejected(index, page, ""))
        if page.status in {401, 403}:
            return _bad(
                index,
                f"{index.url.origin.host} refuses the credential of {index.source} (status {page.status}). "
                f"Check {_where(index)}.",
            )
        if self._settings.verify_package:
            refusal = self._try_download(index, page, "Check what the index lets this user download.")
            if refusal:
                return refusal
        if page.status == 404 and not self._settings.verify_package:
            root = self._transport.request(
                "GET",
                with_slash(str(index.url)),
                accept=_HTML,
                authorization=index.credential.authorization_of_pip,
                elsewhere="return",
            )
            if root.status in {401, 403}:
                return self._judge_other(index, root)
            if root.status == 404:
                return _limited(
                    index, "Nothing refuses the credential, but no index answers there: check the URL."
                )
        return _good(index, "The credential is accepted.")

    # ---- downloads -----------------------------------------------------------------------------

    def _try_download(self, index: AuthenticatedIndex, page: Response, instruction: str) -> Verdict | None:
        """Follow the first link of a package's page; None where it can be had, or has no link."""
        package = self._settings.verify_package
        link = _first_link(page)
        if not link:
            return None
        own = origin_of(link) == index.url.origin
        answer = self._transport.request(
            "GET",
            link,
            accept="*/*",
            authorization=index.credential.authorization_of_pip if own else None,
            first_byte_only=True,
            elsewhere="follow",
        )
        if answer.status in {200, 206}:
            return None
        said = refusals.message_of(answer)
        return _bad(
            index,
            f"The index lists {package}, but its newest file cannot be downloaded (status {answer.status}, "
            f"{said}). {instruction}",
        )


def _where(index: AuthenticatedIndex) -> str:
    """What people can check where a credential is refused."""
    is_stored = index.provider == "stored-secret"
    return "its user name and secret in the service connection" if is_stored else "the token, and whose it is"


def _referred(index: AuthenticatedIndex, page: Response) -> Verdict | None:
    """What a redirect says of the credential; None where there was none.

    An index that refers to another one for a package that it lacks, as GitLab's does, has let the credential
    in; one that asks for a person's sign-in has not.
    """
    own, left = _SIGN_IN.search(str(index.url)), page.status in REDIRECT_STATUSES
    there = urljoin(page.url, page.headers.get("location", "")) if left else page.url
    if _SIGN_IN.search(there) and not own:
        return _bad(
            index,
            f"{index.url.origin.host} redirects to a sign-in page: it does not accept the credential of "
            f"{index.source}. Check {_where(index)}, and the address of the index.",
        )
    if not left or "_signin" in there:
        return None
    return _good(
        index, f"The credential is accepted; for what it lacks it refers to {origin_of(there).host}."
    )


def _trouble(index: AuthenticatedIndex, page: Response) -> Verdict | None:
    """What keeps any index from being judged: a sign-in page, throttling, a service in trouble."""
    host, said = index.url.origin.host, refusals.message_of(page)
    if "conditional access" in said.lower():
        return _bad(
            index,
            f"A conditional access policy blocks the identity of {index.source} at {host} ({said}). "
            "Ask the tenant's administrator to let it in from this network.",
        )
    is_page = page.status == 200 and b"_signin" in page.body
    if refusals.is_sign_in_page(page) or is_page:
        return _bad(
            index,
            f"{host} answers with a sign-in page (status {page.status}): it does not accept the credential "
            f"of {index.source}. Check that it is still valid and belongs to this organisation.",
        )
    if page.status == 503 and refusals.is_deactivated(page):
        return _bad(
            index, f"The organisation at {host} is deactivated ({said}). Its owner can reactivate it."
        )
    if page.status == 429:
        return _bad(index, f"{host} is limiting requests (status 429). Try again later.")
    if page.status >= 500:
        return _bad(index, f"{host} is in trouble (status {page.status}, {said}). Try again later.")
    if page.status not in {200, 401, 403, 404}:
        return _bad(index, f"{host} answers with status {page.status} ({said}). Check the URL of the index.")
    return None


def _rejected(index: AuthenticatedIndex, page: Response, said: str) -> str:
    """Why a feed answers 401, as far as can be told."""
    host = index.url.origin.host
    challenges = page.headers.get("www-authenticate", "")
    offered = [name for name in schemes(challenges) if len(name) <= _SCHEME_LENGTH]
    if offered and "basic" not in offered:
        return (
            f"{host} takes no password (status 401): it offers {', '.join(offered[:5])}, which pip "
            "does not speak. Ask whoever runs the server for Basic authentication with access tokens."
        )
    told = claims(index.credential.secret)
    if "appid" in told and not is_past(index.credential.secret):
        return (
            f"The organisation at {host} does not accept the token of {index.source} (status 401, {said}). "
            "Add its service principal in Organization settings, Users, and check that the organisation "
            f"belongs to the tenant {str(told.get('tid', 'of the token'))[:40]}."
        )
    if "expired" in said.lower() or is_past(index.credential.secret):
        why = "has expired. Create a new one"
    else:
        why = "is not accepted. Check that it is complete, not revoked, and of this organisation"
    return f"The credential of {index.source} {why} (status 401 from {host}, {said})."


def _says_no_feed(page: Response) -> bool:
    """Whether a 404 is about the feed, not about the package."""
    text = f"{refusals.message_of(page)} {page.reason}".lower()
    return "feed with id" in text or b"FeedIdNotFoundException" in page.body


def _says_no_view(page: Response) -> bool:
    """Whether a 404 is about the view of a feed."""
    return b"ViewNotFoundException" in page.body


def _says_no_project(page: Response) -> bool:
    """Whether a 404 is about the project; one that the identity may not see counts as none."""
    return "TF200016" in f"{refusals.message_of(page)} {page.reason}" or b"ProjectDoesNotExist" in page.body


def _feed_name(index: AuthenticatedIndex, place: Organization) -> str:
    """What people call a feed, where that is known."""
    return index.feed or place.address.feed


def _is_simple_page(page: Response) -> bool:
    """Whether an answer can be a page of a simple repository API (PEP 503, PEP 691)."""
    kind = page.headers.get("content-type", "").lower()
    return "pypi.simple" in kind or ("html" in kind and b"Links for" in page.body)


def _first_link(page: Response) -> str:
    """The address of the first file on a simple page (PEP 503), or empty."""
    from html import unescape  # noqa: PLC0415 - only a download that is tried needs it

    match = _LINK.search(page.body[:_LINK_BYTES].decode("utf-8", "replace"))
    if page.status != 200 or not match:
        return ""
    try:
        link = urljoin(page.url, unescape(match[1]))
        origin_of(link)
    except (ValueError, ServiceError):
        return ""
    return link


def _normalized(name: str) -> str:
    """A package's name as it stands in an index's addresses (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _good(index: AuthenticatedIndex, text: str) -> Verdict:
    return Verdict(index, "good", text)


def _limited(index: AuthenticatedIndex, text: str) -> Verdict:
    return Verdict(index, "limited", text)


def _bad(index: AuthenticatedIndex, text: str) -> Verdict:
    return Verdict(index, "bad", text)
