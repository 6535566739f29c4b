"""The command line of the emulator: `run` a pipeline, or `serve` an organisation."""

import argparse
import contextlib
import os
import secrets
import select
import signal
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from azure_devops_emulator import __version__
from azure_devops_emulator.console import Console
from azure_devops_emulator.errors import EmulatorError, InputError, each
from azure_devops_emulator.jobs.agent_version import NEWEST
from azure_devops_emulator.jobs.workspace import CA_VARIABLES, MACHINE

if TYPE_CHECKING:
    from pydantic import SecretStr

    from azure_devops_emulator.agent import AgentProxy
    from azure_devops_emulator.organization import Organization
    from azure_devops_emulator.service import Service

_PROXY_HOST = "devops.example.test"
_EXAMPLE = Path(__file__).with_name("example.toml")
# How often `serve` looks whether somebody still reads what it prints, in seconds.
_TICK = 0.25
_TASK = Path("dist/task/PipAuthenticate")
_HTTPS_HELP = "serve https under a certificate made for this run"
_RUN_EXAMPLES = """\
examples:
  azure-devops-emulator run examples/feeds.yml
  azure-devops-emulator run examples/behind-a-proxy.yml --proxy
  azure-devops-emulator run examples/save-from-upstream.yml --project project2
  azure-devops-emulator run my.yml --organization my.toml --variable color=red --debug
  azure-devops-emulator run my.yml --task-dir dist/MyTask --extension acme.tools-1.0.0.vsix

The exit code is 0 when the job succeeded (with or without issues), 1 when it did not, and
2 when the pipeline or the organisation cannot be used.
"""
_SERVE_EXAMPLES = """\
examples:
  azure-devops-emulator serve
  azure-devops-emulator serve --organization organization.toml --https
  azure-devops-emulator serve --port 8080 --show-tokens
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; gives the exit code.

    Args:
        argv: arguments without the program's name; those of the process by default.
    """
    arguments = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        action: Callable[[argparse.Namespace], int] = arguments.action
        return action(arguments)
    except EmulatorError as error:
        for one in each(error):
            _complain(str(one))
        return 2
    except BrokenPipeError:
        # Nobody reads on. What is left in the buffer goes nowhere, without another word at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _complain(text: str) -> None:
    """Write an error as one line that is safe to show."""
    safe = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    sys.stderr.write(f"azure-devops-emulator: error: {safe}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="azure-devops-emulator",
        description="A local stand-in for an Azure DevOps organisation and its agent.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    raw = argparse.RawDescriptionHelpFormatter
    run = parsers.add_parser(
        "run",
        help="run a pipeline file",
        description="Run a pipeline file as an agent of an emulated organisation does.",
        epilog=_RUN_EXAMPLES,
        formatter_class=raw,
    )
    run.add_argument("pipeline", type=Path, metavar="PIPELINE.yml", help="the pipeline file")
    run.add_argument(
        "--organization",
        type=Path,
        metavar="FILE",
        help="what the organisation consists of (default: organization.toml beside the pipeline)",
    )
    run.add_argument("--project", default="", help="the project it runs in (default: the first one)")
    run.add_argument("--on-premises", action="store_true", help="be an Azure DevOps Server")
    place = run.add_mutually_exclusive_group()
    place.add_argument("--https", action="store_true", help=_HTTPS_HELP)
    place.add_argument(
        "--proxy",
        action="store_true",
        help="put the organisation, an Azure DevOps Server, behind a web proxy that asks for a password",
    )
    run.add_argument("--debug", action="store_true", help="run with system.debug")
    run.add_argument(
        "--task-dir",
        type=Path,
        action="append",
        metavar="DIR",
        help=f"folder of a built task; may be given several times (default: {_TASK}, without --extension)",
    )
    run.add_argument(
        "--extension",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.vsix",
        help="an extension whose tasks are installed; may be given several times",
    )
    run.add_argument(
        "--variable", action="append", default=[], metavar="NAME=VALUE", help="set a variable of the pipeline"
    )
    run.add_argument(
        "--secret-variable", action="append", default=[], metavar="NAME=VALUE", help="set a secret variable"
    )
    run.add_argument(
        "--agent-version",
        default=str(NEWEST),
        metavar="VERSION",
        help="be an agent of this version (default: %(default)s)",
    )
    run.add_argument(
        "--unescape-reserved",
        action="store_true",
        help="write addresses of service connections as .NET's documentation says, not as its sources do",
    )
    run.add_argument(
        "--sources",
        type=Path,
        metavar="DIR",
        help="what the job checks out (default: the repository, or else the folder, of the pipeline)",
    )
    run.add_argument("--keep", type=Path, metavar="DIR", help="keep the job's files in this folder")
    run.set_defaults(action=_run)
    serve = parsers.add_parser(
        "serve",
        help="serve an organisation to other tools",
        description="Serve an emulated organisation on this machine's loopback address.",
        epilog=_SERVE_EXAMPLES,
        formatter_class=raw,
    )
    serve.add_argument(
        "--organization",
        type=Path,
        default=_EXAMPLE,
        metavar="FILE",
        help="what the organisation consists of (default: the emulator's own example)",
    )
    serve.add_argument("--on-premises", action="store_true", help="be an Azure DevOps Server")
    serve.add_argument("--https", action="store_true", help=_HTTPS_HELP)
    serve.add_argument("--port", type=_port, default=0, help="port of the service (default: a free one)")
    serve.add_argument(
        "--blob-port", type=_port, default=0, help="port of the blob store (default: a free one)"
    )
    serve.add_argument("--show-tokens", action="store_true", help="print tokens and passwords too")
    serve.add_argument("--seconds", type=float, metavar="N", help="stop by itself after N seconds")
    serve.set_defaults(action=_serve)
    return parser


def _port(text: str) -> int:
    """A TCP port; argparse tells the person what is wrong with another number."""
    if not (text.isascii() and text.isdecimal() and int(text[:6]) < 65536):
        raise argparse.ArgumentTypeError(f"{text[:20]} is no port: take 0 to 65535")
    return int(text)


def _pairs(given: list[str]) -> Iterator[tuple[str, str]]:
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InputError("variable", "a variable has to be given as NAME=VALUE", context=name)
        yield name, value


@contextlib.contextmanager
def _on_signals(react: Callable[[], None]) -> Iterator[None]:
    """React to the first SIGINT or SIGTERM; a second one ends the program as ever."""
    previous: dict[signal.Signals, object] = {}

    def handle(_number: int, _frame: object) -> None:
        restore()
        react()

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    for number in (signal.SIGINT, signal.SIGTERM):
        previous[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        restore()


def _run(arguments: argparse.Namespace) -> int:
    from pydantic import SecretStr  # noqa: PLC0415

    from azure_devops_emulator.agent import Agent  # noqa: PLC0415 - `--help` needs none of it
    from azure_devops_emulator.organization import Organization  # noqa: PLC0415
    from azure_devops_emulator.pipeline import Pipeline  # noqa: PLC0415
    from azure_devops_emulator.service import Service  # noqa: PLC0415

    pipeline = Pipeline.load(arguments.pipeline)
    organization = Organization.load(
        arguments.organization or arguments.pipeline.parent / "organization.toml"
    )
    tasks = arguments.task_dir
    if tasks is None:
        tasks = [_TASK] if _TASK.is_dir() and not arguments.extension else []
    variables: dict[str, str | SecretStr] = dict(_pairs(arguments.variable))
    variables.update((name, SecretStr(value)) for name, value in _pairs(arguments.secret_variable))
    console = Console(sys.stdout, MACHINE)
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(
            Service(
                organization,
                on_premises=arguments.on_premises or arguments.proxy,
                https=arguments.https,
            )
        )
        proxy, collection = _proxy(service, stack) if arguments.proxy else (None, "")
        agent = Agent(
            service=service,
            project=arguments.project or _first_project(organization),
            task_dirs=tasks,
            extensions=arguments.extension,
            agent_version=arguments.agent_version,
            debug=arguments.debug,
            unescape_reserved=arguments.unescape_reserved,
            proxy=proxy,
            collection_uri=collection,
            variables=variables,
            echo=console.line,
            keep=arguments.keep,
            sources=arguments.sources,
        )
        stack.enter_context(_on_signals(agent.cancel))
        result = agent.run(pipeline)
    console.line(f"Job result: {result.result}")
    return 0 if result.succeeded else 1


def _first_project(organization: "Organization") -> str:
    if not organization.projects:
        raise InputError("no-project", "the organisation has no project to run a pipeline in")
    return organization.projects[0].name


def _proxy(service: "Service", stack: contextlib.ExitStack) -> "tuple[AgentProxy, str]":
    """A web proxy that alone knows the collection's host; gives its settings and the collection's address."""
    from pydantic import SecretStr  # noqa: PLC0415

    from azure_devops_emulator.agent import AgentProxy  # noqa: PLC0415
    from azure_devops_emulator.proxy import ForwardProxy  # noqa: PLC0415

    user, password = "proxyuser", SecretStr(secrets.token_hex(12))
    proxy = stack.enter_context(
        ForwardProxy(hosts={_PROXY_HOST: (service.host, service.port)}, user=user, password=password)
    )
    collection = urlsplit(service.collection_uri)._replace(netloc=_PROXY_HOST).geturl()
    return AgentProxy(proxy.url, user, password), collection


def _serve(arguments: argparse.Namespace) -> int:
    from azure_devops_emulator.organization import Organization  # noqa: PLC0415
    from azure_devops_emulator.service import Service  # noqa: PLC0415

    organization = Organization.load(arguments.organization)
    console = Console(sys.stdout, MACHINE)
    stopped = threading.Event()
    service = Service(
        organization,
        on_premises=arguments.on_premises,
        https=arguments.https,
        port=arguments.port,
        blob_port=arguments.blob_port,
    )
    with _on_signals(stopped.set), _serving(service), _authority_file(service) as trusted:
        for line in _description(service, show=arguments.show_tokens):
            console.line(line)
        for line in _table(
            "To trust its certificate", dict.fromkeys(CA_VARIABLES if trusted else (), trusted)
        ):
            console.line(line)
        ends = "" if arguments.seconds is None else f" Or wait {arguments.seconds:g} seconds."
        console.line(f"Press Ctrl+C to stop.{ends}")
        end = time.monotonic() + (arguments.seconds if arguments.seconds is not None else float("inf"))
        while not stopped.wait(min(_TICK, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end or _nobody_reads():
                break
    return 0


def _nobody_reads() -> bool:
    """Whether standard output is a pipe that was closed at its other end; unknown on Windows."""
    try:
        number = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    if sys.platform == "win32" or not stat.S_ISFIFO(os.fstat(number).st_mode):
        return False
    watch = select.poll()
    watch.register(number, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0))


@contextlib.contextmanager
def _serving(service: "Service") -> Iterator[None]:
    try:
        service.start()
    except OSError as error:
        raise InputError("port", "the service cannot use its port", context=error.strerror or "") from error
    try:
        yield
    finally:
        service.stop()


@contextlib.contextmanager
def _authority_file(service: "Service") -> Iterator[str]:
    """A file with what clients have to trust, while the service runs; "" when it has no own certificate."""
    if not service.ca_pem:
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="azure-devops-emulator-") as folder:
        file = Path(folder) / "ca.pem"
        file.write_bytes(service.ca_pem)
        yield str(file)


def _description(service: "Service", *, show: bool) -> Iterator[str]:
    """What an organisation's service offers, in lines; secrets only when they are to be shown."""
    organization = service.organization
    yield f"Organization {organization.name} ({service.server_type})"
    yield ""
    addresses = service.addresses()
    yield from _table("Addresses", addresses)
    people: Mapping[str, str] = {
        identity.name: ", ".join(
            f"{token.label}: {_shown(token.value, show=show)} [{' '.join(token.scopes)}]"
            for token in identity.tokens
        )
        for identity in organization.identities
    }
    yield from _table("Identities and their tokens", people)
    for feed in organization.feeds[:1] if people else ():
        index = addresses[f"feed {feed.address}"].replace("://", "://user:TOKEN@", 1)
        upload = addresses[f"upload to {feed.address}"]
        yield "Log in with any user name and a token as password, for example:"
        yield f"  PIP_INDEX_URL={index} pip install ..."
        yield f"  TWINE_USERNAME=user TWINE_PASSWORD=TOKEN twine upload --repository-url {upload} dist/*"
        yield ""
    connections: Mapping[str, str] = {
        connection.name: f"{connection.type}, {connection.scheme}, {service.resolve(connection.url)}"
        + "".join(
            f", {name}: {value if isinstance(value, str) else _shown(value, show=show)}"
            for name, value in connection.parameters.items()
        )
        for connection in organization.service_connections
    }
    yield from _table("Service connections", connections)


def _shown(secret: "SecretStr", *, show: bool) -> str:
    return secret.get_secret_value() if show else str(secret)


def _table(title: str, rows: Mapping[str, str]) -> Iterator[str]:
    if rows:
        yield f"{title}:"
        width = max(map(len, rows))
        yield from (f"  {name:<{width}}  {value}".rstrip() for name, value in rows.items())
        yield ""
