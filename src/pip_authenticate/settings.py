"""The only reader of the environment: what the agent gives a task, as plain values.

Names and shapes are the agent's (azure-pipelines-agent: Handler.cs, TaskRunner.cs, ExecutionContext.cs).
Loading never fails: what cannot be used is kept as a fault, so that every secret can be registered
with the log's masker before the first word about anything is printed.

The agent builds the environment from variables first, then inputs, then connections, and a later one
replaces an earlier one. So no variable that a step of the job has written (`##vso[task.setvariable]`) can
stand for an input or a connection of this step; shim.js refuses names that could. `provenance.py` says of
every value which it is; nothing that comes from a variable alone decides where a secret goes. What a step
has changed of a service connection itself (`##vso[task.setendpoint]`, never the system connection) nobody
can tell.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pip_authenticate import ENVIRON
from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.secret import Secret

SYSTEM_CONNECTION = "SystemVssConnection"
"""The agent's name for the connection that holds the job's own token."""


ARC_FOLDER = (
    "C:\\ProgramData\\AzureConnectedMachineAgent\\Tokens"
    if sys.platform == "win32"
    else "/var/opt/azcmagent/tokens"
)
"""No variable moves it: what lies there is known to be of the agent's making."""
ID_TOKEN_VARIABLE = "AZURE_ID_TOKEN"  # noqa: S105 - its name
"""Where a job of GitLab has its identity token, unless somebody says otherwise."""


class Input(NamedTuple):
    """One input of the task.

    Args:
        name: as written in a pipeline.
        parse: makes the value from the text; raises InputError.
        help: one sentence for people.
        alias: another name for it; a server resolves it before the agent sees it, other edges do not.
    """

    name: str
    parse: Callable[[str], Any]
    help: str
    alias: str = ""


class Endpoint(NamedTuple):
    """A service connection as the agent hands it over.

    Args:
        id: the connection's id as written in the input.
        url: its address as configured, unchecked; may be empty.
        scheme: the authorisation scheme's name, or empty.
        parameters: authorisation parameters by lower-case name.
        fault: what made the authorisation unreadable, or empty. Never quotes it.
    """

    id: str
    url: str
    scheme: str
    parameters: Mapping[str, Secret]
    fault: str = ""


class Proxy(NamedTuple):
    """The agent's web proxy; where it has none, those that the environment names.

    Args:
        url: the agent's, or empty where it has none.
        username: for Basic authentication, or empty.
        password: for Basic authentication.
        bypass: ECMAScript regular expressions of addresses that are asked directly.
        https: HTTPS_PROXY, for https addresses; or empty.
        http: HTTP_PROXY, for all others; or empty.
        excepted: NO_PROXY: parts of addresses that are asked directly.
    """

    url: str = ""
    username: str = ""
    password: Secret = Secret("")
    bypass: tuple[str, ...] = ()
    https: str = ""
    http: str = ""
    excepted: tuple[str, ...] = ()


class Certificates(NamedTuple):
    """The agent's certificate settings: paths of PEM files, or empty.

    Args:
        authorities: certificates of authorities to trust beside the system's.
        extra_authorities: the same, as NODE_EXTRA_CA_CERTS names them: one that cannot be used is none.
        client: the client's certificate chain.
        client_key: its private key.
        client_password: what the key is encrypted with.
        unchecked: whether the agent was told not to check servers' certificates.
    """

    authorities: str = ""
    extra_authorities: str = ""
    client: str = ""
    client_key: str = ""
    client_password: Secret = Secret("")
    unchecked: bool = False


class Network(NamedTuple):
    """How the gateway comes to indexes.

    Args:
        proxy: the caller's.
        certificates: the caller's.
        seconds: how long a question whose a name is may take, from its first to its last byte.
    """

    proxy: Proxy
    certificates: Certificates
    seconds: float


