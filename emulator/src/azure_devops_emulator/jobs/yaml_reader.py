"""YAML as pipelines use it: mappings, lists and texts, and the line that each stands in.

Scalars stay the text they were written as (`on` is not a boolean here); anchors, tags and keys
given twice are refused, as Azure Pipelines refuses them.
"""

from pathlib import Path

import yaml

from azure_devops_emulator.description.shapes import Loc, text_of
from azure_devops_emulator.errors import EmulatorError, Faults, InputError


class Document:
    """A file as plain data.

    Args:
        path: the file.

    Attributes:
        data: texts, lists and dictionaries.

    Raises:
        InputError: it cannot be read, is not YAML, is empty, or uses anchors or tags.
        Faults: keys are given twice, or are no texts.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._root = _compose(path)
        self._faults: list[EmulatorError] = []
        self.data = self._plain(self._root)
        if self._faults:
            raise Faults(self._faults)

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


def _compose(path: Path) -> yaml.Node:
    text = text_of(path, "pipeline-file")
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if getattr(event, "anchor", None) or getattr(event, "tag", None):
                line = event.start_mark.line + 1 if event.start_mark else 1
                what = "anchors, aliases and tags are not supported in a pipeline"
                raise InputError("pipeline-unsupported", what, context=f"{path.name}, line {line}")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
        reason = getattr(error, "problem", None) or getattr(error, "reason", "")
        where = f"{reason}, line {line + 1}"
        raise InputError("pipeline-yaml", f"{path.name} is not YAML", context=where) from error
    if node is None:
        raise InputError("pipeline-yaml", f"{path.name} is empty")
    return node
