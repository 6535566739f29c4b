"""YAML as pipelines use it: mappings, lists and texts, each with the line it stands in.

Scalars stay the text they were written as (`on` is not a boolean here); anchors, tags and keys
given twice are refused, as Azure Pipelines refuses them.
"""

from pathlib import Path

import yaml

from azure_devops_emulator.errors import InputError


class Item:
    """One value of a pipeline file, with its place for messages.

    Args:
        node: the value as PyYAML composed it.
        source: the file's name, for messages.
        path: the keys that lead to the value, for messages.
    """

    def __init__(self, node: yaml.Node, source: str, path: str = "") -> None:
        self._node = node
        self._source = source
        self.path = path

    @property
    def line(self) -> int:
        """The line of the value, counted from one."""
        return int(self._node.start_mark.line) + 1

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self._node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self._node, yaml.SequenceNode)

    def fault(self, slug: str, what: str, hint: str = "") -> InputError:
        """An error about this value that names its place."""
        return InputError(slug, what, context=f"{self._source}, line {self.line}", hint=hint)

    def text(self) -> str:
        """The value as text; an empty value is empty text.

        Raises:
            InputError: a mapping or list stands here, or an expression that only a server expands.
        """
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.fault("pipeline-shape", f"{self.path} has to be a text")
        value = str(self._node.value)
        if "${{" in value or value.startswith("$["):
            raise self.fault(
                "pipeline-unsupported",
                f"{self.path} holds an expression in ${{{{ }}}} or $[ ], which is not evaluated here",
                "Write the value itself, or a macro: $(name).",
            )
        if self._node.style is None and value in {"~", "null"}:
            return ""
        return value

    def boolean(self) -> bool:
        """The value as true or false.

        Raises:
            InputError: another word.
        """
        word = self.text().strip().lower()
        if word in {"true", "false"}:
            return word == "true"
        raise self.fault("pipeline-value", f"{self.path} has to be true or false, not {word!r}")

    def number(self) -> int:
        """The value as a whole number that is not negative.

        Raises:
            InputError: anything else.
        """
        word = self.text().strip()
        if word.isascii() and word.isdigit():
            return int(word)
        raise self.fault("pipeline-value", f"{self.path} has to be a whole number, not {word!r}")

    def members(self) -> list["Item"]:
        """The members of a list.

        Raises:
            InputError: it is no list.
        """
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.fault("pipeline-shape", f"{self.path} has to be a list")
        return [
            Item(node, self._source, f"{self.path}[{number}]")
            for number, node in enumerate(self._node.value, start=1)
        ]

    def mapping(self) -> dict[str, "Item"]:
        """The keys and values of a mapping.

        Raises:
            InputError: it is no mapping, or a key stands in it twice.
        """
        if not isinstance(self._node, yaml.MappingNode):
            raise self.fault("pipeline-shape", f"{self.path or 'the file'} has to be a mapping with keys")
        found: dict[str, Item] = {}
        for key_node, value_node in self._node.value:
            key = Item(key_node, self._source, "a key")
            if "${{" in str(key_node.value):
                raise key.fault(
                    "pipeline-unsupported",
                    f"the key {key_node.value} is an expression in ${{{{ }}}}, which is not evaluated here",
                    "Write what it would insert.",
                )
            name = key.text()
            if name in found:
                raise key.fault("pipeline-shape", f"the key {name} is there twice")
            found[name] = Item(value_node, self._source, f"{self.path}.{name}".lstrip("."))
        return found

    def keys(self) -> dict[str, "Item"]:
        """The keys themselves, each with its own place, for messages about a key."""
        if not isinstance(self._node, yaml.MappingNode):
            return {}
        return {str(node.value): Item(node, self._source, str(node.value)) for node, _ in self._node.value}


def read(path: Path) -> Item:
    """The whole of a file.

    Raises:
        InputError: it cannot be read, is not YAML, is empty, or uses anchors or tags.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("pipeline-file", f"{path} cannot be read", context=str(error)) from error
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if getattr(event, "anchor", None) or getattr(event, "tag", None):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise InputError(
                    "pipeline-unsupported",
                    "anchors, aliases and tags are not supported in a pipeline",
                    context=f"{path.name}, line {line}",
                )
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError("pipeline-yaml", f"{path.name} is not YAML", context=f"{problem}{place}") from error
    if node is None:
        raise InputError("pipeline-yaml", f"{path.name} is empty")
    return Item(node, path.name)