class Settings(NamedTuple):
    """All that a run is told, as values.

    Args:
        artifact_feeds: entries of the input, blanks trimmed, empty ones dropped.
        connections: service connections in the order of the input, each once.
        federation: the connection whose workload identity opens `feed_urls`, or None.
        feed_urls: entries of the input that goes with it.
        federated_hosts: hosts, beside those of Azure DevOps, that may be given its token.
        authority: host or address of Microsoft Entra that the step's input names, or empty.
        oidc_request_uri: where the job asks for an assertion of its identity, or empty.
        authority_host: of Microsoft Entra, as the azure-identity libraries name it.
        only_add_extra_index: whether no index becomes the primary one.
        clients: names of the installers and publishers that will use the indexes.
        verify: `off`, `warn` or `fail`.
        verify_package: name of a package whose download is tried, too, or empty.
        project: name of the project that the job runs in, or empty.
        collection_uris: what variables say of the organisation's address, by the variable's name. They
            can only contradict `system_connection`.
        is_hosted: whether a variable says that the organisation is Azure DevOps Services.
        system_connection: holds the job's token and the organisation's address.
        proxy: the agent's web proxy.
        certificates: the agent's certificate settings.
        previous: what the clients' variables hold now, by variable name; unset and empty ones are absent.
        aliases: names of variables that pip takes for those, too.
        remembered: digests of what an earlier run of this job stored, by variable name.
        job_variables: upper-case environment names of the job's public variables: those of the machine
            alone are not among them.
        secret_variables: upper-case environment names of the job's secret variables.
        agent_os: `Windows_NT`, `Linux` or `Darwin`.
        agent_version: of the agent, or empty.
        telemetry: ids of the job, as the built-in task sends them.
        unknown_inputs: upper-case names of inputs that this task does not have.
        faults: inputs that cannot be used.
        entries: indexes that the command's arguments name: feeds, URLs, `name=URL`.
        project_folder: where a project's own files are looked for, or empty: nowhere.
        sees_all_indexes: whether a run knows every index that its client will ask. keyring is asked for one
            after the other.
        variables: variables of the environment by name, for what names a project's indexes and files.
        listed: URLs of indexes that the user's configuration lists.
        organization: name or address of the organisation that feeds without one belong to, or empty.
        organization_is_given: whether whoever runs the command said that: no variable of a pipeline, and no
            file of a project.
        pipeline_organization: address of the organisation that a pipeline runs in, or empty.
        token: an explicit token, or empty.
        pipeline_token: the pipeline's own token as a step maps it, or empty.
        credentials: names of providers, in the order in which they are tried where an index names none.
        credentials_are_chosen: whether whoever runs the command named them.
        scope: what a person's token shall be good for: `read`, or `write`, which also saves from upstream.
        cache_folder: where tokens are kept between runs, or empty: nowhere.
        client_id: of the application or managed identity to be, or empty: as a variable says.
        tenant: of Microsoft Entra to sign in to, or empty: the organisation's.
        id_token_variable: name of the variable in which a job of GitLab has its identity token.
        secrets_folder: where a container is given its secrets.
        arc_folder: where Azure Arc's agent puts keys for those who may read them.
        publish: whether the first index shall also take uploads.
        temporary_folder: the agent's folder for files that last as long as the job, or empty.
        own_netrc: path of the user's own netrc file, whether or not there is one; or empty.
    """

    artifact_feeds: tuple[str, ...] = ()
    connections: tuple[Endpoint, ...] = ()
    federation: Endpoint | None = None
    feed_urls: tuple[str, ...] = ()
    federated_hosts: tuple[str, ...] = ()
    authority: str = ""
    oidc_request_uri: str = ""
    authority_host: str = ""
    only_add_extra_index: bool = False
    clients: tuple[str, ...] = ("pip",)
    verify: str = "off"
    verify_package: str = ""
    project: str = ""
    collection_uris: Mapping[str, str] = {}
    is_hosted: bool = False
    system_connection: Endpoint = Endpoint(SYSTEM_CONNECTION, "", "", {})
    proxy: Proxy = Proxy()
    certificates: Certificates = Certificates()
    previous: Mapping[str, Secret] = {}
    aliases: tuple[str, ...] = ()
    remembered: Mapping[str, str] = {}
    job_variables: frozenset[str] = frozenset()
    secret_variables: frozenset[str] = frozenset()
    agent_os: str = "Linux"
    agent_version: str = ""
    telemetry: Mapping[str, str] = {}
    unknown_inputs: tuple[str, ...] = ()
    faults: tuple[PipAuthenticateError, ...] = ()
    entries: tuple[str, ...] = ()
    project_folder: str = ""
    sees_all_indexes: bool = True
    variables: Mapping[str, str] = {}
    listed: tuple[str, ...] = ()
    organization: str = ""
    organization_is_given: bool = False
    pipeline_organization: str = ""
    token: Secret = Secret("")
    pipeline_token: Secret = Secret("")
    credentials: tuple[str, ...] = ()
    credentials_are_chosen: bool = False
    scope: str = "write"
    cache_folder: str = ""
    client_id: str = ""
    tenant: str = ""
    id_token_variable: str = ID_TOKEN_VARIABLE
    secrets_folder: str = "/run/secrets"
    arc_folder: str = ARC_FOLDER
    publish: bool = False
    temporary_folder: str = ""
    own_netrc: str = ""


