"""Variables of a job: public, secret and read-only ones, and how macros in them are expanded.

Source of the rules: agent sources Variables.cs and VarUtil.cs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from azure_devops_emulator.jobs.masker import Masker
from azure_devops_emulator.jobs.names import Names, fold

_PREFIX = "$("
_SUFFIX = ")"
_MAX_DEPTH = 50

# Names that the agent sets and a logging command must not (agent source: Constants.cs).
_READ_ONLY = """
    agent.acceptTeeEula agent.builddirectory agent.cloudid agent.containerid agent.containermapping
    agent.containernetwork agent.diagnostic agent.fixPossibleGitOutOfMemoryProblem
    agent.gituseschannel agent.homedirectory agent.id agent.isselfhosted agent.jobname
    agent.jobstatus agent.machinename agent.name agent.os agent.osarchitecture agent.osversion
    agent.usebasicauthforproxy agent.proxybypasslist agent.proxypassword agent.proxyurl
    agent.proxyusername agent.readOnlyVariables agent.retainDefaultEncoding agent.RootDirectory
    agent.runmode agent.ServerOMDirectory agent.servicePortPrefix agent.cainfo agent.clientcert
    agent.clientcertarchive agent.clientcertkey agent.clientcertpassword agent.skipcertvalidation
    agent.tempdirectory agent.toolsdirectory agent.version agent.workfolder agent.workingdirectory
    agent.UseGitLongPaths agent.UseGitSingleThread agent.clean.buildDirectory agent.source.git.lfs
    agent.source.git.shallowFetchDepth agent.source.skip agent.releaseDirectory
    build.artifactstagingdirectory build.binariesdirectory build.clean build.definitionname
    build.gatedrunci build.gatedshelvesetname build.buildnumber build.pipelinereponame
    build.repository.clean build.repository.git.submodulecheckout build.repository.id
    build.repository.localpath build.repository.name build.repository.provider
    build.repository.tfvc.workspace build.repository.uri build.sourcebranch
    build.sourcetfvcshelveset build.sourceversion build.sourceversionauthor
    build.sourceVersionMessage build.sourcesdirectory build.stagingdirectory build.syncSources
    build.useserverworkspaces common.testresultsdirectory pipeline.workspace
    release.attemptNumber release.disableRobocopy release.definitionId release.definitionName
    release.releaseDescription release.artifact.download.buffersize release.environmentName
    release.environmentUri release.releaseId release.releaseName
    release.artifact.download.parallellimit release.requestedForId release.releaseUri
    release.releaseWebUrl release.requestedFor release.robocopyMT release.skipartifactsDownload
    system.accessToken system.artifactsdirectory system.collectionid system.culture system.debug
    system.defaultworkingdirectory system.definitionid system.definitionName
    system.enableAccessToken system.hosttype system.isazurevm system.isdockercontainer
    system.jobAttempt system.jobDisplayName system.jobId system.jobName system.phaseAttempt
    system.phaseDisplayName system.phaseName system.planId system.prefergitfrompath
    system.pullrequest.targetbranch system.selfmanagegitcreds system.servertype
    system.sourceVersionMessage system.stageAttempt system.stageDisplayName system.stageName
    system.TeamFoundationServerUri system.teamproject system.teamProjectId system.workfolder
    task.displayname task.skipTranslatorForCheckout task.publishTelemetry
"""
_SYSTEM_NAMES = frozenset(fold(name) for name in _READ_ONLY.split())


@dataclass(frozen=True)
class Variable:
    """One variable.

    Args:
        name: as it was spelt when it was last set.
        value: its text; never shown when secret.
        secret: whether it is masked and kept out of the public environment.
        read_only: whether a logging command may no longer set it.
        preserve_case: whether its environment variable keeps the case of the name.
    """

    name: str
    value: str
    secret: bool = False
    read_only: bool = False
    preserve_case: bool = False

    def __repr__(self) -> str:
        return f"Variable({self.name!r}, {'***' if self.secret else self.value!r})"


def expand_macros(text: str, look_up: Callable[[str], str | None]) -> str:
    """Replace `$(name)` in one pass from left to right; what was put in is not looked at again.

    An unknown name stays as it is, and the search goes on one character later.

    Args:
        text: the text that may hold macros.
        look_up: gives the value for a name, or None.
    """
    start = 0
    while (prefix := text.find(_PREFIX, start)) >= 0:
        suffix = text.find(_SUFFIX, prefix + len(_PREFIX))
        if suffix < 0:
            break
        name = text[prefix + len(_PREFIX) : suffix]
        value = look_up(name) if name else None
        if value is None:
            start = prefix + 1
        else:
            text = text[:prefix] + value + text[suffix + len(_SUFFIX) :]
            start = prefix + len(value)
    return text


@dataclass
class _Frame:
    """One level of a recursive expansion: whose value it is and where in it the work stands."""

    name: str
    value: str
    start: int = 0
    prefix: int = 0
    suffix: int = 0

    def find(self) -> str | None:
        """The name in the next macro candidate, or None when there is none left."""
        self.prefix = self.value.find(_PREFIX, self.start)
        if self.prefix < 0:
            return None
        self.suffix = self.value.find(_SUFFIX, self.prefix + len(_PREFIX))
        return None if self.suffix < 0 else self.value[self.prefix + len(_PREFIX) : self.suffix]

    def insert(self, value: str) -> None:
        """Put a finished value in the candidate's place."""
        self.value = self.value[: self.prefix] + value + self.value[self.suffix + len(_SUFFIX) :]
        self.start = self.prefix + len(value)


