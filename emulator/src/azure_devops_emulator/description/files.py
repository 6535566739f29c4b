"""Reading what people write, TOML and YAML of bounded size: plain data, or what is wrong with it."""

import sys
from pathlib import Path
from typing import Any

import yaml

from azure_devops_emulator.description.shapes import Loc
from azure_devops_emulator.errors import EmulatorError, Faults, InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LARGEST = 1024 * 1024
_TOO_DEEP = "it is nested too deeply"


def text_of(path: Path, slug: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Args:
        path: the file.
        slug: of the error.

    Raises:
        InputError: it cannot be read, is too large, or is no UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_LARGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
    else:
        if len(text) <= _LARGEST:
            return text
        reason = f"it has more than {_LARGEST} characters"
    raise InputError(slug, f"{path} cannot be read", context=reason)


def toml(text: str, source: str) -> dict[str, Any]:
    """The data in a text of TOML.

    Raises:
        InputError: it is none.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error).replace(" (at ", ", ").removesuffix(")")  # names keys, but no values
    except RecursionError:
        reason = _TOO_DEEP
    raise InputError("broken-toml", f"{source} is no valid TOML", context=reason)


class Document:
    """YAML as pipelines use it.

    Scalars stay the text they were written as (`on` is not a boolean here); anchors, tags and keys
    given twice are refused, as Azure Pipelines refuses them.

    Args:
        text: of the file.
        name: what messages call it.

    Attributes:
        data: texts, lists and dictionaries.

    Raises:
        InputError: it is not YAML, is empty, or uses anchors or tags.
        Faults: keys are given twice, or are no texts.
    """

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._faults: list[EmulatorError] = []
        try:
            self._root = self._compose(text)
            self.data = self._plain(self._root)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
            reason = getattr(error, "problem", None) or getattr(error, "reason", "")
            raise self._broken(f"{reason}, line {line + 1}") from None
        except RecursionError:
            raise self._broken(_TOO_DEEP) from None
        if self._faults:
            raise Faults(self._faults)

    def _broken(self, reason: str) -> InputError:
        return InputError("pipeline-yaml", f"{self._name} is not YAML", context=reason)

    def _compose(self, text: str) -> yaml.Node:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if getattr(event, "anchor", None) or getattr(event, "tag", None):
                line = event.start_mark.line + 1 if event.start_mark else 1
                what = "anchors, aliases and tags are not supported in a pipeline"
                raise InputError("pipeline-unsupported", what, context=f"{self._name}, line {line}")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise InputError("pipeline-yaml", f"{self._name} is empty")
        return node

    def line(self, loc: Loc) -> int:
        """The line of a value, or of the nearest thing around it; counted from one."""
        mark, node = self._root.start_mark, self._root
        for part in loc:
            for name, key, value in _parts(node):
                if name == part:
                    mark, node = key.start_mark, value
                    break
        return int(mark.line) + 1

    def where(self, loc: Loc) -> str:
        """File and line of a value, or of the nearest thing around it."""
        return f"{self._name}, line {self.line(loc)}"

    def _plain(self, node: yaml.Node) -> object:
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(entry) for entry in node.value]
        if not isinstance(node, yaml.MappingNode):
            is_null = getattr(node, "style", None) is None and node.value in {"~", "null"}
            return "" if is_null else str(node.value)
        found: dict[str, object] = {}
        for name, key_node, value in _parts(node):
            key, what, hint = str(name), "", ""
            if not isinstance(key_node, yaml.ScalarNode):
                what = "a key has to be a text"
            elif "${{" in key:
                what = f"the key {key} is an expression in ${{{{ }}}}, which is not evaluated here"
                hint = "Write what it would insert."
            elif key in found:
                what = f"the key {key} is there twice"
            if what:
                where = f"{self._name}, line {key_node.start_mark.line + 1}"
                self._faults.append(InputError("pipeline-key", what, context=where, hint=hint))
            else:
                found[key] = self._plain(value)
        return found


def _parts(node: yaml.Node) -> list[tuple[int | str, yaml.Node, yaml.Node]]:
    """What is in a node: its key or number, the node that begins it, and the node of its value."""
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), key, value) for key, value in node.value]
    entries = node.value if isinstance(node, yaml.SequenceNode) else []
    return [(number, entry, entry) for number, entry in enumerate(entries)]
