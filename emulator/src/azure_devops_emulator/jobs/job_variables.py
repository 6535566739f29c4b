"""The variables that the server and the agent give to every job.

Names and conditions: agent sources JobRunner.cs, JobExtension.cs, ExecutionContext.cs; the
documentation of predefined variables.
"""

import json
import platform
import sys
import uuid
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import SecretStr

from azure_devops_emulator.jobs.workspace import Workspace
from azure_devops_emulator.services.assertions import JobPlace

JobVariables: TypeAlias = "dict[str, str | SecretStr]"
SERVER_READ_ONLY = frozenset(
    {
        "SYSTEM.COLLECTIONURI",
        "SYSTEM.TEAMFOUNDATIONCOLLECTIONURI",
        "SYSTEM.TASKDEFINITIONSURI",
        "SYSTEM.OIDCREQUESTURI",
    }
)
"""What the server sends as read-only, in upper case, beside the names that the agent itself protects."""


@dataclass(frozen=True)
class AgentProxy:
    """The web proxy that an agent is configured with.

    Args:
        url: its address, without credentials.
        user: the user name, or empty.
        password: the password.
        bypass: regular expressions (ECMAScript) of addresses that are reached directly.
        basic: whether Git is told to use Basic authentication for it.
    """

    url: str
    user: str = ""
    password: SecretStr = field(default_factory=lambda: SecretStr(""))
    bypass: tuple[str, ...] = ()
    basic: bool = False

    def variables(self) -> JobVariables:
        """The variables that tell tasks of it."""
        found: JobVariables = {
            "Agent.ProxyUrl": self.url,
            "Agent.UseBasicAuthForProxy": str(self.basic),
        }
        if self.user:
            found["Agent.ProxyUsername"] = self.user
        if self.password:
            found["Agent.ProxyPassword"] = self.password
        if self.bypass:
            found["Agent.ProxyBypassList"] = json.dumps(self.bypass)
        return found


@dataclass(frozen=True)
class JobFacts:
    """What the variables of a job tell.

    Args:
        organization: its name.
        organization_id: lower-case GUID.
        collection_uri: the address of the organisation or collection, with a slash at its end.
        packages_uri: the address that the organisation's feeds are below, with a slash at its end.
        server_type: `Hosted` or `OnPremises`.
        project: the project's name.
        project_id: lower-case GUID.
        definition: the pipeline's name.
        job_name: the job's name.
        job_display_name: what the log calls the job.
        place: where the job stands in the service.
        agent_version: of the agent.
    """

    organization: str
    organization_id: str
    collection_uri: str
    packages_uri: str
    server_type: str
    project: str
    project_id: str
    definition: str
    job_name: str
    job_display_name: str
    place: JobPlace
    agent_version: str


