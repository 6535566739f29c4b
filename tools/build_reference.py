"""Write the parts of the documentation that are tables of the product's sources.

Such a part stands in a page between two comments, and is made anew by every run; what stands around it is
written by hand. `--check` writes nothing, and fails where a page is out of date.
"""

import argparse
import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import yaml

from pip_authenticate.commands import COMMANDS
from pip_authenticate.options import OPTIONS, Option
from pip_authenticate.settings import CLIENTS, INPUTS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SOURCES = ROOT / "src" / "pip_authenticate"
HOLE = "…"
_PART = re.compile(r"(<!-- made by tools/build_reference\.py: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_ERRORS = ("InputError", "ServiceError", "DeliveryError")
_COLUMNS = "100"
_LONGEST_MAKER = 5
"""Statements of a function whose errors are told where it is called, not where it stands."""


class Failure(NamedTuple):
    """One place in the sources that raises an error on purpose.

    Args:
        slug: the kind of failure.
        what: what happened, with an ellipsis for what only a run knows.
        hint: what to do, or empty.
    """

    slug: str
    what: str
    hint: str


class Module:
    """One module of the sources.

    Args:
        path: its file.
    """

    def __init__(self, path: Path) -> None:
        name = ".".join(path.relative_to(SOURCES.parent).with_suffix("").parts)
        self.name = path.stem
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._names = vars(import_module(name.removesuffix(".__init__")))
        self._known: dict[str, list[str]] = {}

    def failures(self, makers: Mapping[str, ast.FunctionDef]) -> Iterator[Failure]:
        """Every error that the module raises under a name of its own.

        Args:
            makers: functions of other modules that make errors of what they are given.
        """
        makers = {**makers, **self.makers()}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                maker = makers.get(node.func.id)
                if maker:
                    yield from self._made(maker, node)
                elif node.func.id in _ERRORS:
                    yield from self._of(node)

    def makers(self) -> dict[str, ast.FunctionDef]:
        """The functions of the module that make errors of what they are given, by name."""
        return {
            node.name: node
            for node in ast.walk(self._tree)
            if isinstance(node, ast.FunctionDef)
            and len(node.body) < _LONGEST_MAKER
            and any(self._errors(node))
        }

    def _errors(self, maker: ast.FunctionDef) -> Iterator[ast.Call]:
        """Errors in a function that hold one of its parameters."""
        names = {argument.arg for argument in (*maker.args.args, *maker.args.kwonlyargs)}
        for node in ast.walk(maker):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ERRORS:
                parts = [part for given in node.args[:2] for part in ast.walk(given)]
                if any(isinstance(part, ast.Name) and part.id in names for part in parts):
                    yield node

    def _made(self, maker: ast.FunctionDef, call: ast.Call) -> Iterator[Failure]:
        """What a function makes of what it is given here."""
        names = [argument.arg for argument in maker.args.args]
        given = [*zip(names, call.args, strict=False), *((one.arg or "", one.value) for one in call.keywords)]
        self._known = {name: self._texts(value) for name, value in given}
        for error in self._errors(maker):
            yield from self._of(error)
        self._known = {}

    def _of(self, error: ast.Call) -> Iterator[Failure]:
        named = {keyword.arg: self._texts(keyword.value) for keyword in error.keywords}
        what, hint = (" / ".join(texts) for texts in (self._texts(error.args[1]), named.get("hint", [])))
        yield from (Failure(slug, what, hint) for slug in self._texts(error.args[0]))

    def _texts(self, node: ast.expr) -> list[str]:
        """What an expression can be, each as far as the sources say it."""
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.Name) and node.id in self._known:
            return self._known[node.id]
        if isinstance(node, ast.Name) and isinstance(self._names.get(node.id), str | int):
            return [str(self._names[node.id])]
        if isinstance(node, ast.IfExp):
            return [*self._texts(node.body), *self._texts(node.orelse)]
        if isinstance(node, ast.JoinedStr):
            return ["".join(self._texts(part)[0] for part in node.values)]
        if isinstance(node, ast.FormattedValue):
            return self._texts(node.value)[:1]
        return [HOLE]


