"""The arrows of ARCHITECTURE.md, read off the imports, and the laws that can be read off the code."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

import azure_devops_emulator
from support.organisation import Organisation
from support.task import Connection, Task, environment

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pip_authenticate"
NAME = "pip_authenticate"
DEPENDENCIES = {"idna", "platformdirs", "tomli", "truststore"}
# What only an extra installs, by the one module that needs it. The first opens sockets of its own:
# ARCHITECTURE.md says why that is so.
EXTRAS = {
    "ci_identities": {"id"},
    "keyring_backend": {"keyring"},
    "gateway.*": {"aiohttp", "cryptography", "multidict", "multipart", "packaging", "yarl"},
}
EMULATOR = "azure_devops_emulator"
SUPPORT = "emulator_support"  # what the emulator's own tests stand on

# From the top down. A module may import from the layers below its own, not from its neighbours.
LAYERS = (
    ("cli", "keyring_backend"),
    ("commands.*", "keyring_access"),
    ("behind_door",),
    ("handover", "behind_gateway"),
    ("telling",),
    ("command_line", "task", "child_environment", "child_process", "passing_folder"),
    ("delivery",),
    ("shown_record",),
    ("advice", "summary", "earlier_values", "fitting", "failures", "telemetry"),
    ("authenticate", "report", "options", "told_secrets", "cautions", "odd_inputs", "keyring_doctor"),
    ("sources.*", "providers.*", "clients.*", "outputs.*", "verify", "azure.canonical"),
    (
        "feed_entries",
        "uv_indexes",
        "stored_files",
        "kept_folder",
        "entra_access",
        "applications",
        "first_provider",
        "unopened",
    ),
    ("gateway.life", "gateway.door"),
    ("gateway.server", "gateway.index_server"),
    ("gateway.shelf", "gateway.downloads", "gateway.replies"),
    ("gateway.guard", "gateway.relay", "gateway.defaults", "gateway.pages", "gateway.saved", "gateway.form"),
    ("gateway.upstream", "gateway.record"),
    ("gateway.links", "gateway.renewal"),
    ("gateway.fence",),
    (
        *("gateway.authority", "gateway.entrance", "gateway.hiding", "gateway.trust", "gateway.answering"),
        *("gateway.accepting", "gateway.wheel_metadata"),
    ),
    ("gateway.peers", "gateway.packing"),
    ("run", "netrc_file", "pip_conf", "publishing", "named_indexes", "appending", "printed", "assignments"),
    ("other_programs", "ci_identities"),
    ("token_cache", "stored_login"),
    ("private_files",),
    ("project", "trusted_paths"),
    ("azure.own_hosts", "azure.managed_identity", "azure.sign_in"),
    ("azure.feeds", "azure.entra", "azure.challenges", "azure.session_tokens", "azure.tenants"),
    ("azure.routes",),
    ("azure.rest",),
    ("azure.refusals",),
    ("azure.job", "azure.forms"),
    ("azure.addresses", "azure.application"),
    ("azure.feed_names", "azure.feed_addresses"),
    ("azure.name_rules",),
    ("transport",),
    ("connections", "patience", "parallel", "redirects"),
    ("broken_ways", "layers"),
    ("encryption", "tunnel"),
    ("layered", "proxies"),
    ("settings", "deadline"),
    ("redaction", "shared_hosts", "uploads", "logins", "latin"),
    ("surroundings", "logging_commands"),
    ("client_settings",),
    ("index", "tokens", "token_files"),
    ("secret", "origin", "odd_hosts", "macros"),
    ("errors", "provenance", "text_files", "user_folders"),
    # The packages themselves: the version, words, and the table of commands.
    ("", "azure", "sources", "providers", "clients", "outputs", "commands", "gateway"),
)
# What these must do without, although it is below them.
FORBIDDEN = {
    "clients.*": {"transport", "azure", "settings", "run"},
    "outputs.*": {"transport", "azure", "settings", "index", "run"},
    "settings": {"index"},
}
# Where a credential goes onto the wire, into a URL or into an output; and what reads names, not secrets.
REVEALING = {
    "index": "credentials become userinfo and headers",
    "clients.*": "credentials become what the client reads",
    "outputs.*": "settings leave the process",
    "transport": "headers",
    "connections": "logins of proxies",
    "tunnel": "logins of proxies",
    "encryption": "the password of a key",
    "proxies": "what a header is made of",
    "azure.entra": "an assertion becomes a form",
    "azure.session_tokens": "headers",
    "azure.managed_identity": "headers",
    "azure.sign_in": "codes and refresh tokens become forms",
    "stored_login": "a refresh token is kept in a file of the user's alone",
    "token_cache": "tokens are kept in files of the user's alone",
    "providers.*": "user names and ids, which an agent treats as secrets",
    "told_secrets": "user names, and what must be masked",
    "earlier_values": "paths of files, which are settings",
    "cautions": "hosts",
    "report": "what must be masked",
    "netrc_file": "credentials become what clients read",
    "client_settings": "credentials become what clients read; how long a value is",
    "private_files": "settings leave the process",
    "kept_folder": "digests of what was written",
    "surroundings": "settings leave the process",
    "logging_commands": "settings leave the process",
    "command_line": "whether a token is there",
    "child_environment": "what must not be handed on",
    "gateway.entrance": "the secret of its own way in",
    "gateway.hiding": "what must not be seen",
    "gateway.door": "the address of its own way in",
    "gateway.life": "the address of its own way in",
    "gateway.relay": "logins of proxies",
    "gateway.upstream": "headers; what must not be repeated",
    "commands.run": "settings leave the process",
    "behind_gateway": "settings leave the process",
    "uv_indexes": "addresses become a file",
    "pip_conf": "addresses become a file",
    "assignments": "settings leave the process",
    "stored_files": "paths of files, which are settings",
    "tokens": "what a token says of itself",
    "redaction": "what a text holds",
    "keyring_backend": "credentials leave the process",
}
SOCKETS = {
    "socket",
    "ssl",
    "urllib3",
    "http",
    "truststore",
    "requests",
    "asyncio",
    "selectors",
    "socketserver",
    "ftplib",
    "aiohttp",
}


class Module(NamedTuple):
    """A module of the product."""

    name: str
    tree: ast.Module

    @property
    def pattern(self) -> str:
        """Its name, or that of its family."""
        return re.sub(r"\.\w+$", ".*", self.name)

    @property
    def layer(self) -> int:
        """Its place from the top."""
        for number, names in enumerate(LAYERS):
            if self.name in names or ("." in self.name and self.pattern in names):
                return number
        pytest.fail(f"{self.name} has no place: give it one here and in ARCHITECTURE.md")


def read(folder: Path) -> Iterator[Module]:
    """Every module below a folder, by its name within the package."""
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        yield Module(name, ast.parse(file.read_text(encoding="utf-8")))


PRODUCT = list(read(PACKAGE))
OWN_NAMES = {module.name for module in PRODUCT}


def imported(module: Module) -> set[str]:
    """Full names of what a module imports, wherever in it."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name} imports relatively"
            source = node.module or ""
            inside = source.removeprefix(NAME).removeprefix(".")
            for alias in node.names:
                below = f"{inside}.{alias.name}".strip(".")
                is_module = source.split(".")[0] == NAME and below in OWN_NAMES
                found.add(f"{NAME}.{below}" if is_module else source)
    return found


