"""A stand-in for the Azure CLI: `az account get-access-token` and `az account show`.

Output, texts and exit codes as azure-cli 2.91 has them.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from azure_devops_emulator.stand_ins.common import Refused, begin, fail, token, trouble

_NOBODY = "ERROR: Please run 'az login' to setup account."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(f"ERROR: {message}", 2)


def main() -> None:
    """Do what the arguments ask for."""
    told, arguments = begin()
    parser = _Parser(prog="az", allow_abbrev=False)
    parser.add_argument("group", choices=["account"])
    parser.add_argument("command", choices=["get-access-token", "show"])
    for option in ("--resource", "--scope", "--tenant", "--subscription", "--query"):
        parser.add_argument(option, default="")
    parser.add_argument("--output", "-o", choices=["json", "tsv"], default="json")
    parser.add_argument("--only-show-errors", action="store_true")
    given = parser.parse_args(arguments)
    if given.tenant and given.subscription:
        fail("ERROR: Please specify only one of subscription and tenant, not both", 2)
    trouble(told)
    if not told["name"]:
        fail(_NOBODY)
    account = _account(told, given.subscription)
    if given.command == "show":
        _show(account, given)
    tenant = given.tenant or told["tenant"]
    if told["machine"] and tenant != told["tenant"]:
        fail("ERROR: Tenant shouldn't be specified for managed identity account")
    scope = given.scope or f"{given.resource or 'https://management.core.windows.net'}/.default"
    try:
        answer = token(told, tenant, scope)
    except Refused as refused:
        advice = f'az logout\naz login --tenant "{tenant}" --scope "{scope}"'
        fail(f"ERROR: {refused}\nInteractive authentication is needed. Please run:\n{advice}")
    end = int(datetime.now().timestamp()) + int(answer["expires_in"])  # noqa: DTZ005 - as a number
    _show(
        {
            "accessToken": answer["access_token"],
            "expiresOn": f"{datetime.fromtimestamp(end):%Y-%m-%d %H:%M:%S.%f}",  # noqa: DTZ006 - as az does
            "expires_on": end,
            **({} if given.tenant else {"subscription": account["id"]}),
            "tenant": tenant,
            "tokenType": answer["token_type"],
        },
        given,
    )


def _account(told: dict[str, Any], wanted: str) -> dict[str, Any]:
    """The subscription that is meant."""
    profile = json.loads(Path(told["profile"]).read_text(encoding="utf-8-sig"))
    accounts: list[dict[str, Any]] = profile["subscriptions"]
    meant = [one for one in accounts if wanted in {one["id"], one["name"]} or not wanted]
    if not meant:
        fail(f"ERROR: Subscription '{wanted}' not found. Check the spelling and casing and try again.")
    return meant[0]


def _show(data: dict[str, Any], given: argparse.Namespace) -> NoReturn:
    value = data.get(given.query) if given.query else data
    if given.output == "tsv":
        print(value if given.query else "\t".join(map(str, data.values())))  # noqa: T201
    else:
        print(json.dumps(value, indent=2))  # noqa: T201
    sys.exit(0)


if __name__ == "__main__":
    main()