def _entries(text: str) -> tuple[str, ...]:
    """The entries of a list separated by commas or line breaks; duplicates differ in more than case."""
    unique: dict[str, str] = {}
    for entry in re.split("[,\r\n]", _unquoted(text.strip())):
        trimmed = _unquoted(entry.strip())
        if trimmed:
            unique.setdefault(trimmed.lower(), trimmed)
    return tuple(unique.values())


def _unquoted(text: str) -> str:
    """A text without the quotes around it, which are in no name and no URL."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text.count(text[0]) == 2
    return text[1:-1].strip() if quoted else text


def _refused(slug: str, rule: str, text: str) -> InputError:
    """What is wrong with a text, which is shown whole or not at all: half a secret would not be masked."""
    given = text if len(text) <= 40 and "@" not in text else "another text"
    return InputError(slug, f"takes {rule}", context=f"given: {given}")


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in {"true", "false", ""}:
        raise _refused("not-a-boolean", "the words true and false", text)
    return word == "true"


def _verify(text: str) -> str:
    word = text.strip().lower() or "off"
    if word not in {"off", "warn", "fail"}:
        raise _refused("not-a-choice", "the words off, warn and fail", text)
    return word


CLIENTS = ("pip", "uv", "poetry", "pdm", "pipenv", "hatch", "twine", "netrc", "docker", "nginx")
"""The installers and publishers that settings can be made for; each is a module of `clients`."""


def _clients(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.lower() for name in _entries(text))) or CLIENTS[:1]
    for name in names:
        if name not in CLIENTS:
            raise _refused("not-a-client", f"the words {', '.join(CLIENTS)}", name)
    return names


def package(text: str) -> str:
    """A package's name (PEP 508), or empty."""
    name = text.strip()
    if name and not re.fullmatch(_PACKAGE_NAME, name):
        raise _refused("not-a-package", "the name of a package", text)
    return name


_PACKAGE_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"

INPUTS = (
    Input(
        "artifactFeeds",
        _entries,
        "Feeds of the organisation, separated by commas or line breaks: feed or project/feed, either with "
        "@view, or the URL of a feed's index.",
    ),
    Input(
        "pythonDownloadServiceConnections",
        _entries,
        "Service connections to other private indexes, separated by commas or line breaks.",
    ),
    Input(
        "onlyAddExtraIndex",
        _boolean,
        "true leaves pip's primary index as it is and makes every index an extra one. Default: false.",
    ),
    Input(
        "workloadIdentityServiceConnection",
        _entries,
        "A service connection with workload identity federation, which opens the indexes of feedUrl "
        "without a stored secret.",
        alias="azureDevOpsServiceConnection",
    ),
    Input(
        "feedUrl",
        _entries,
        "URLs of the indexes that the federated identity opens, in any organisation; separated by commas "
        "or line breaks.",
    ),
    Input(
        "federatedHosts",
        _entries,
        "Hosts outside Azure DevOps that may be given the federated identity's token, comma-separated.",
    ),
    Input(
        "authorityHost",
        str.strip,
        "Host of Microsoft Entra, where it is none of the public and sovereign clouds.",
    ),
    Input(
        "clients",
        _clients,
        f"Programs that will use the indexes, separated by commas, of {', '.join(CLIENTS)}. Default: pip.",
    ),
    Input(
        "publish",
        _boolean,
        "true also gives uv, poetry, pdm, hatch and twine what they need to publish to the first index. "
        "Default: false.",
    ),
    Input(
        "verify",
        _verify,
        "warn or fail asks every index whether it accepts its credential; off, the default, asks nothing.",
    ),
    Input(
        "verifyPackage",
        package,
        "A package whose download is tried when indexes are verified.",
    ),
)
"""The inputs of the task: parsing, known names and the reference documentation in one table."""

