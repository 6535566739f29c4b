"""`pip-authenticate whoami`: which credential there is, and who it makes you."""

import json
import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

from pip_authenticate.azure.feeds import FeedsService
from pip_authenticate.command_line import NO_INDEX, Session, guarded, parser
from pip_authenticate.errors import ServiceError
from pip_authenticate.index import AuthenticatedIndex, Credential
from pip_authenticate.tokens import ends, scopes
from pip_authenticate.transport import Transport

EXAMPLES = """\
  pip-authenticate whoami                                       for the indexes that the project names
  pip-authenticate whoami project1/myFeed --organization fabrikam
  pip-authenticate whoami --json
"""


class Identity(NamedTuple):
    """Who a credential makes you.

    Args:
        provider: what gave the credential.
        indexes: for which indexes.
        identity: display name and id, or empty where the service does not tell.
        expires: when it ends, as ISO 8601 in UTC; empty where nobody says.
        scopes: what the token allows, where it says so itself.
        trouble: why the identity is not known, or empty.
    """

    provider: str
    indexes: list[str]
    identity: str
    expires: str
    scopes: list[str]
    trouble: str


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code: 1 where a service does not know the credential."""
    made = parser("whoami", "Says which credential there is, and who it makes you.", EXAMPLES, entries=True)
    made.add_argument("--json", action="store_true", help="Write JSON.")
    parsed = made.taken(arguments)
    return guarded(_tell, lambda: Session(parsed, environ, os.getcwd()))


def _tell(session: Session) -> int:
    found = session.find()
    by_credential = dict[Credential, list[AuthenticatedIndex]]()
    for index in found.indexes:
        by_credential.setdefault(index.credential, []).append(index)
    settings, report = session.settings, session.report
    transport = Transport(settings.proxy, settings.certificates, report.debug, session.deadline)
    service = FeedsService(settings, transport)
    with report.waiting("asking who this is"):
        people = [_identity(credential, indexes, service) for credential, indexes in by_credential.items()]
    if session.arguments.json:
        sys.stdout.write(json.dumps(report.cleaned([one._asdict() for one in people]), indent=2) + "\n")
    else:
        for one in people:
            sys.stdout.write(f"{report.clean(_line(one))}\n")
    if not people:
        report.error(
            "There is no credential for any index." if found.left_out else f"Nobody to ask: {NO_INDEX}"
        )
    return 1 if not people or any(one.trouble for one in people) else 0


def _identity(credential: Credential, indexes: list[AuthenticatedIndex], service: FeedsService) -> Identity:
    name, trouble = "", ""
    place = service.organization(indexes[0].url)
    try:
        name = service.identity(indexes[0], place) if place else ""
    except ServiceError as error:
        trouble = str(error)
    until = ends(credential.secret, credential.expires)
    return Identity(
        indexes[0].provider,
        [str(index.url) for index in indexes],
        name,
        until.strftime("%Y-%m-%dT%H:%M:%SZ") if until else "",
        sorted(scopes(credential.secret)),
        trouble,
    )


def _line(one: Identity) -> str:
    name = one.identity or one.trouble or "an identity that the index does not tell"
    until = f", until {one.expires}" if one.expires else ""
    may = f", scopes {' '.join(one.scopes)}" if one.scopes else ""
    return f"{one.provider}: {name}{until}{may} [{', '.join(one.indexes)}]"
