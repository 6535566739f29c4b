"""`pip-authenticate login`: sign in with Microsoft Entra; the only command that waits for a person."""

import argparse
import sys
from collections.abc import Mapping
from typing import NamedTuple

from pip_authenticate import report, stored_login, user_folders
from pip_authenticate.azure import entra, sign_in, tenants
from pip_authenticate.azure.addresses import Collection
from pip_authenticate.azure.application import Application, is_client_id
from pip_authenticate.azure.forms import organization_of
from pip_authenticate.command_line import guarded, plain_parser
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import InputError
from pip_authenticate.options import network
from pip_authenticate.report import Report
from pip_authenticate.settings import Settings
from pip_authenticate.stored_login import Login
from pip_authenticate.transport import Transport

EXAMPLES = """\
  pip-authenticate login --organization fabrikam --client-id 11111111-2222-4333-8444-555555555555
  pip-authenticate login --organization fabrikam --verbose     with PIP_AUTHENTICATE_CLIENT_ID set
"""
CLIENT_ID = "PIP_AUTHENTICATE_CLIENT_ID"
_SECONDS = 960.0
"""A code is good for 900 seconds."""
_REGISTER = (
    "Have one registered in Entra (App registrations; platform Mobile and desktop applications; public "
    "client flows allowed; delegated permission vso.packaging_write of Azure DevOps), then say --client-id "
    f"ID or set {CLIENT_ID}. Without one: az login."
)


class _Work(NamedTuple):
    parsed: argparse.Namespace
    environ: Mapping[str, str]
    report: Report


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    purpose = "Signs you in with Microsoft Entra: you type a code into a browser, on any device."
    made = plain_parser("login", purpose, EXAMPLES)
    made.add_argument("--organization", metavar="NAME", default="", help="Sign in to its tenant.")
    made.add_argument("--tenant", metavar="TENANT", default="", help="GUID or domain of the tenant.")
    made.add_argument(
        "--client-id",
        metavar="ID",
        default="",
        help=f"Application that your organisation has registered. Default: {CLIENT_ID}.",
    )
    made.add_argument("-v", "--verbose", action="store_true", help="Say what is asked.")
    parsed = made.taken(arguments)
    told = report.standard(environ, is_verbose=parsed.verbose)
    return guarded(_login, lambda: _Work(parsed, environ, told))


def _login(work: _Work) -> int:
    parsed, environ, told = work
    client_id = parsed.client_id or environ.get(CLIENT_ID, "")
    if not is_client_id(client_id):
        raise InputError(
            "client-id-missing",
            "A sign-in needs the id of an application that your organisation has registered",
            hint=_REGISTER,
        )
    home = Collection(organization_of(parsed.organization or "none"), is_hosted=True)
    proxy, certificates = network(environ)
    transport = Transport(proxy, certificates, told.debug, Deadline(_SECONDS))
    settings = Settings(authority_host=environ.get("AZURE_AUTHORITY_HOST", "").strip())
    application = Application(entra.authority(settings, home), _tenant(work, home, transport), client_id)
    code = sign_in.begin(application, transport)
    told.register([code.secret])
    page, typed = told.clean(code.address), told.clean(code.user_code)
    sys.stderr.write(f"To sign in, open {page} in a browser, and type the code {typed}\n")
    sys.stderr.flush()
    with told.waiting("waiting for you to sign in"):
        grant = sign_in.wait(application, code, transport)
    path = user_folders.state_folder(environ)
    stored_login.keep(path, Login(application, grant.account, grant.refresh))
    told.line(
        f"Signed in as {grant.account or 'somebody without a name'}; pip-authenticate logout ends that."
    )
    return 0


def _tenant(work: _Work, home: Collection, transport: Transport) -> str:
    """As a person says it, or their organisation."""
    tenant = work.parsed.tenant
    if tenant:
        if not tenants.is_tenant(tenant):
            raise InputError("tenant-unusable", "--tenant is neither a GUID nor a domain", hint="Mend it.")
        return str(tenant)
    found = tenants.ask([home.url], transport)[0].tenant if work.parsed.organization else ""
    return found or "organizations"