def failures() -> list[Failure]:
    """Every failure of the product, by its slug."""
    modules = [Module(path) for path in sorted(SOURCES.rglob("*.py")) if path.stem != "__main__"]
    common = next(module for module in modules if module.name == "errors").makers()
    found = {failure for module in modules for failure in module.failures(common)}
    return sorted(failure for failure in found if HOLE not in failure.slug)  # else it passes another one on


def errors() -> str:
    """The failures, one heading for each slug, which is its anchor."""
    by_slug = groupby(failures(), lambda failure: failure.slug)
    return "\n".join(_section(slug, list(places)) for slug, places in by_slug)


def _section(slug: str, places: list[Failure]) -> str:
    rows = [(_sentence(place.what), place.hint or HOLE) for place in places]
    return f"### {slug}\n\n{_table(('what you see', 'what to do'), rows)}"


def _sentence(what: str) -> str:
    """A text as the line begins that a person reads: some are told after the name of an entry or input."""
    return f"{HOLE} {what}" if what[:1].islower() and not what.startswith(HOLE) else what


def inputs() -> str:
    """The inputs of the task."""
    rows = [(f"`{item.name}`", item.alias and f"`{item.alias}`", item.help) for item in INPUTS]
    return _table(("input", "other name", "meaning"), rows)


def action() -> str:
    """The inputs of the action."""
    declared = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    return _table(
        ("input", "meaning"), [(f"`{name}`", item["description"]) for name, item in declared.items()]
    )


def options() -> str:
    """What can be set for the command."""
    rows = [
        (
            f"`{_written(option)}`",
            ", ".join(option.commands),
            f"`{option.variable}`",
            _key(option),
            option.help,
        )
        for option in OPTIONS
    ]
    return _table(("option", "of", "variable", "key in a file", "meaning"), rows)


def _written(option: Option) -> str:
    return f"--{option.name} {option.metavar}".rstrip()


def _key(option: Option) -> str:
    if not option.in_files:
        return "no"
    shape = "a list of texts" if option.is_list else "a text" if option.metavar else "true or false"
    return f"`{option.name}`, {shape}"


def variables() -> str:
    """The variables that are set for each client."""
    rows = []
    for client in CLIENTS:
        module = import_module(f"pip_authenticate.clients.{client}")
        rows.append((f"`{client}`", ", ".join(f"`{name}`" for name in module.VARIABLES)))
    return _table(("client", "variables"), rows)


def commands() -> str:
    """The commands with their help."""
    return "\n".join(
        f"## {name}\n\n{purpose[0].upper()}{purpose[1:]}.\n\n```{{.text .help}}\n{_help(name)}```\n"
        for name, purpose in COMMANDS.items()
    )


def _help(name: str) -> str:
    """What `--help` of a command says, in lines of a fixed length, whatever Python makes it."""
    code = f"from pip_authenticate.cli import main; main([{name!r}, '--help'])"
    words = [sys.executable, "-c", code]
    environ = {**os.environ, "COLUMNS": _COLUMNS, "NO_COLOR": "1"}  # Python 3.14 would write in colour
    return subprocess.run(words, env=environ, capture_output=True, text=True, check=True).stdout


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *(tuple(map(_cell, row)) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    """A text that stays within its cell, and as it is."""
    return re.sub(r"([|<>*]|\$\{\{)", r"\\\1", text)


PARTS: dict[str, Callable[[], str]] = {
    "errors": errors,
    "action": action,
    "inputs": inputs,
    "options": options,
    "variables": variables,
    "commands": commands,
}
"""What can be made, by the name that a page calls it."""


def made(page: str) -> str:
    """A page with its parts as they are now."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n{found[3]}", page)


def main() -> int:
    """Write the pages; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where a page is out of date"
    )
    is_check = parser.parse_args().check
    late = []
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        now = made(page)
        if now == page:
            continue
        late.append(path.relative_to(ROOT))
        if not is_check:
            path.write_text(now, encoding="utf-8")
    for name in late:
        print(f"{name} {'is out of date: run make reference' if is_check else 'is written'}")
    return 1 if late and is_check else 0


if __name__ == "__main__":
    sys.exit(main())
