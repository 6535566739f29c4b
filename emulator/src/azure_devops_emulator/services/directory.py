"""Whom Microsoft Entra knows: tenants, applications and persons; and the access tokens that it gives them.

Claims: Microsoft Learn, "Access token claims reference". A person has `scp` and `upn`, an application has
`idtyp`.
"""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import SecretStr

from azure_devops_emulator.description.connections import AZURE_DEVOPS, STS_ISSUER, Application, Tenant
from azure_devops_emulator.description.model import IdentityKind
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.services.identities import ENTRA_SCOPE
from azure_devops_emulator.services.refusals import EntraRefusal
from azure_devops_emulator.services.tokens import Signer

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
FIRST_PARTY = {
    AZURE_CLI: "Microsoft Azure CLI",
    "d5a56ea4-7369-46b8-a538-c370805301bf": "Azure Artifacts",
    "872cd9fa-d31f-45e0-9eab-6e460a02d1f1": "Visual Studio",
}
"""Microsoft's own public clients by client id: persons sign in with them in every tenant."""


@dataclass(frozen=True)
class Person:
    """Somebody who signs in.

    Args:
        account: the user principal name.
        name: display name.
        tenants: GUIDs of those that know the person, home first.
    """

    account: str
    name: str
    tenants: tuple[str, ...]


class Directory:
    """Everybody whom Entra knows.

    A person is known to the tenants of all organisations that list the account.

    Args:
        organizations: whose tenants, applications and persons these are; any may come from several.
        signer: of the access tokens.
    """

    def __init__(self, organizations: Iterable[Organization], signer: Signer) -> None:
        self._signer = signer
        self._tenants: dict[str, Tenant] = {}
        self._applications: dict[str, Application] = {}
        self._persons: dict[str, Person] = {}
        for organization in organizations:
            for tenant in organization.tenants:
                self._tenants.setdefault(tenant.id, tenant)
            for entry in organization.applications:
                known = self._applications.get(entry.client_id, entry)
                self._applications[entry.client_id] = known.model_copy(
                    update={
                        name: tuple(dict.fromkeys((*getattr(known, name), *getattr(entry, name))))
                        for name in ("tenants", "federated_credentials")
                    }
                )
            for identity in organization.identities:
                if identity.kind is IdentityKind.USER:
                    key = identity.account.lower()
                    before = self._persons[key].tenants if key in self._persons else ()
                    tenants = tuple(dict.fromkeys((*before, organization.sign_in_tenant)))
                    self._persons[key] = Person(identity.account, identity.name, tenants)

    def tenant(self, asked: str) -> Tenant:
        """The tenant of a GUID.

        Raises:
            EntraRefusal: there is none.
        """
        if asked not in self._tenants:
            text = f"Tenant '{asked}' not found. Check that it is the right one, and of the right cloud."
            raise EntraRefusal(90002, text, "invalid_request")
        return self._tenants[asked]

    def application(self, client_id: str, tenant: Tenant | None) -> Application:
        """The application of a client id in a tenant; in any, where none is named.

        Raises:
            EntraRefusal: there is none.
        """
        found = self._applications.get(client_id.lower())
        if found is None or (tenant and tenant.id not in found.tenants):
            where = tenant.name if tenant else "organizations"
            text = f"Application with identifier '{client_id}' was not found in the directory '{where}'."
            raise EntraRefusal(700016, text, "unauthorized_client")
        return found

    def person(self, who: str) -> Person | None:
        """The person of an account or a display name."""
        named = (person for person in self._persons.values() if person.name == who)
        return self._persons.get(who.lower()) or next(named, None)

    def application_token(self, tenant: Tenant, application: Application, seconds: int) -> SecretStr:
        """An access token of an application's service principal in a tenant.

        Args:
            tenant: where.
            application: whose.
            seconds: how long it is valid; below zero for one that has expired.
        """
        principal = application.principal(tenant.id)
        return self._sign(tenant, principal, seconds, appid=application.client_id, idtyp="app")

    def person_token(
        self,
        tenant: Tenant,
        person: Person,
        seconds: int,
        client_id: str = AZURE_CLI,
        scope: str = ENTRA_SCOPE,
    ) -> SecretStr:
        """An access token of a person in a tenant.

        Args:
            tenant: where.
            person: whose.
            seconds: how long it is valid; below zero for one that has expired.
            client_id: of the application that the person signed in with.
            scope: permissions, separated by blanks.
        """
        return self._sign(
            tenant,
            str(uuid.uuid5(uuid.UUID(tenant.id), person.account.lower())),
            seconds,
            appid=client_id,
            name=person.name,
            scp=scope,
            unique_name=person.account,
            upn=person.account,
        )

    def _sign(self, tenant: Tenant, subject: str, seconds: int, **others: str) -> SecretStr:
        now = int(time.time())
        return self._signer.sign(
            {
                "aud": AZURE_DEVOPS,
                "iss": f"{STS_ISSUER}/{tenant.id}/",
                "iat": now,
                "nbf": now + min(seconds, 0),
                "exp": now + seconds,
                "oid": subject,
                "sub": subject,
                "tid": tenant.id,
                "uti": str(uuid.uuid4()),
                "ver": "1.0",
                **others,
            }
        )
