"""What every logging command does to the step and the job.

Source of the rules: agent sources WorkerCommandManager.cs, TaskCommandExtension.cs,
TelemetryCommandExtension.cs, BuildCommandExtension.cs, ArtifactCommandExtension.cs,
ResultsCommandExtension.cs, CodeCoverageCommands.cs.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from azure_devops_emulator.jobs import commands, restrictions, results
from azure_devops_emulator.jobs.commands import Command
from azure_devops_emulator.jobs.context import StepContext, TelemetryEvent
from azure_devops_emulator.jobs.endpoints import NO_ID, as_guid
from azure_devops_emulator.jobs.variables import Variables


class CommandError(Exception):
    """A command that cannot be carried out: the step fails."""


def process_line(step: StepContext, line: str) -> None:
    """Take one line of a step's output: carry out the command in it, or log the line."""
    command = commands.parse(line, decode_percents=step.job.decode_percents)
    if command is None:
        if "##vso" in line:
            step.warning(f"'{line}' contains logging command keyword '##vso', but it's not a legal command.")
        step.output(line)
        return
    area, event = command.area.lower(), command.event.lower()
    if area not in _AREAS:
        step.warning(f"Unknown logging command area: {command.area}.")
        return
    try:
        _carry_out(step, command, f"{area}.{event}")
    except CommandError as error:
        step.error(f"Unable to process command '{line}' successfully.")
        step.error(str(error))
        step.fail_command()
    if (area, event) != ("task", "debug"):
        shown = commands.unescape(line, decode_percents=step.job.decode_percents)
        step.debug(f"Processed: {shown}")


def _carry_out(step: StepContext, command: Command, name: str) -> None:
    handler = _HANDLERS.get(name)
    if handler is None:
        raise CommandError(f"There is no command {command.event} in the area {command.area}.")
    denial = restrictions.first_denial(step.restrictions, command.area, command.event)
    if denial is not None:
        step.warning(f"The command {name} was not carried out: {denial.origin} does not allow it.")
        return
    handler(step, command)


def _flag(command: Command, name: str) -> bool:
    """A property that only the word true switches on, in any case."""
    return command.properties.get(name, "").strip().lower() == "true"


def _needed(command: Command, name: str) -> str:
    value = command.properties.get(name)
    if not value:
        raise CommandError(f"The property {name} is missing.")
    return value


def _check_read_only(step: StepContext, variables: Variables, name: str) -> None:
    if variables.is_read_only(name):
        if step.job.variables.is_true("agent.readOnlyVariables"):
            raise CommandError(f"The variable {name} is read-only and cannot be overwritten.")
        step.warning(f"The variable {name} is read-only; this will be an error in the future.")


def _check_one_line(step: StepContext, command: Command, *, secret: bool) -> None:
    if (
        secret
        and os.linesep in command.data
        and not step.job.knob("SYSTEM_UNSAFEALLOWMULTILINESECRET", default=False)
    ):
        raise CommandError("A secret cannot contain multiple lines.")


def _may_set(step: StepContext, name: str) -> bool:
    denial = restrictions.first_variable_denial(step.restrictions, name)
    if denial is not None:
        step.warning(f"The variable {name} was not set: {denial.origin} does not allow it.")
    return denial is None


def _set_variable(step: StepContext, command: Command) -> None:
    name = _needed(command, "variable")
    secret = _flag(command, "issecret")
    _check_read_only(step, step.job.variables, name)
    _check_one_line(step, command, secret=secret)
    if secret:
        step.job.masker.add(commands.escape(command.data, decode_percents=step.job.decode_percents))
    if _may_set(step, name):
        step.set_variable(
            name,
            command.data,
            secret=secret,
            output=_flag(command, "isoutput"),
            read_only=_flag(command, "isreadonly"),
            preserve_case=_flag(command, "preservecase"),
        )


def _set_task_variable(step: StepContext, command: Command) -> None:
    name = _needed(command, "variable")
    secret = _flag(command, "issecret")
    _check_read_only(step, step.task_variables, name)
    _check_one_line(step, command, secret=secret)
    step.task_variables.set(
        name,
        command.data,
        secret=secret,
        read_only=_flag(command, "isreadonly"),
        preserve_case=_flag(command, "preservecase"),
    )


def _set_secret(step: StepContext, command: Command) -> None:
    step.job.masker.add(command.data)


def _log_issue(step: StepContext, command: Command) -> None:
    kind = command.properties.get("type")
    if not kind:
        step.warning("Can't create TaskIssue from logging event.")
        return
    message = command.data
    if "sourcepath" in command.properties:
        part = command.properties.get
        place = f"{part('sourcepath', '')}({part('linenumber', '')},{part('columnnumber', '')})"
        message = f"{place}: {kind} {part('code', '')}: {message}"
    if kind.lower() == "error":
        step.error(message)
    elif kind.lower() == "warning":
        step.warning(message)
    else:
        raise CommandError(f"issue type {kind} is not an expected issue type.")


def _complete(step: StepContext, command: Command) -> None:
    result = results.from_word(command.properties.get("result", ""))
    if result is None:
        raise CommandError("The command has no result, or one that does not exist.")
    step.complete(result)
    if command.properties.get("done", "").strip().lower() in {"1", "true", "$true"}:
        step.finish_soon()


def _debug(step: StepContext, command: Command) -> None:
    step.debug(command.data)


def _prepend_path(step: StepContext, command: Command) -> None:
    if not command.data:
        raise CommandError("The command has no path.")
    if _may_set(step, "PATH"):
        paths = step.job.prepended
        if command.data in paths:
            paths.remove(command.data)
        paths.append(command.data)


