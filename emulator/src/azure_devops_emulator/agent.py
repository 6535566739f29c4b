"""The emulated agent: runs a pipeline's job against an emulated organisation's service.

What a task sees and what its logging commands do is what a real agent does; the modules beside
this one name the agent sources their rules come from.
"""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from azure_devops_emulator import task_sources
from azure_devops_emulator.errors import EmulatorError, Faults, InputError
from azure_devops_emulator.jobs import agent_version, plan, sources, workspace
from azure_devops_emulator.jobs.agent_version import AgentVersion
from azure_devops_emulator.jobs.context import JobContext, TelemetryEvent
from azure_devops_emulator.jobs.endpoints import NO_ID, SYSTEM_NAME, Endpoint
from azure_devops_emulator.jobs.handlers import Machine
from azure_devops_emulator.jobs.job import Cancellation, Job, StepResult, Timing
from azure_devops_emulator.jobs.job_log import JobLog, RawLine
from azure_devops_emulator.jobs.job_variables import (
    SERVER_READ_ONLY,
    AgentProxy,
    JobFacts,
    JobVariables,
    system_variables,
)
from azure_devops_emulator.jobs.masker import Masker
from azure_devops_emulator.jobs.names import Names, fold
from azure_devops_emulator.jobs.plan import PlannedStep
from azure_devops_emulator.jobs.pythons import Pythons
from azure_devops_emulator.jobs.variables import Variable, Variables
from azure_devops_emulator.jobs.workspace import Workspace
from azure_devops_emulator.pipeline import GroupUse, Pipeline, VariableDeclaration
from azure_devops_emulator.services import certificates

if TYPE_CHECKING:
    from azure_devops_emulator.service import Service

__all__ = ["Agent", "AgentProxy", "JobResult", "Timing"]


@dataclass(frozen=True)
class JobResult:
    """What became of a job.

    Args:
        result: a word such as `Succeeded`.
        steps: of the enabled steps, in order.
        log: the masked lines.
        raw: the unmasked lines of the processes.
        variables: as the job left them, expanded, by name.
        telemetry: what was published, or would be for a task of the server.
    """

    result: str
    steps: list[StepResult]
    log: list[str]
    raw: list[RawLine] = field(repr=False)
    variables: Mapping[str, Variable]
    telemetry: list[TelemetryEvent]

    @property
    def succeeded(self) -> bool:
        """Whether the job counts as successful; with issues it does."""
        return self.result in {"Succeeded", "SucceededWithIssues"}