def own(module: Module) -> set[str]:
    """Modules of this package that a module imports."""
    names = (name for name in imported(module) if name.split(".")[0] == NAME)
    return {name.removeprefix(NAME).removeprefix(".") for name in names}


def by_name(modules: list[Module]) -> list[object]:
    return [pytest.param(module, id=module.name or NAME) for module in modules]


@pytest.mark.parametrize("module", by_name(PRODUCT))
def test_imports_go_down_only(module: Module) -> None:
    known = {one.name: one for one in PRODUCT}
    for name in own(module):
        assert name in known, f"{module.name} imports {name}, which is not the product's"
        assert known[name].layer > module.layer, f"{module.name} imports {name}, which is not below it"
        forbidden = FORBIDDEN.get(module.pattern, set())
        assert not {name, name.split(".")[0]} & forbidden, f"{module.name} must do without {name}"


@pytest.mark.parametrize("module", by_name(PRODUCT))
def test_nothing_is_imported_but_the_standard_library_and_the_dependencies(module: Module) -> None:
    known = (
        sys.stdlib_module_names
        | DEPENDENCIES
        | {NAME}
        | EXTRAS.get(module.name, EXTRAS.get(module.pattern, set()))
    )
    assert {name.split(".")[0] for name in imported(module)} <= known


