"""What feeds hold while the service runs: published, saved, and waiting upstream."""

import asyncio
from dataclasses import dataclass

from azure_devops_emulator.description.model import Feed, Project, Role, Upstream, View
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.services.identities import may_see, role_in
from azure_devops_emulator.services.packages import Distribution, newest_first
from azure_devops_emulator.services.public_index import PublicIndex, configured_index
from azure_devops_emulator.services.wire import FEED_NAMESPACE, Call, Refusal, anonymous_refusal


@dataclass(frozen=True)
class Place:
    """A feed, or a view of it, as a caller addressed it, and what the caller may do there.

    Args:
        feed: the feed.
        view: the view; None for the feed itself.
        role: the caller's role.
        asked: the words that the caller used for the feed.
    """

    feed: Feed
    view: View | None
    role: Role
    asked: str

    def demand(self, role: Role, permission: str, call: Call) -> None:
        """Refuse unless the caller has a role.

        Args:
            role: the least role.
            permission: how the service calls what is missing.
            call: the request.

        Raises:
            Refusal: the role is less.
        """
        if self.role >= role:
            return
        identity = call.known_caller.identity
        if identity is None:
            raise anonymous_refusal()
        message = (
            f"User '{identity.id}' lacks permission to complete this action. You need to have '{permission}'."
        )
        raise Refusal(403, message, "FeedNeedsPermissionsException", FEED_NAMESPACE)


@dataclass(frozen=True)
class Offer:
    """A distribution that a feed offers.

    Args:
        distribution: the distribution.
        stored: whether the feed itself has it; otherwise only an upstream does.
        upstream: the upstream that it comes from; None for one that was published here.
    """

    distribution: Distribution
    stored: bool
    upstream: Upstream | None = None


def find_project(call: Call, asked: str) -> Project:
    """The project of a name or GUID, if the caller may see it.

    Raises:
        Refusal: there is none that the caller may see.
    """
    project = call.organization.project(asked)
    if project is None or not may_see(call.organization, call.known_caller, project):
        if call.known_caller.identity is None:
            raise anonymous_refusal()
        message = (
            f"TF200016: The following project does not exist: {asked}. Verify that the name of the project is"
            " correct and that the project exists on the specified Azure DevOps Server."
        )
        raise Refusal(
            404, message, "ProjectDoesNotExistWithNameException", "Microsoft.TeamFoundation.Core.WebApi"
        )
    return project


def find_feed(call: Call, project: str, asked: str) -> Place:
    """The feed that a caller addressed by name or GUID, perhaps with `@view`.

    The order of checks is the service's: who asks, which project, which feed. What the caller may do with
    it is in the result's role.

    Raises:
        Refusal: the credential is rejected or missing, or there is no such feed in that project (or,
            without a project, in the organisation).
    """
    caller = call.known_caller
    within = find_project(call, project) if project else None
    if any(character.isspace() for character in asked):
        raise Refusal(
            400, f"The feed name '{asked}' is not valid.", "InvalidFeedNameException", FEED_NAMESPACE
        )
    name, at, view_name = asked.partition("@")
    for feed in call.organization.feeds:
        if feed.project == within and name.lower() in {feed.name.lower(), feed.id}:
            view = _find_view(feed, view_name)
            if at and view is None:
                message = f"The view '{view_name}' of feed '{feed.name}' doesn't exist."
                raise Refusal(404, message, "FeedViewNotFoundException", FEED_NAMESPACE)
            return Place(feed, view, role_in(caller, feed, view), asked)
    if caller.identity is None:
        raise anonymous_refusal()
    raise Refusal(
        404, f"The feed with ID '{asked}' doesn't exist.", "FeedIdNotFoundException", FEED_NAMESPACE
    )


def _find_view(feed: Feed, asked: str) -> View | None:
    return next((view for view in feed.views if asked.lower() in {view.name.lower(), view.id}), None)


class Shelves:
    """What every feed of an organisation holds; changes while the service runs, in its loop only.

    Args:
        organization: the organisation.
        public_url: the index that upstreams call the machine's; "" to ask pip when it is first needed.
    """

    def __init__(self, organization: Organization, public_url: str = "") -> None:
        self._organization = organization
        self._public_url = public_url
        self._public: PublicIndex | None = None
        self._stored: dict[str, dict[str, Offer]] = {
            feed.id: {d.file: Offer(d, stored=True) for d in feed.distributions}
            for feed in organization.feeds
        }

    def stored(self, feed: Feed, view: View | None = None) -> list[Distribution]:
        """What the feed itself has, or what of it a view shows."""
        return [offer.distribution for offer in self.kept(feed, view)]

    def kept(self, feed: Feed, view: View | None = None) -> list[Offer]:
        """The same, with where it comes from."""
        return [
            offer
            for offer in self._stored[feed.id].values()
            if view is None
            or view.promoted is None
            or (offer.distribution.key, offer.distribution.trimmed_version) in view.promoted
        ]

    async def offers(self, place: Place, key: str) -> list[Offer]:
        """What a feed or view offers of a project, newest version first.

        A view has only what is stored. In a feed, what is published hides the public index's versions of
        the same name, unless external versions are allowed for it.

        Args:
            place: the feed or view.
            key: normalised project name.

        Raises:
            ServiceError: an upstream does not answer.
        """
        feed = place.feed
        shelf = self._stored[feed.id]
        found = {d.file: shelf[d.file] for d in self.stored(feed, place.view) if d.key == key}
        if place.view is None:
            published = any(offer.upstream is None for offer in found.values())
            for upstream in feed.upstreams:
                hidden = published and key not in feed.external_versions
                if upstream.public and hidden:
                    continue
                for distribution in await self._upstream(upstream, key):
                    offer = Offer(distribution, stored=False, upstream=upstream)
                    found.setdefault(distribution.file, offer)
        return [found[d.file] for d in newest_first(offer.distribution for offer in found.values())]

    def save(self, feed: Feed, offer: Offer) -> None:
        """Keep a distribution that an upstream offers."""
        self._stored[feed.id][offer.distribution.file] = Offer(
            offer.distribution, stored=True, upstream=offer.upstream
        )

    def publish(self, feed: Feed, distribution: Distribution) -> bool:
        """Publish a distribution; False when the feed has a file of that name already."""
        shelf = self._stored[feed.id]
        if distribution.file in shelf:
            return False
        shelf[distribution.file] = Offer(distribution, stored=True)
        return True

    async def _upstream(self, upstream: Upstream, key: str) -> list[Distribution]:
        if upstream.feed:
            feed = next(
                feed for feed in self._organization.feeds if feed.address.lower() == upstream.feed.lower()
            )
            view = _find_view(feed, upstream.view)
            return [d for d in self.stored(feed, view) if d.key == key]
        if upstream.public == "machine":
            return await asyncio.to_thread(self._outside, key)
        source = self._organization.public if upstream.public else upstream
        return [d for d in source.distributions if d.key == key]

    def _outside(self, key: str) -> list[Distribution]:
        if self._public is None:
            self._public = PublicIndex(self._public_url or configured_index())
        return self._public.distributions(key)