def _set_endpoint(step: StepContext, command: Command) -> None:
    if not command.data:
        raise CommandError("The command has no value for the service connection.")
    field = _needed(command, "field").lower()
    if field not in {"url", "dataparameter", "authparameter"}:
        raise CommandError("The field has to be url, dataParameter or authParameter.")
    guid = as_guid(_needed(command, "id"))
    if guid is None:
        raise CommandError("The id of the service connection is not a GUID.")
    if guid == NO_ID:
        step.warning("The system's own service connection cannot be changed.")
        return
    endpoint = next((each for each in step.job.endpoints if each.id == guid), None)
    if endpoint is None:
        raise CommandError("The job has no service connection with this id.")
    if field == "url":
        if not urlsplit(command.data).scheme:
            raise CommandError("The URL of the service connection is not a URL.")
        endpoint.url = command.data
        return
    key = _needed(command, "key")
    if field == "dataparameter":
        endpoint.data[key] = command.data
    else:
        step.job.masker.add(command.data)
        endpoint.parameters[key] = command.data


def _attach(step: StepContext, kind: str, name: str, path: str) -> None:
    if not path or not Path(path).is_file():
        raise CommandError("The file to attach does not exist.")
    step.job.attachments.append((kind, name, path))


def _add_attachment(step: StepContext, command: Command) -> None:
    _attach(step, _needed(command, "type"), _needed(command, "name"), command.data)


def _upload_file(step: StepContext, command: Command) -> None:
    _attach(step, "DistributedTask.Core.FileAttachment", Path(command.data).name, command.data)


def _upload_summary(step: StepContext, command: Command) -> None:
    _attach(step, "DistributedTask.Core.Summary", Path(command.data).name, command.data)


def _log_detail(_step: StepContext, command: Command) -> None:
    if as_guid(command.properties.get("id", "")) in {None, NO_ID}:
        raise CommandError("The id of the timeline record is missing or no GUID.")


def _set_progress(_step: StepContext, _command: Command) -> None:
    """Progress is shown on a web page; there is none here."""


def _publish_telemetry(step: StepContext, command: Command) -> None:
    area = _needed(command, "area")
    feature = _needed(command, "feature")
    try:
        data = json.loads(command.data)
    except ValueError as error:
        raise CommandError("The data of the telemetry event is not JSON.") from error
    if not isinstance(data, dict):
        raise CommandError("The data of the telemetry event is not a JSON object.")
    published = step.job.variables.is_true("task.publishTelemetry")
    step.job.telemetry.append(TelemetryEvent(area, feature, data, published))


def _note(step: StepContext, command: Command) -> None:
    """Tell in the log what a server would be told; here is none that keeps builds and their results."""
    words = " ".join([*(f"{name}={value}" for name, value in command.properties.items()), command.data])
    step.output(f"Taken: {command.area}.{command.event} {words}".rstrip())


def _upload_log(step: StepContext, command: Command) -> None:
    _attach(step, "DistributedTask.Core.Log", "CustomToolLog", command.data)


def _update_build_number(step: StepContext, command: Command) -> None:
    if not command.data:
        raise CommandError("The command has no build number.")
    step.job.variables.set("Build.BuildNumber", command.data)
    _note(step, command)


def _add_build_tag(step: StepContext, command: Command) -> None:
    if not command.data:
        raise CommandError("The command has no tag.")
    _note(step, command)


def _upload_artifact(step: StepContext, command: Command) -> None:
    _needed(command, "artifactname")
    if not command.data or not Path(command.data).exists():
        raise CommandError("The file or folder of the artifact does not exist.")
    _note(step, command)


def _associate_artifact(step: StepContext, command: Command) -> None:
    _needed(command, "artifactname")
    # Without a type, the agent can tell what a UNC path, a TFVC path or a container is, and nothing else.
    typed = any(name in command.properties for name in ("type", "artifacttype"))
    if not typed and not command.data.startswith(("\\\\", "$/", "$\\", "#")):
        raise CommandError("The property type is missing.")
    _note(step, command)


def _publish_results(step: StepContext, command: Command) -> None:
    _needed(command, "type")
    if not command.data.strip():
        _needed(command, "resultfiles")
    _note(step, command)


def _publish_coverage(step: StepContext, command: Command) -> None:
    _needed(command, "codecoveragetool")
    _needed(command, "summaryfile")
    _note(step, command)


_HANDLERS: dict[str, Callable[[StepContext, Command], None]] = {
    "artifact.associate": _associate_artifact,
    "artifact.upload": _upload_artifact,
    "build.addbuildtag": _add_build_tag,
    "build.updatebuildnumber": _update_build_number,
    "build.uploadlog": _upload_log,
    "build.uploadsummary": _upload_summary,
    "codecoverage.publish": _publish_coverage,
    "plugininternal.updaterepositorypath": _note,
    "release.updatereleasename": _note,
    "results.publish": _publish_results,
    "task.addattachment": _add_attachment,
    "task.complete": _complete,
    "task.debug": _debug,
    "task.issue": _log_issue,
    "task.logdetail": _log_detail,
    "task.logissue": _log_issue,
    "task.prependpath": _prepend_path,
    "task.setendpoint": _set_endpoint,
    "task.setprogress": _set_progress,
    "task.setsecret": _set_secret,
    "task.settaskvariable": _set_task_variable,
    "task.setvariable": _set_variable,
    "task.uploadfile": _upload_file,
    "task.uploadsummary": _upload_summary,
    "telemetry.publish": _publish_telemetry,
}
_AREAS = frozenset(name.partition(".")[0] for name in _HANDLERS)