@pytest.mark.parametrize("folder", ["src", "task"])
def test_the_product_never_names_the_emulator(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*") if file.suffix in {".py", ".js", ".json"}]
    assert files
    for file in files:
        assert EMULATOR not in file.read_text(encoding="utf-8"), f"{file} names the emulator"


@pytest.mark.parametrize("folder", ["tests", "tools", "benchmarks"])
def test_only_the_emulators_public_face_is_used(folder: str) -> None:
    public = set(azure_devops_emulator.__all__)
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
                assert not any(name.startswith((f"{EMULATOR}.", SUPPORT)) for name in names), file
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith((EMULATOR, SUPPORT)):
                assert node.module == EMULATOR, f"{file} imports from {node.module}"
                assert {alias.name for alias in node.names} <= public, file


@pytest.mark.parametrize("module", by_name(PRODUCT))
def test_sockets_are_opened_in_one_place(module: Module) -> None:
    libraries = {name.split(".")[0] for name in imported(module)} & SOCKETS
    knowing = {"connections", "encryption", "tunnel", "layered", "layers", "broken_ways"}
    assert module.name in knowing or module.pattern == "gateway.*" or not libraries


@pytest.mark.parametrize("module", by_name(PRODUCT))
def test_secrets_are_revealed_where_they_are_used_only(module: Module) -> None:
    reveals = any(isinstance(node, ast.Attribute) and node.attr == "reveal" for node in ast.walk(module.tree))
    assert not reveals or module.name in REVEALING or module.pattern in REVEALING


def environment_uses(module: Module) -> list[ast.AST]:
    """Places where a module looks at the environment of the process."""
    return [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "environb", "getenv", "getenvb", "expandvars"}
        and (ast.unparse(node.value) in {"os", "os.path"} or node.attr != "environ")
    ]


def test_the_environment_is_named_once() -> None:
    uses = {module.name: len(environment_uses(module)) for module in PRODUCT if environment_uses(module)}
    assert uses == {"": 1}
    (package,) = (module for module in PRODUCT if not module.name)
    (named,) = (node for node in package.tree.body if isinstance(node, ast.AnnAssign) and node.value)
    assert ast.unparse(named) == "ENVIRON: Mapping[str, str] = os.environ"


@pytest.mark.parametrize("module", by_name(PRODUCT))
def test_nothing_is_printed_past_the_outputs(module: Module) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "input", "eval", "exec", "breakpoint"}
        if isinstance(node, ast.Attribute) and node.attr in {"stdout", "stderr"}:
            # Standard error of the task: for the last resort.
            # Another module reads what other programs write.
            own = {"task", "cli", "command_line", "handover", "report", "other_programs"}
            own |= {"keyring_backend"}
            assert module.name in own or module.pattern == "commands.*"
    assert "logging" not in imported(module)


@pytest.mark.parametrize("module", by_name(PRODUCT))
def test_no_module_is_too_long_for_one_sitting(module: Module) -> None:
    assert len(ast.unparse(module.tree).splitlines()) < 600


def test_every_layer_is_in_the_architecture_document() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for module in PRODUCT:
        if module.name and module.name not in LAYERS[-1]:
            assert module.name.rpartition(".")[2] in text, f"{module.name} is not mentioned"


# ---- what a start costs ----------------------------------------------------------------------------


def loaded(code: str, env: dict[str, str]) -> set[str]:
    """The modules that a Python has imported once it has done something."""
    told = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", f"{told}; {code}"]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return set(ended.stderr.split())


def start(task: Task, env: dict[str, str]) -> set[str]:
    """The modules that a run of the task imports."""
    main = str(task.folder / "main.py")
    return loaded(f"import runpy; sys.argv = [{main!r}]; runpy.run_path({main!r}, run_name='__main__')", env)


