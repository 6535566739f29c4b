"""Every fault of a built task's folder: of task.json, its shape and what it refers to, and of the files."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jsonschema

import pip_authenticate
from tfx import find_node

SCRIPTS = ("shim.js", "python.js", "output.js")
OWN_FILES = ("task.json", *SCRIPTS, "icon.png", "main.py")
COMPILED = frozenset({".so", ".pyd", ".dll", ".dylib", ".a", ".lib"})
SCHEMA = json.loads(Path(__file__).with_name("task.schema.json").read_text(encoding="utf-8"))

Json = dict[str, Any]


def check(folder: Path, version: str = pip_authenticate.__version__) -> list[str]:
    """Every fault of a built task folder, each as one sentence; an empty list if there is none."""
    return [
        *manifest_file_faults(folder, version),
        *(f"{name}: missing" for name in (*OWN_FILES, "LICENSE") if not (folder / name).is_file()),
        *icon_faults(folder / "icon.png"),
        *python_faults(folder),
        *(fault for name in SCRIPTS for fault in node_faults(folder / name)),
    ]


def read_manifest(file: Path) -> Json:
    """What task.json says.

    Raises:
        ValueError: it is no JSON object, or a key is there twice in one object.
    """

    def unique(pairs: list[tuple[str, Any]]) -> Json:
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is there twice in one object")
        return dict(pairs)

    try:
        manifest = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - the text is at fault, not a program
    return manifest


def manifest_file_faults(folder: Path, version: str) -> list[str]:
    """The faults of task.json, beginning with whether it is JSON at all."""
    file = folder / "task.json"
    if not file.is_file():
        return []
    try:
        return [f"task.json: {fault}" for fault in manifest_faults(read_manifest(file), folder, version)]
    except ValueError as error:
        return [f"task.json: {error}"]


def manifest_faults(manifest: Json, folder: Path, version: str) -> list[str]:
    """The faults of what task.json says: of its shape, or else of what it refers to."""
    errors = jsonschema.Draft202012Validator(SCHEMA).iter_errors(manifest)
    return [said(error, manifest) for error in errors] or list(reference_faults(manifest, folder, version))


def name_faults(name: str) -> list[str]:
    """Why a task cannot have this name, before a folder gets it."""
    naming = jsonschema.Draft202012Validator({"properties": {"name": SCHEMA["properties"]["name"]}})
    return [said(error, {"name": name}) for error in naming.iter_errors({"name": name})]


def said(error: jsonschema.ValidationError, manifest: Any) -> str:  # noqa: ANN401 - any part of a JSON text
    """A fault of the shape as a sentence: where it is, which key, and what the schema says of its value."""
    missing = error.validator == "required"
    path = list(error.absolute_path)
    if not missing and isinstance(path[-1], int):
        path.pop()  # an item that is wrong as a whole: its list's key says enough
    where: list[str] = []
    for step in path:
        manifest = manifest[step]
        if isinstance(step, str):
            where.append(step)
        elif isinstance(manifest, dict):
            where[-1] = f"{where[-1].removesuffix('s')} {manifest.get('name') or step + 1}"
    if missing:
        return ": ".join([*where, error.message.replace("is a required property", "is missing")])
    return ": ".join([*where[:-1], f"{where[-1]!r} {cast('Json', error.schema)['description']}"])


def reference_faults(manifest: Json, folder: Path, version: str) -> Iterator[str]:
    """The version must be the package's, and every input and file that is named must be there."""
    stated = ".".join(str(manifest["version"][part]) for part in ("Major", "Minor", "Patch"))
    if stated != version:
        yield f"'version' is {stated}, but the package's is {version}"
    yield from input_faults(manifest)
    inputs = {one["name"] for one in manifest["inputs"]}
    for name in re.findall(r"\$\(([^)]*)\)", manifest["instanceNameFormat"]):
        if name not in inputs:
            yield f"'instanceNameFormat' names the input {name!r}, which there is not"
    for binding in manifest.get("dataSourceBindings", ()):
        if binding["target"] not in inputs:
            yield f"'dataSourceBindings' fills the input {binding['target']!r}, which there is not"
    for handler, how in manifest["execution"].items():
        if not (folder / how["target"]).is_file():
            yield f"the handler {handler} starts {how['target']!r}, which is no file of the task"


def input_faults(manifest: Json) -> Iterator[str]:
    """Groups and inputs are named once, whatever the case, and an input's group must be there."""
    groups = [one["name"] for one in manifest.get("groups", ())]
    if len(set(groups)) != len(groups):
        yield "'groups' must each have a name of their own"
    spellings: set[str] = set()
    for one in manifest["inputs"]:
        for spelling in (one["name"], *one.get("aliases", ())):
            if spelling.lower() in spellings:
                yield f"input {one['name']}: the name {spelling!r} is taken"
            spellings.add(spelling.lower())
        if "groupName" in one and one["groupName"] not in groups:
            yield f"input {one['name']}: the group {one['groupName']!r} is not there"


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
    """The package must be there, nothing may be compiled, and Python must be able to read what is its."""
    if not (folder / "lib" / "pip_authenticate" / "__init__.py").is_file():
        yield "lib/pip_authenticate: missing"
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if COMPILED & set(file.suffixes):
            yield f"{name}: compiled, and the task runs on any machine"
        if file.suffix == ".py":
            try:
                compile(file.read_bytes(), file.name, "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                yield f"{name}: no Python: {error}"


def node_faults(script: Path) -> Iterator[str]:
    """What a real Node says to a script, if there is one; it only reads it."""
    node = find_node()
    if node is None or not script.is_file():
        return
    ended = subprocess.run([node, "--check", script], capture_output=True, text=True, timeout=60, check=False)
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if "Error" in line]
        yield f"{script.name}: Node cannot read it: {lines[0] if lines else ended.stderr.strip()}"