def system_variables(facts: JobFacts, workspace: Workspace) -> JobVariables:
    """The variables of the server and of the agent, in no particular order.

    One is the emulator's own: `Emulator.PackagesUri`, since nothing else tells a pipeline file where the
    feeds of the emulated organisation are.
    """
    build_id = "1"
    timeline_id, owner_id = (str(uuid.uuid4()) for _ in range(2))
    sources = str(workspace.sources)
    federation: JobVariables = {}
    if facts.server_type == "Hosted":
        federation["System.OidcRequestUri"] = facts.collection_uri + facts.place.path
    return {
        **federation,
        "Emulator.PackagesUri": facts.packages_uri,
        "System": "build",
        "System.ArtifactsDirectory": str(workspace.staging),
        "System.CollectionId": facts.organization_id,
        "System.CollectionUri": facts.collection_uri,
        "System.Culture": "en-US",
        "System.DefaultWorkingDirectory": sources,
        "System.DefinitionId": "1",
        "System.DefinitionName": facts.definition,
        "System.EnableAccessToken": "SecretVariable",
        "System.HostType": "build",
        "System.IsAzureVM": "0",
        "System.IsDockerContainer": "0",
        "System.JobAttempt": "1",
        "System.JobDisplayName": facts.job_display_name,
        "System.JobId": facts.place.job_id,
        "System.JobIdentifier": f"__default.{facts.job_name}",
        "System.JobName": "__default",
        "System.JobParallelismTag": "Private",
        "System.JobPositionInPhase": "1",
        "System.JobTimeout": "60",
        "System.PhaseAttempt": "1",
        "System.PhaseDisplayName": facts.job_display_name,
        "System.PhaseId": str(uuid.uuid4()),
        "System.PhaseName": facts.job_name,
        "System.PlanId": facts.place.plan_id,
        "System.PostLinesSpeed": "500",
        "System.PullRequest.IsFork": "False",
        "System.RenderingExtensionId": "",
        "System.ServerType": facts.server_type,
        "System.StageAttempt": "1",
        "System.StageDisplayName": "__default",
        "System.StageId": str(uuid.uuid4()),
        "System.StageName": "__default",
        "System.TaskDefinitionsUri": facts.collection_uri,
        "System.TeamFoundationCollectionUri": facts.collection_uri,
        "System.TeamFoundationServerUri": facts.collection_uri,
        "System.TeamProject": facts.project,
        "System.TeamProjectId": facts.project_id,
        "System.TimelineId": timeline_id,
        "System.TotalJobsInPhase": "1",
        "System.WorkFolder": str(workspace.work),
        "Agent.BuildDirectory": str(workspace.pipeline),
        "Agent.HomeDirectory": str(workspace.root),
        "Agent.Id": "1",
        "Agent.IsSelfHosted": "1",
        "Agent.JobName": facts.job_display_name,
        "Agent.MachineName": "emulated-agent",
        "Agent.Name": "emulated-agent",
        "Agent.OS": {"win32": "Windows_NT", "darwin": "Darwin"}.get(sys.platform, "Linux"),
        "Agent.OSArchitecture": "ARM64" if platform.machine().lower() in {"arm64", "aarch64"} else "X64",
        "Agent.ReadOnlyVariables": "true",
        "Agent.RetainDefaultEncoding": "false",
        "Agent.RootDirectory": str(workspace.work),
        "Agent.TempDirectory": str(workspace.temp),
        "Agent.ToolsDirectory": str(workspace.tools),
        "Agent.Version": facts.agent_version,
        "Agent.WorkFolder": str(workspace.work),
        "Build.ArtifactStagingDirectory": str(workspace.staging),
        "Build.BinariesDirectory": str(workspace.binaries),
        "Build.BuildId": build_id,
        "Build.BuildNumber": "20260101.1",
        "Build.BuildUri": f"vstfs:///Build/Build/{build_id}",
        "Build.ContainerId": "1",
        "Build.DefinitionName": facts.definition,
        "Build.DefinitionVersion": "1",
        "Build.QueuedBy": "Emulator",
        "Build.QueuedById": owner_id,
        "Build.Reason": "Manual",
        "Build.Repository.Clean": "False",
        "Build.Repository.Id": str(uuid.uuid4()),
        "Build.Repository.LocalPath": sources,
        "Build.Repository.Name": facts.project,
        "Build.Repository.Provider": "TfsGit",
        "Build.Repository.Uri": f"{facts.collection_uri}{facts.project}/_git/{facts.project}",
        "Build.RequestedFor": "Emulator",
        "Build.RequestedForEmail": "emulator@example.test",
        "Build.RequestedForId": owner_id,
        "Build.SourceBranch": "refs/heads/main",
        "Build.SourceBranchName": "main",
        "Build.SourceVersion": "0" * 40,
        "Build.SourcesDirectory": sources,
        "Build.StagingDirectory": str(workspace.staging),
        "Common.TestResultsDirectory": str(workspace.test_results),
        "Pipeline.Workspace": str(workspace.pipeline),
        "GIT_TERMINAL_PROMPT": "0",
        "VSTS_PROCESS_LOOKUP_ID": f"vsts_{uuid.uuid4()}",
    }