def ours(modules: set[str]) -> set[str]:
    """The product's among modules, by their names within the package."""
    names = (name for name in modules if name.split(".")[0] == NAME)
    return {name.removeprefix(NAME).removeprefix(".") for name in names}


def providers(modules: set[str]) -> set[str]:
    """The providers among modules."""
    start = f"{NAME}.providers."
    return {name.removeprefix(start) for name in modules if name.startswith(start)}


# What the task never needs: what opens indexes for people, and for jobs of other CIs.
FOR_OTHERS = {
    f"{NAME}.{name}"
    for name in (
        *("entra_access", "applications", "ci_identities", "token_cache", "token_files", "other_programs"),
        *("azure.managed_identity", "azure.session_tokens", "azure.sign_in", "stored_login"),
    )
} | {"id", "subprocess"}
# What only some runs need: federation, a second credential, verification.
OCCASIONAL = {
    f"{NAME}.{name}"
    for name in (
        *(
            "sources.federated_urls",
            "providers.federation",
            "azure.entra",
            "azure.canonical",
            "azure.feeds",
            "azure.challenges",
            "azure.own_hosts",
        ),
        *("netrc_file", "private_files", "stored_files", "shared_hosts", "publishing", "uv_indexes"),
        *("verify", "tokens", "parallel", "patience", "proxies", "encryption", "tunnel", "layered", "layers"),
        *("redirects", "broken_ways", "odd_hosts", "earlier_values", "fitting", "failures", "advice"),
        *("feed_entries", "macros", "latin", "logins", "uploads", "summary", "pip_conf", "azure.name_rules"),
    )
}
# What a run of the task needs whatever it is told, and then for each kind of index.
ALWAYS = {
    *("", "task", "telemetry", "authenticate", "delivery", "run", "transport", "settings", "told_secrets"),
    *("logging_commands", "client_settings", "index", "origin", "secret", "errors", "deadline"),
    *("sources", "providers", "clients", "clients.pip", "outputs", "outputs.stream"),
}
FOR_CONNECTIONS = {"sources.service_connections", "providers.stored_secret", "redaction"}
FOR_FEEDS = {
    *("sources.artifact_feeds", "providers.job_token", "connections"),
    *("azure", "azure.addresses", "azure.feed_names", "azure.job", "azure.rest", "azure.routes"),
    "azure.feed_addresses",  # only where one host has all services of several organisations, as emulated ones
}
NEVER = {"urllib3", "requests", "importlib.metadata", "logging", "asyncio", "dataclasses", "pathlib"}
NETWORK = {"socket", "ssl", "http", "http.client", "truststore", "email", f"{NAME}.connections"}


def test_a_run_with_connections_only_loads_nothing_for_the_network(task: Task) -> None:
    connection = Connection.token(1, "https://h.example/simple", "t")
    modules = start(task, environment(connections=[connection]))
    assert f"{NAME}.task" in modules
    assert not modules & (NETWORK | NEVER | OCCASIONAL | {f"{NAME}.sources.artifact_feeds"})
    assert ours(modules) == ALWAYS | FOR_CONNECTIONS


def test_a_run_with_two_feeds_loads_what_it_needs(task: Task, hosted: Organisation) -> None:
    modules = start(task, environment(feeds="f,g", organisation=hosted))
    assert f"{NAME}.connections" in modules
    assert not modules & (NEVER | OCCASIONAL | {f"{NAME}.sources.service_connections", "encodings.idna"})
    assert not modules & FOR_OTHERS
    assert ours(modules) == ALWAYS | FOR_FEEDS
    # What http.client itself reads headers with.
    mail = {name for name in modules if name.startswith("email")}
    of_http = loaded("import http.client", {})
    assert mail <= of_http, mail - of_http


def test_another_run_loads_what_that_needs(task: Task, hosted: Organisation) -> None:
    connection = Connection.token(1, f"{hosted.feed_service}_packaging/x/pypi/simple/", "t")
    modules = start(task, environment(feeds="f", connections=[connection], organisation=hosted))
    assert {f"{NAME}.azure.canonical", f"{NAME}.azure.feeds"} <= modules


