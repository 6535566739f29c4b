"""Draw the pictures of the documentation, light and dark: what `check` shows, and how data flows.

The first is what the real command writes about an emulated organisation, whose address is replaced by that of
Azure DevOps Services. A run changes nothing where nothing has changed, so that a test can compare.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from azure_devops_emulator import Organization, Service

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
ORGANIZATION = ROOT / "examples" / "documentation.toml"
ADDRESS = "https://pkgs.dev.azure.com/fabrikam/"
"""What stands in the picture for the address of the emulated organisation."""
ENTRIES = ("project1/myFeed", "otherTeam")
"""A feed that the token opens, and one that it does not."""
TOKEN = "fake-token-of-ada"  # noqa: S105 - opens nothing but the emulated organisation
COLUMNS = 120
"""Width of the terminal that is drawn."""
_SIZE, _WIDTH, _HEIGHT, _EDGE = 13, 7.8, 19, 16
_ESCAPE = re.compile(r"\x1b\[(\d+)m")
_MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


class Theme(NamedTuple):
    """Colours of a variant.

    Args:
        paper: behind everything.
        line: of borders and arrows.
        ink: of texts.
        pale: of texts that matter less.
        codes: by the number of a terminal's escape sequence.
    """

    paper: str
    line: str
    ink: str
    pale: str
    codes: dict[str, str]


THEMES = {
    "light": Theme(
        "#ffffff", "#d0d7de", "#1f2328", "#59636e", {"31": "#b3001e", "32": "#116329", "33": "#7d4e00"}
    ),
    "dark": Theme(
        "#0d1117", "#3d444d", "#e6edf3", "#9198a1", {"31": "#ff7b72", "32": "#56d364", "33": "#e3b341"}
    ),
}


class Run(NamedTuple):
    """Letters of one colour in a line of the terminal.

    Args:
        column: of the first one.
        text: the letters.
        code: of the colour, or empty.
    """

    column: int
    text: str
    code: str


def checked() -> str:
    """What a person types and what the command shows, with escape sequences for colours."""
    words = ["pip-authenticate", "check", *ENTRIES, "--organization"]
    organization = Organization.load(ORGANIZATION)
    with Service(organization, on_premises=True) as service, tempfile.TemporaryDirectory() as home:
        ended = subprocess.run(
            [sys.executable, "-m", "pip_authenticate.cli", *words[1:], service.collection_uri],
            env={
                "HOME": home,
                "PATH": os.defpath,
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_AUTHENTICATE_TOKEN": TOKEN,
                "PIP_AUTHENTICATE_VIA": "files",  # of the gateway it would say who draws the picture
                "FORCE_COLOR": "1",
            },
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        shown = ended.stdout.replace(service.collection_uri, ADDRESS)
    return f"$ {' '.join(words)} {organization.name}\n{shown}"


def terminal(text: str, theme: Theme, title: str) -> str:
    """A terminal that shows a text."""
    rows = [row for line in text.splitlines() for row in _rows(line)]
    width, height = COLUMNS * _WIDTH + 2 * _EDGE, len(rows) * _HEIGHT + 2 * _EDGE
    lines = []
    for number, row in enumerate(rows):
        y = _EDGE + (number + 0.72) * _HEIGHT
        lines += [
            _text(_EDGE + run.column * _WIDTH, y, run.text, theme.codes.get(run.code, theme.ink))
            for run in row
        ]
    return _svg(width, height, theme, title, _MONOSPACE, lines)


def _rows(line: str) -> Iterator[list[Run]]:
    """The rows that a line takes on the terminal."""
    row, column, code = list[Run](), 0, ""
    for position, part in enumerate(_ESCAPE.split(line)):
        if position % 2:
            code = part if part != "0" else ""
            continue
        rest = part
        while rest:
            taken, rest = rest[: COLUMNS - column], rest[COLUMNS - column :]
            row.append(Run(column, taken, code))
            column += len(taken)
            if rest:
                yield row
                row, column = [], 0
    yield row


def flow(text: str, theme: Theme, title: str) -> str:
    """Boxes from left to right with arrows between them, as the text of data-flow.txt names them."""
    box, gap, height = 200, 132, 112
    lines, x = list[str](), 1.0
    for line in text.splitlines():
        if line.startswith(">"):
            middle, end = x + gap / 2, x + gap
            lines += [_text(middle, height / 2 - 10, line[1:].strip(), theme.pale, "middle")]
            lines += [f'<path d="M{x + 6} {height / 2}H{end - 8}" stroke="{theme.pale}" fill="none"/>']
            lines += [f'<path d="M{end - 6} {height / 2}l-8 -4.5v9z" fill="{theme.pale}"/>']
            x = end
        elif line and not line.startswith("#"):
            name, *more = (part.strip() for part in line.split("|"))
            frame = f'width="{box}" height="{height}" rx="8" fill="none" stroke="{theme.line}"'
            lines += [f'<rect x="{x}" y="1" {frame}/>']
            lines += [_text(x + box / 2, 28, name, theme.codes["32"], "middle", "bold")]
            for number, words in enumerate(more):
                ink = theme.pale if number else theme.ink
                lines += [_text(x + box / 2, 50 + 20 * number + 4 * bool(number), words, ink, "middle")]
            x += box
    return _svg(x + 1, height + 2, theme, title, _SANS, lines)


def _text(x: float, y: float, text: str, ink: str, anchor: str = "start", weight: str = "normal") -> str:
    look = f'fill="{ink}"'
    if anchor != "start":
        look += f' text-anchor="{anchor}"'
    if weight != "normal":
        look += f' font-weight="{weight}"'
    return f'<text x="{x:g}" y="{y:g}" {look} xml:space="preserve">{escape(text)}</text>'


def _svg(width: float, height: float, theme: Theme, title: str, font: str, lines: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'role="img" aria-label={quoteattr(title)} font-family={quoteattr(font)} font-size="{_SIZE}">'
    )
    paper = f'<rect width="100%" height="100%" rx="8" fill="{theme.paper}"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", paper, *lines, "</svg>", ""])


def pictures() -> dict[str, str]:
    """Every picture, by its file's name."""
    text = checked()
    boxes = (PICTURES / "data-flow.txt").read_text(encoding="utf-8")
    found = {}
    for name, theme in THEMES.items():
        found[f"check-{name}.svg"] = terminal(text, theme, "What pip-authenticate check shows on a terminal")
        found[f"data-flow-{name}.svg"] = flow(boxes, theme, "Sources, providers, clients and outputs")
    return found


def main() -> int:
    """Draw them; gives the exit code."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    for name, picture in pictures().items():
        (PICTURES / name).write_text(picture, encoding="utf-8")
        print(PICTURES / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
