"""A stand-in for the Azure Developer CLI: `azd auth token`.

Output, and the three shapes that its errors have had, as azure-identity 1.27 reads them.
"""

import argparse
import json
import sys
from datetime import datetime, timedelta, timezone
from typing import Any, NoReturn

from azure_devops_emulator.stand_ins.common import Refused, begin, fail, token, trouble


def main() -> None:
    """Do what the arguments ask for."""
    told, arguments = begin()
    parser = argparse.ArgumentParser(prog="azd", allow_abbrev=False)
    parser.add_argument("group", choices=["auth"])
    parser.add_argument("command", choices=["token"])
    parser.add_argument("--scope", action="append", required=True)
    parser.add_argument("--tenant-id", default="")
    parser.add_argument("--output", "-o", choices=["json"], required=True)
    parser.add_argument("--no-prompt", action="store_true")
    given = parser.parse_args(arguments)
    trouble(told)
    if not told["name"]:
        _error(told, "not logged in, run `azd auth login` to login", "Run `azd auth login`.")
    try:
        answer = token(told, given.tenant_id or told["tenant"], " ".join(given.scope))
    except Refused as refused:
        _error(told, f"fetching token: {refused}", "Run `azd auth login`.")
    end = datetime.now(timezone.utc) + timedelta(seconds=int(answer["expires_in"]))
    data = {"token": answer["access_token"], "expiresOn": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    print(json.dumps(data))  # noqa: T201


def _error(told: dict[str, Any], message: str, suggestion: str) -> NoReturn:
    version = tuple(int(part) for part in told["version"].split("."))
    stamp = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    console = {"type": "consoleMessage", "timestamp": stamp, "data": {"message": f"\nERROR: {message}\n"}}
    error = {"error": message, "message": f"ERROR: {message}", "suggestion": suggestion}
    if version < (1, 23, 7):
        fail(json.dumps(console))
    if version < (1, 24, 0):
        console["data"] = {"message": ""}
        sys.stderr.write(json.dumps(console) + "\n")
        fail(json.dumps({"error": message}))
    fail(json.dumps(error))


if __name__ == "__main__":
    main()
