"""Writes programs that stand in for others' into a folder, for the PATH of a test."""

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from azure_devops_emulator.description.reading import stable_id
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.service import Service
from azure_devops_emulator.services.ci_identities import CiJob
from azure_devops_emulator.services.directory import AZURE_CLI

Trouble = Literal["", "expired", "warning", "hang", "garbage", "crash"]
"""What goes wrong in a program; `expired` is the sign-in, and `warning` on standard error is no failure."""


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in to a program, and how well it works.

    Args:
        person: account or display name; "" where it is an application, or nobody.
        application: name of one with a secret, or of a managed identity of this machine.
        tenant: GUID of that of the sign-in; default: the first one.
        subscriptions: whether there are any; otherwise it was `az login --allow-no-subscriptions`.
        trouble: what goes wrong.
        seconds: that it takes before it does anything.
        version: of azd, which decides the shape of its errors.
    """

    person: str = ""
    application: str = ""
    tenant: str = ""
    subscriptions: bool = True
    trouble: Trouble = ""
    seconds: float = 0.0
    version: str = "1.24.0"


class Programs:
    """Programs in a folder. Writing one again changes who is signed in.

    Args:
        service: gives the tokens.
        folder: where they are put; it is made.
    """

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self._folder = folder
        self._told = folder / ".told"
        self._told.mkdir(mode=0o700, parents=True, exist_ok=True)

    def az(self, who: SignedIn) -> dict[str, str]:
        """Write the Azure CLI; gives the variable that names its folder with azureProfile.json.

        Raises:
            InputError: nobody is called so.
        """
        config = self._folder / ".azure"
        config.mkdir(mode=0o700, exist_ok=True)
        profile = config / "azureProfile.json"
        told = self._sign_in(who) | {"profile": str(profile)}
        text = json.dumps({"installationId": stable_id("az"), "subscriptions": _subscriptions(who, told)})
        profile.write_text(text, encoding="utf-8-sig")
        self._write("az", "az", told)
        return {"AZURE_CONFIG_DIR": str(config)}

    def azd(self, who: SignedIn) -> None:
        """Write the Azure Developer CLI.

        Raises:
            InputError: nobody is called so.
        """
        self._write("azd", "azd", self._sign_in(who) | {"version": who.version})

    def ci(self, job: CiJob) -> None:
        """Write the program with which a job of CircleCI or Buildkite asks for a token.

        Raises:
            InputError: jobs of this kind have none.
        """
        names = {"circleci": "circleci", "buildkite": "buildkite-agent"}
        if job.kind not in names:
            raise InputError("no-program", f"A job of kind {job.kind!r} has no program for tokens")
        url, token = self._service.begin_ci_job(job)
        told = {"kind": job.kind, "url": url, "token": token.get_secret_value(), **_fine(SignedIn())}
        self._write(names[job.kind], "ci", told | {"authority_pem": self._service.ca_pem.decode()})

    def calls(self, program: str) -> list[list[str]]:
        """The arguments of each call of a program so far."""
        file = self._told / f"{program}.calls"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def _sign_in(self, who: SignedIn) -> dict[str, object]:
        service = self._service
        told: dict[str, object] = {
            "authority": service.authority,
            "authority_pem": service.ca_pem.decode(),
            "name": "",
            "type": "user",
            "tenant": who.tenant,
            "client_id": AZURE_CLI,
            "form": {},
            "machine": "",
            **_fine(who),
        }
        if who.person:
            person, token = service.remembered_sign_in(who.person)
            refresh = "made-up" if who.trouble == "expired" else token.get_secret_value()
            form = {"grant_type": "refresh_token", "refresh_token": refresh}
            told |= {"name": person.account, "tenant": who.tenant or person.tenants[0], "form": form}
        elif who.application:
            application = service.application(who.application)
            told |= {"type": "servicePrincipal", "client_id": application.client_id}
            told |= {"name": application.client_id, "tenant": who.tenant or application.tenants[0]}
            if application.managed:
                assigned = "systemAssignedIdentity"
                told |= {"name": assigned if application.managed == "system" else "userAssignedIdentity"}
                told |= {"machine": f"{service.origin}/metadata/identity/oauth2/token"}
            elif application.client_secrets:
                secret = application.client_secrets[0].value.get_secret_value()
                secret = "made-up" if who.trouble == "expired" else secret
                told |= {"form": {"grant_type": "client_credentials", "client_secret": secret}}
            else:
                raise InputError("no-secret", f"{who.application!r} has no secret to sign in with")
        return told

    def _write(self, name: str, module: str, told: dict[str, object]) -> None:
        file = self._told / f"{name}.json"
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(told), encoding="utf-8")
        fresh.replace(file)
        words = [sys.executable, "-I", "-m", f"azure_devops_emulator.stand_ins.{module}", str(file)]
        if os.name == "nt":
            (self._folder / f"{name}.cmd").write_text(f"@{subprocess.list2cmdline(words)} %*\r\n")
            return
        program = self._folder / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        program.chmod(0o700)


def _fine(who: SignedIn) -> dict[str, object]:
    return {"trouble": who.trouble, "seconds": who.seconds}


def _subscriptions(who: SignedIn, told: dict[str, object]) -> list[dict[str, object]]:
    """What azureProfile.json lists: without subscriptions, the tenant itself stands for one."""
    if not told["name"]:
        return []
    tenant = str(told["tenant"])
    return [
        {
            "id": stable_id(tenant, "subscription") if who.subscriptions else tenant,
            "name": "Made up" if who.subscriptions else "N/A(tenant level account)",
            "state": "Enabled",
            "user": {"name": told["name"], "type": told["type"]},
            "isDefault": True,
            "tenantId": tenant,
            "environmentName": "AzureCloud",
            "homeTenantId": tenant,
            "managedByTenants": [],
        }
    ]