MEMORY = "PIP_AUTHENTICATE_STORED"
"""The job's secret variable in which a run remembers what it stored: `NAME=digest`, separated by blanks."""
_MEMORIES = r"(?<![^ ])([^ =]*)=([0-9a-f]{64})(?![^ ])"
_BYPASSES = 1000
"""Most expressions of a bypass list that are looked at."""
_COLLECTION_URIS = ("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "SYSTEM_COLLECTIONURI")
_TELEMETRY_NAMES = (
    "SYSTEM_TASKINSTANCEID", "SYSTEM_JOBID", "SYSTEM_PLANID", "SYSTEM_COLLECTIONID", "AGENT_ID",
    "AGENT_MACHINENAME", "AGENT_NAME", "AGENT_JOBSTATUS", "AGENT_OS", "AGENT_VERSION", "BUILD_BUILDID",
    "BUILD_BUILDNUMBER", "BUILD_BUILDURI", "BUILD_CONTAINERID", "BUILD_DEFINITIONNAME",
    "BUILD_DEFINITIONVERSION", "BUILD_REASON", "BUILD_REPOSITORY_CLEAN",
    "BUILD_REPOSITORY_GIT_SUBMODULECHECKOUT", "BUILD_REPOSITORY_NAME", "BUILD_REPOSITORY_PROVIDER",
    "BUILD_SOURCEVERSION",
)  # fmt: skip
_NO_INPUTS = {"INPUT_METHOD"}  # it belongs to Linux desktops
_TRUE_OF_A_KNOB = ("1", "true", "$true")
_OS_NAMES = {"win32": "Windows_NT", "darwin": "Darwin"}


class Environment:
    """Environment variables by name, in the agent's own spelling.

    Only where the system itself ignores the case of names (Windows, which gives a process upper-case
    ones) is another spelling the same variable. Elsewhere a step could set a second one beside the
    agent's own.
    """

    def __init__(self, environ: Mapping[str, str], *, ignores_case: bool) -> None:
        self.names = {name.upper(): value for name, value in environ.items()} if ignores_case else environ
        self._ignores_case = ignores_case

    def text(self, name: str) -> str:
        """A variable, or empty."""
        return self.names.get(name.upper() if self._ignores_case else name, "")

    def secret(self, name: str) -> Secret:
        """A variable that the agent maps as SECRET_NAME; some set-ups map it openly."""
        return Secret(self.text(f"SECRET_{name}") or self.text(name))

    def flag(self, name: str) -> bool:
        """Whether a variable is set as the agent sets its own switches."""
        return self.text(name).strip().lower() in _TRUE_OF_A_KNOB


def load(
    replaced: Iterable[str],
    environ: Mapping[str, str] = ENVIRON,
    *,
    variables_of: Callable[[tuple[str, ...]], Iterable[str]] = lambda _: (),
    is_alias: Callable[[str], bool] = lambda _: False,
    ignores_case: bool = sys.platform == "win32",
) -> Settings:
    """Read everything a run is told.

    Args:
        replaced: names of the variables that the run may set, whose present values count.
        environ: the environment of the task's process.
        variables_of: names of further such variables, by the chosen clients; those that an earlier run
            remembered count, too.
        is_alias: whether another name means one of those variables.
        ignores_case: whether the system takes names for equal that differ in case only.
    """
    env = Environment(environ, ignores_case=ignores_case)
    values, faults = _inputs(env)
    remembered = _remembered(env)
    watched = dict.fromkeys((*replaced, *variables_of(values["clients"]), *remembered))
    federation = None
    for connection in values["workloadIdentityServiceConnection"][:1]:
        federation = _endpoint(env, connection, connection.lower())
    return Settings(
        artifact_feeds=values["artifactFeeds"],
        connections=tuple(
            _endpoint(env, connection, connection.lower())
            for connection in values["pythonDownloadServiceConnections"]
        ),
        federation=federation,
        feed_urls=values["feedUrl"],
        federated_hosts=tuple(host.lower() for host in values["federatedHosts"]),
        authority=values["authorityHost"],
        oidc_request_uri=env.text("SYSTEM_OIDCREQUESTURI").strip(),
        authority_host=env.text("AZURE_AUTHORITY_HOST").strip(),
        only_add_extra_index=values["onlyAddExtraIndex"],
        clients=values["clients"],
        verify=values["verify"],
        verify_package=values["verifyPackage"],
        project=env.text("SYSTEM_TEAMPROJECT"),
        collection_uris={name: env.text(name).strip() for name in _COLLECTION_URIS if env.text(name).strip()},
        is_hosted=env.text("SYSTEM_SERVERTYPE").strip().lower() == "hosted",
        system_connection=_endpoint(env, SYSTEM_CONNECTION, SYSTEM_CONNECTION.upper()),
        proxy=proxy_in(env),
        certificates=certificates_in(env),
        previous={name: Secret(env.text(name)) for name in watched if env.text(name)},
        aliases=tuple(sorted(name for name, value in env.names.items() if value and is_alias(name))),
        remembered=remembered,
        job_variables=frozenset(
            _environment_name(name) for name in _strings(env.text("VSTS_PUBLIC_VARIABLES"))
        ),
        secret_variables=_secret_variables(env),
        agent_os=env.text("AGENT_OS") or _OS_NAMES.get(sys.platform, "Linux"),
        agent_version=env.text("AGENT_VERSION"),
        telemetry={name: env.text(name) for name in _TELEMETRY_NAMES if env.text(name)},
        unknown_inputs=_unknown_inputs(env),
        faults=tuple(faults),
        publish=values["publish"],
        temporary_folder=env.text("AGENT_TEMPDIRECTORY"),
        own_netrc=_own_netrc(env),
    )


def proxy_in(env: Environment) -> Proxy:
    """The web proxy that an agent or its machine names."""
    return Proxy(
        url=env.text("AGENT_PROXYURL").strip(),
        username=env.text("AGENT_PROXYUSERNAME"),
        password=env.secret("AGENT_PROXYPASSWORD"),
        bypass=tuple(_strings(env.text("AGENT_PROXYBYPASSLIST"))[:_BYPASSES]),
        https=env.text("HTTPS_PROXY").strip(),
        http=env.text("HTTP_PROXY").strip(),
        excepted=tuple(filter(None, map(str.strip, env.text("NO_PROXY").split(",")))),
    )


def certificates_in(env: Environment) -> Certificates:
    """The certificates that an agent names."""
    return Certificates(
        authorities=env.text("AGENT_CAINFO"),
        extra_authorities=env.text("NODE_EXTRA_CA_CERTS"),
        client=env.text("AGENT_CLIENTCERT"),
        client_key=env.text("AGENT_CLIENTCERTKEY"),
        client_password=env.secret("AGENT_CLIENTCERTPASSWORD"),
        unchecked=env.flag("AGENT_SKIPCERTVALIDATION"),
    )


def _own_netrc(env: Environment) -> str:
    """Where programs look for a netrc file (Python: netrc; its name on Windows: requests, utils.py)."""
    home = env.text("HOME") or env.text("USERPROFILE")
    name = "_netrc" if sys.platform == "win32" else ".netrc"
    return os.path.join(home, name) if home else ""  # noqa: PTH118 - pathlib costs some milliseconds


def _inputs(env: Environment) -> tuple[dict[str, Any], list[PipAuthenticateError]]:
    values, faults = {}, list[PipAuthenticateError]()
    for item in INPUTS:
        text, wrong = env.text(f"INPUT_{item.name.upper()}"), list[InputError]()
        if "$(" in text:
            from pip_authenticate import macros  # noqa: PLC0415 - most agents have replaced all

            text, wrong = macros.removed(text, is_list=item.parse is _entries)
        try:
            values[item.name] = item.parse(text)
        except InputError as error:
            values[item.name] = item.parse("")
            wrong.append(error)
        faults += [error.preceded(f"Input {item.name} ") for error in wrong]
    return values, faults


def _unknown_inputs(env: Environment) -> tuple[str, ...]:
    known = {f"INPUT_{item.name.upper()}" for item in INPUTS} | _NO_INPUTS
    given = {name for name, value in env.names.items() if name.startswith("INPUT_") and value}
    return tuple(name.removeprefix("INPUT_") for name in sorted(given - known))


def _endpoint(env: Environment, connection: str, key: str) -> Endpoint:
    """Read a connection from the JSON that the agent gives.

    The single variables beside it (ENDPOINT_AUTH_PARAMETER_...) say the same, but only for what the
    connection has: a step could have set one that it lacks. They count where there is no JSON at all, so
    that all of the connection has one writer.

    Args:
        env: the environment.
        connection: as named in the input.
        key: as the agent writes it: a GUID in lower case.
    """
    text, fault = env.text(f"ENDPOINT_AUTH_{key}"), ""
    scheme, parameters = "", dict[str, Secret]()
    if not text:
        scheme = env.text(f"ENDPOINT_AUTH_SCHEME_{key}")
        start = f"ENDPOINT_AUTH_PARAMETER_{key}_".upper()
        names = [name for name in env.names if name.upper().startswith(start)]
        parameters = {name[len(start) :].lower(): Secret(env.names[name]) for name in names}
    else:
        try:
            scheme, parameters = _authorization(text)
        except ValueError:  # its message may quote the text
            fault = "its authorisation is not the JSON object that an agent gives"
    return Endpoint(connection, env.text(f"ENDPOINT_URL_{key}").strip(), scheme, parameters, fault)


def _authorization(text: str) -> tuple[str, dict[str, Secret]]:
    """Scheme and parameters of an authorisation's JSON; ValueError where it has another shape."""
    import json  # noqa: PLC0415 - people give none

    try:
        value = json.loads(text)
        scheme, parameters = value.get("scheme") or "", value.get("parameters") or {}
        given = {name.lower(): "" if item is None else item for name, item in parameters.items()}
    except (AttributeError, RecursionError):  # one kind of error for every wrong shape
        raise ValueError from None
    if not isinstance(scheme, str):
        raise ValueError  # noqa: TRY004 - as above
    texts = {name: item for name, item in given.items() if isinstance(item, str)}
    "".join(texts.values()).encode("utf-8", "surrogateescape")  # half a character: a ValueError
    return scheme, {name: Secret(item) for name, item in texts.items()}


def _strings(text: str) -> tuple[str, ...]:
    """A JSON array of strings; anything else counts as empty, as it does for the agent."""
    if not text:
        return ()
    import json  # noqa: PLC0415 - as above

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _environment_name(name: str) -> str:
    """A variable's name as it stands in the environment (azure-pipelines-agent: VarUtil.cs)."""
    return name.replace(".", "_").replace(" ", "_").upper()


def _secret_variables(env: Environment) -> frozenset[str]:
    listed = (_environment_name(name) for name in _strings(env.text("VSTS_SECRET_VARIABLES")))
    mapped = (name.removeprefix("SECRET_") for name in env.names if name.startswith("SECRET_"))
    return frozenset((*listed, *mapped))


def _remembered(env: Environment) -> dict[str, str]:
    """What an earlier run remembered; a text of another shape counts as nothing."""
    return dict(re.findall(_MEMORIES, env.text(f"SECRET_{MEMORY}")))