class Variables:
    """The variables of one job: as they were set, and as they are after expansion.

    Args:
        masker: where secret values are registered.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._set: Names[Variable] = Names()
        self._expanded: Names[Variable] = Names()

    def set(
        self,
        name: str,
        value: str,
        *,
        secret: bool = False,
        read_only: bool = False,
        preserve_case: bool = False,
    ) -> None:
        """Set a variable; the value is stored as given and expanded at the next `recalculate`.

        A name whose present value is secret stays secret whatever is asked for.
        """
        current = self._expanded.get(name)
        secret = secret or (current is not None and current.secret)
        if secret:
            self._masker.add(value)
        variable = Variable(name, value, secret, read_only, preserve_case)
        self._set[name] = variable
        self._expanded[name] = variable

    def unset(self, name: str) -> None:
        """Remove a variable, if it is there."""
        self._set.pop(name, None)
        self._expanded.pop(name, None)

    @contextmanager
    def scope(self, values: Mapping[str, str]) -> Iterator[None]:
        """Set variables for the length of one task and remove them afterwards."""
        for name, value in values.items():
            self.set(name, value)
        try:
            yield
        finally:
            for name in values:
                self.unset(name)

    def get(self, name: str) -> str | None:
        """The expanded value of a variable, secret or not, or None."""
        variable = self._expanded.get(name)
        return None if variable is None else variable.value

    def is_true(self, name: str) -> bool:
        """Whether the value is the word true in any case (blanks around it are ignored)."""
        return (self.get(name) or "").strip().lower() == "true"

    def is_secret(self, name: str) -> bool:
        """Whether a variable of this name exists and is secret."""
        variable = self._expanded.get(name)
        return variable is not None and variable.secret

    def is_read_only(self, name: str) -> bool:
        """Whether logging commands may not set this name."""
        variable = self._set.get(name)
        return fold(name) in _SYSTEM_NAMES or (variable is not None and variable.read_only)

    @property
    def public(self) -> list[Variable]:
        """The expanded variables that are not secret."""
        return [variable for variable in self._expanded.values() if not variable.secret]

    @property
    def secrets(self) -> list[Variable]:
        """The expanded variables that are secret."""
        return [variable for variable in self._expanded.values() if variable.secret]

    def expand(self, text: str) -> str:
        """A text of an input or of `env` with this job's variables put in, secret ones included."""
        return expand_macros(text, self.get)

    def recalculate(self) -> list[str]:
        """Expand all values anew, recursively, from what was set; gives the warnings.

        A value that takes in a secret one becomes secret. A variable that contains itself, or
        goes deeper than 50 levels, stays as it was set, and a warning says so.
        """
        expanded: Names[Variable] = Names(self._set.items())
        warnings: list[str] = []
        for name, variable in self._set.items():
            value, secret, warning = self._expand_one(name, variable)
            if warning:
                warnings.append(warning)
            elif value != variable.value:
                if secret:
                    self._masker.add(value)
                expanded[name] = Variable(
                    variable.name, value, secret, variable.read_only, variable.preserve_case
                )
        self._expanded = expanded
        return warnings

    def _expand_one(self, name: str, variable: Variable) -> tuple[str, bool, str]:
        """The expanded value, whether it is secret, and the warning that made it void."""
        secret = variable.secret
        above: list[_Frame] = []
        frame = _Frame(name, variable.value)
        while True:
            candidate = frame.find()
            if candidate is None:
                if not above:
                    return frame.value, secret, ""
                above[-1].insert(frame.value)
                frame = above.pop()
                continue
            nested = self._set.get(candidate) if candidate else None
            if nested is None:
                frame.start = frame.prefix + 1
                continue
            if len(above) + 1 == _MAX_DEPTH:
                return "", secret, f"Variable '{name}' is nested deeper than {_MAX_DEPTH} levels."
            if fold(candidate) in {fold(entry.name) for entry in (*above, frame)}:
                return "", secret, f"Variable '{name}' contains a reference to itself."
            secret = secret or nested.secret
            above.append(frame)
            frame = _Frame(candidate, nested.value)