@dataclass(kw_only=True)
class Agent:
    """An agent of an emulated organisation.

    Args:
        service: the organisation's running service.
        project: the project whose pipelines run, by name or id.
        task_dirs: folders of installed tasks, beside those that the service has.
        extensions: .vsix files of installed extensions, of which the tasks count.
        agent_version: its version, which decides what it undoes in logging commands.
        decode_percents: the knob DECODE_PERCENTS; None leaves it to the version.
        unescape_reserved: write addresses of connections as .NET's documentation says, not as its sources do.
        debug: run jobs with `system.debug`.
        proxy: the web proxy the agent is configured with.
        variables: set when the run is queued, predefined ones too; a SecretStr makes a secret variable.
        echo: gets every masked line of a log as it comes, or None.
        machine: the environment of this machine, of which jobs see a harmless part only.
        agent_variables: more variables that the agent sets, such as Agent.CAInfo.
        agent_environment: more of the environment of its process, as from its `.env` file.
        collection_scoped: whether the job's token is that of the collection's build service.
        token: the job's token, instead of a fresh one.
        enable_access_token: whether the token is a public variable, as classic pipelines may have it.
        collection_uri: the address jobs are told, instead of the service's own.
        python: whether a fresh virtual environment is first on PATH.
        server_owned: whether tasks count as the server's own.
        timing: how long things take.
        keep: a folder for the job's files that stays, or None for a temporary one.
        sources: the folder that a job checks out, instead of the repository that the pipeline lies in.

    Raises:
        InputError: a task cannot be read, there is no such project, or the version is none.
    """

    service: "Service"
    project: str
    task_dirs: Iterable[Path] = ()
    extensions: Iterable[Path] = ()
    agent_version: str = str(agent_version.NEWEST)
    decode_percents: bool | None = None
    unescape_reserved: bool = False
    debug: bool = False
    proxy: AgentProxy | None = None
    variables: Mapping[str, str | SecretStr] = field(default_factory=dict)
    echo: Callable[[str], object] | None = None
    machine: Mapping[str, str] = field(default_factory=lambda: workspace.MACHINE, repr=False)
    agent_variables: Mapping[str, str | SecretStr] = field(default_factory=dict)
    agent_environment: Mapping[str, str] = field(default_factory=dict)
    collection_scoped: bool = False
    token: SecretStr | None = None
    enable_access_token: bool = False
    collection_uri: str = ""
    python: bool = True
    server_owned: bool = False
    timing: Timing = field(default_factory=Timing)
    keep: Path | None = None
    sources: Path | None = None

    def __post_init__(self) -> None:
        self._project = self.service.project(self.project)
        self._tasks = task_sources.gather(self.task_dirs, self.extensions)
        self._version = AgentVersion.parse(self.agent_version)
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Cancel the job that runs, or that runs next: from another thread or a signal handler."""
        self._cancelled.set()

    def run(self, pipeline: Pipeline) -> JobResult:
        """Run a pipeline's job.

        Raises:
            InputError: what a server would refuse the pipeline for.
            Faults: the same, when there are several.
            SetupError: this machine lacks what a job needs.
        """
        declared = self._declared(pipeline)
        values = {**self.variables, **{name: each.value for name, each in declared.items()}}
        known = {name: value for name, value in values.items() if isinstance(value, str)}
        installed = self.service.tasks.beside(self._tasks)
        steps = plan.make(pipeline, installed, self.service.organization.service_connections, known)
        masker = Masker()
        log = JobLog(masker, debug=self._is_debug(known), echo=self.echo)
        with contextlib.closing(Workspace(self.machine, self.keep)) as space:
            shutil.rmtree(space.tasks, ignore_errors=True)
            steps = [step.unpacked(space.tasks) for step in steps]
            context = JobContext(masker, Variables(masker), log, space.environment, version=self._version)
            token = self.token or self.service.mint_job_token(
                self._project.name, collection_scoped=self.collection_scoped
            )
            if self.service.ca_pem:
                file = space.trust(certificates.bundle(self.service.ca_pem))
                context.variables.set("Agent.CAInfo", str(file))
            self._add_variables(context, pipeline, declared, space, token)
            self._add_endpoints(context, steps, token)
            self._initialize(context, pipeline, space)
            if pipeline.checkout:
                self._check_out(log, pipeline, space)
            machine = Machine(
                node=self._node(space, steps),
                pythons=Pythons(space, self.machine),
                sources=space.sources,
                temp=space.temp,
                grace=self.timing.grace,
                pause=self.timing.read,
            )
            deadline = time.monotonic() + pipeline.timeout * self.timing.minute if pipeline.timeout else None
            cancellation = Cancellation(context, self._cancelled, deadline)
            job = Job(context, machine, self.timing, cancellation, server_owned=self.server_owned)
            results = job.run(steps)
        self._cancelled.clear()
        variables = context.variables
        variables.recalculate()
        return JobResult(
            result=context.status.text,
            steps=results,
            log=log.lines,
            raw=log.raw,
            variables=Names((each.name, each) for each in (*variables.public, *variables.secrets)),
            telemetry=context.telemetry,
        )

    def _is_debug(self, known: Mapping[str, str]) -> bool:
        """Whether debug lines are shown; the agent settles this when the job begins."""
        value = Names(known.items()).get("system.debug", "")
        return self.debug or value.strip().lower() == "true"

    def _initialize(self, context: JobContext, pipeline: Pipeline, space: Workspace) -> None:
        """What a job begins with: its environment and the lines that tell of it."""
        log = context.log
        log.write("Starting: Initialize job", "section")
        log.write("Agent name: 'emulated-agent'")
        log.write(f"Current agent version: '{self._version}' (emulated)")
        log.write(f"Organization: '{self.service.organization.name}', project: '{self._project.name}'")
        if self.token is None:
            project = None if self.collection_scoped else self._project
            log.write(f"The job runs as: '{self.service.organization.build_service(project).name}'")
        if self.service.ca_pem:
            log.write(
                f"The services have a certificate made for this run: {', '.join(workspace.CA_VARIABLES)} and "
                f"Agent.CAInfo name the file of what is to be trusted: {space.environment['PIP_CERT']}"
            )
        if self.proxy is not None:
            log.write(f"Agent is running behind proxy server: '{self.proxy.url}'")
        for name in pipeline.without_effect:
            log.write(f"'{name}' of {pipeline.source} has no effect in the emulator.")
        if self.service.server_type == "Hosted":
            space.environment["AZURE_AUTHORITY_HOST"] = self.service.authority
        space.environment.update(self.agent_environment)
        if self.decode_percents is not None:
            space.environment["DECODE_PERCENTS"] = str(self.decode_percents).lower()
        if self.python:
            log.write("Making a fresh Python environment for the job.")
            space.add_python()
            space.configure_pip(self.service.public_index_url)
        log.write("Finishing: Initialize job", "section")

    def _check_out(self, log: JobLog, pipeline: Pipeline, space: Workspace) -> None:
        """Give the job a copy of its repository."""
        log.write("Starting: Checkout", "section")
        origin = self.sources or sources.repository(pipeline.folder, space.environment)
        number = sources.copy(origin, space.sources, space.environment, without=space.root)
        log.write(f"Copied {number} files of {origin}.")
        log.write("Finishing: Checkout", "section")

    @staticmethod
    def _node(space: Workspace, steps: list[PlannedStep]) -> str:
        return workspace.find_node(space.environment) if any(step.definition for step in steps) else "node"

    def _declared(self, pipeline: Pipeline) -> Names[VariableDeclaration]:
        """The variables of the file and of the groups it takes in; of two of one name the later one counts.

        Raises:
            Faults: there are no such groups.
        """
        known = Names((group.name, group) for group in self.service.organization.variable_groups)
        errors: list[EmulatorError] = [
            InputError(
                "group-missing",
                f"there is no variable group {use.group}",
                context=f"{pipeline.source}, line {use.line}",
                hint=f"Groups of the organisation: {', '.join(known) or 'none'}.",
            )
            for use in pipeline.declarations
            if isinstance(use, GroupUse) and use.group not in known
        ]
        if errors:
            raise Faults(errors)
        found: Names[VariableDeclaration] = Names()
        for one in pipeline.declarations:
            if isinstance(one, VariableDeclaration):
                found[one.name] = one
            else:
                for name, value in known[one.group].variables.items():
                    found[name] = VariableDeclaration.model_construct(name=name, value=value)
        return found

    def _add_variables(
        self,
        context: JobContext,
        pipeline: Pipeline,
        declared: Names[VariableDeclaration],
        space: Workspace,
        token: SecretStr,
    ) -> None:
        """The variables of the job; those of the file win over those of the queue."""
        facts = JobFacts(
            organization=self.service.organization.name,
            organization_id=self.service.organization.id,
            collection_uri=self.collection_uri or self.service.collection_uri,
            packages_uri=self.service.address("pkgs"),
            server_type=self.service.server_type,
            project=self._project.name,
            project_id=self._project.id,
            definition=Path(pipeline.source).stem,
            job_name=pipeline.job_name,
            job_display_name=pipeline.job_display_name,
            place=self.service.begin_job(self._project.name),
            agent_version=str(self._version),
        )
        for name, declaration in declared.items():
            self._set(context, name, declaration.value, read_only=declaration.read_only)
        layers: list[JobVariables] = [
            {"System.Debug": "true"} if self.debug else {},
            system_variables(facts, space),
            {"System.EnableAccessToken": "true", "System.AccessToken": token.get_secret_value()}
            if self.enable_access_token
            else {"System.AccessToken": token},
            self.proxy.variables() if self.proxy else {},
            dict(self.agent_variables),
            {name: value for name, value in self.variables.items() if name not in declared},
        ]
        for layer in layers:
            for name, value in layer.items():
                self._set(context, name, value, read_only=fold(name) in SERVER_READ_ONLY)

    @staticmethod
    def _set(context: JobContext, name: str, value: str | SecretStr, *, read_only: bool) -> None:
        if isinstance(value, SecretStr):
            context.masker.add_job_variable(value.get_secret_value())
            context.variables.set(name, value.get_secret_value(), secret=True, read_only=read_only)
        else:
            context.variables.set(name, value, read_only=read_only)

    def _add_endpoints(self, context: JobContext, steps: list[PlannedStep], token: SecretStr) -> None:
        """The job's service connections: those its steps name, and the system's own."""
        named = {
            part.strip()
            for step in steps
            for entry in step.declared
            if entry.connection_type is not None
            for part in step.inputs.get(entry.name, "").split(",")
        }
        for connection in self.service.organization.service_connections:
            if connection.id in named:
                context.endpoints.append(
                    Endpoint(
                        id=connection.id,
                        name=connection.name,
                        type=connection.type,
                        url=self.service.resolve(connection.url),
                        scheme=connection.scheme,
                        parameters=Names(
                            (name, value.get_secret_value() if isinstance(value, SecretStr) else value)
                            for name, value in connection.parameters.items()
                        ),
                        data=Names(connection.data.items()),
                        unescape_reserved=self.unescape_reserved,
                    )
                )
        context.endpoints.append(
            Endpoint(
                id=NO_ID,
                name=SYSTEM_NAME,
                type="",
                url=self.collection_uri or self.service.collection_uri,
                scheme="OAuth",
                parameters=Names([("AccessToken", token.get_secret_value())]),
                unescape_reserved=self.unescape_reserved,
            )
        )
        for endpoint in context.endpoints:
            endpoint.register(context.masker)
