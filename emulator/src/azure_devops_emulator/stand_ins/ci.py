"""Stand-ins for the programs with which jobs ask for tokens: `circleci` and `buildkite-agent`."""

import argparse
import json
from typing import Any
from urllib.parse import urlencode

from azure_devops_emulator.stand_ins.common import Refused, ask, begin, fail, trouble


def main() -> None:
    """Do what the arguments ask for."""
    told, arguments = begin()
    trouble(told)
    audience = _circleci(arguments) if told["kind"] == "circleci" else _buildkite(arguments)
    try:
        url = f"{told['url']}?{urlencode({'audience': audience})}"
        answer: dict[str, Any] = ask(told, url, {}, {"Authorization": f"Bearer {told['token']}"})
    except Refused as refused:
        fail(f"Error: {refused}")
    print(answer["value"])  # noqa: T201


def _circleci(arguments: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="circleci", allow_abbrev=False)
    for word in ("run", "oidc", "get"):
        parser.add_argument(word, choices=[word])
    parser.add_argument("--claims", default="{}")
    parser.add_argument("--root-issuer", action="store_true", required=True)
    try:
        return str(json.loads(parser.parse_args(arguments).claims).get("aud", ""))
    except (ValueError, AttributeError):
        fail("Error: --claims is no object of JSON")


def _buildkite(arguments: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="buildkite-agent", allow_abbrev=False)
    for word in ("oidc", "request-token"):
        parser.add_argument(word, choices=[word])
    parser.add_argument("--audience", default="")
    return str(parser.parse_args(arguments).audience)


if __name__ == "__main__":
    main()