COMMAND_LINE = {
    "PATH": os.defpath,
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_AUTHENTICATE_TOKEN": "canary",
    "PIP_AUTHENTICATE_VIA": "files",
}
COSTLY = {
    "base64", "configparser", "hashlib", "json", "platformdirs", "shutil", "subprocess", "tempfile",
    "tomllib",
}  # fmt: skip


@pytest.mark.parametrize("command", [["env"], ["run"]])
@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs says where files are")
def test_a_command_with_a_token_and_urls_loads_little(tmp_path: Path, command: list[str], count: int) -> None:
    (tmp_path / "program").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "program").chmod(0o700)
    urls = [f"https://index.example/{number}/simple/" for number in range(count)]
    program = ["--", str(tmp_path / "program")] if command[0] == "run" else []
    env = {**COMMAND_LINE, "HOME": str(tmp_path)}
    bare = [sys.executable, "-I", "-c", "import sys; print(*sys.modules)"]
    of_python = set(
        subprocess.run(bare, capture_output=True, text=True, timeout=60, check=True).stdout.split()
    )
    asked = (
        "import sys; from pip_authenticate import cli; cli.main(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-I", "-c", asked, *command, "--quiet", *urls, *program],
        env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    modules = set(ended.stderr.split()) - of_python
    assert not {name for name in modules if name.startswith(f"{NAME}.gateway")}
    assert f"{NAME}.commands.{command[0]}" in modules
    assert modules & (NETWORK | NEVER | COSTLY) == set()
    assert len(ours(modules)) <= 44, ours(modules)
    assert providers(modules) == {"explicit_token"}, "no provider that comes after the one that answers"


def test_the_users_file_is_where_platformdirs_says(tmp_path: Path) -> None:
    for variables in ({}, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}):
        env = {**COMMAND_LINE, "HOME": str(tmp_path), **variables}
        asked = (
            "import os, platformdirs; from pip_authenticate.user_folders import settings_file; "
            "print(os.path.dirname(settings_file(os.environ)) == "
            "platformdirs.user_config_dir('pip-authenticate', appauthor=False))"
        )
        command = [sys.executable, "-c", asked]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
        assert ended.stdout == "True\n"


def test_the_command_does_not_wait_for_what_answers_it() -> None:
    """The engine is loaded while the command behind the gateway starts itself."""
    code = (
        "import sys; from pip_authenticate import behind_gateway; "
        "from pip_authenticate.gateway import authority, defaults, hiding, life; "
        "print(*sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.split())
    assert f"{NAME}.gateway.life" in loaded
    late = {"server", "upstream", "guard", "renewal", "relay"}
    engine = {"aiohttp", "asyncio", "multidict", "multipart", "packaging", "yarl"}
    assert not loaded & (engine | {f"{NAME}.gateway.{name}" for name in late})


# ---- what is committed -----------------------------------------------------------------------------


def pip_output(*arguments: str, env: dict[str, str]) -> str:
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True).stdout


def test_no_file_names_the_registry_of_the_machine_it_was_written_on() -> None:
    configured = pip_output("config", "list", env=dict(os.environ))
    public = pip_output("install", "--help", env={"PATH": os.defpath, "PIP_CONFIG_FILE": os.devnull})
    hosts = {urlsplit(url).hostname for url in re.findall(r"https?://[^\s'\",]+", configured)}
    hosts -= {urlsplit(url).hostname for url in re.findall(r"https?://[^\s'\",)]+", public)}
    hosts -= {None, "localhost", "127.0.0.1"}
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        file = ROOT / name
        text = file.read_bytes() if file.is_file() else b""
        for host in hosts:
            assert str(host).encode() not in text, f"{name} names {host}"


def test_the_task_names_the_version_of_the_package(task: Task) -> None:
    manifest = json.loads((task.folder / "task.json").read_text(encoding="utf-8"))
    (package,) = (module for module in PRODUCT if not module.name)
    version = next(
        ast.literal_eval(node.value)
        for node in package.tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    )
    assert ".".join(str(manifest["version"][part]) for part in ("Major", "Minor", "Patch")) == version
