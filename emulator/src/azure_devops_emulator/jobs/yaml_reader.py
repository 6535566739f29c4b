"""YAML as pipelines use it: mappings, lists and texts, and the line that each stands in.

Scalars stay the text they were written as (`on` is not a boolean here); anchors, tags and keys
given twice are refused, as Azure Pipelines refuses them.
"""

from pathlib import Path

import yaml

from azure_devops_emulator.description.shapes import Loc
from azure_devops_emulator.errors import EmulatorError, Faults, InputError


class Mapping(dict[str, object]):
    """A mapping.

    Args:
        line: where it begins, counted from one.
    """

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


class Document:
    """A file as plain data.

    Args:
        path: the file.

    Attributes:
        data: texts, lists, and Mappings.

    Raises:
        InputError: it cannot be read, is not YAML, is empty, or uses anchors or tags.
        Faults: keys are given twice, or are no texts.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._lines: dict[Loc, int] = {}
        self._faults: list[EmulatorError] = []
        self.data = self._plain(_compose(path), ())
        if self._faults:
            raise Faults(self._faults)

    def where(self, loc: Loc) -> str:
        """File and line of a value, or of the nearest thing around it."""
        while loc not in self._lines:
            loc = loc[:-1]
        return f"{self.name}, line {self._lines[loc]}"

    def _plain(self, node: yaml.Node, loc: Loc) -> object:
        line = int(node.start_mark.line) + 1
        self._lines.setdefault(loc, line)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(entry, (*loc, number)) for number, entry in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            is_null = getattr(node, "style", None) is None and node.value in {"~", "null"}
            return "" if is_null else str(node.value)
        found = Mapping(line)
        for key_node, value in node.value:
            key, place = str(key_node.value), (*loc, str(key_node.value))
            what, hint = "", ""
            if not isinstance(key_node, yaml.ScalarNode):
                what = "a key has to be a text"
            elif "${{" in key:
                what = f"the key {key} is an expression in ${{{{ }}}}, which is not evaluated here"
                hint = "Write what it would insert."
            elif key in found:
                what = f"the key {key} is there twice"
            if what:
                where = f"{self.name}, line {key_node.start_mark.line + 1}"
                self._faults.append(InputError("pipeline-key", what, context=where, hint=hint))
                continue
            self._lines[place] = int(key_node.start_mark.line) + 1
            found[key] = self._plain(value, place)
        return found


def _compose(path: Path) -> yaml.Node:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "pipeline-file",
            f"{path} cannot be read",
            context=getattr(error, "strerror", "") or "it is no UTF-8",
        ) from error
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
