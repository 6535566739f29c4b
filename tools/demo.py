"""Run the examples as a reader would, one after the other, and make sure that each installs its package."""

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import build_extension
import demo_commands
import demo_identities
import demo_secretless
import scenes

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = "Successfully installed"
PUBLISHER = "acme"


class Example(NamedTuple):
    """A pipeline of the examples folder.

    Args:
        title: what it shows.
        pipeline: its file's name.
        installs: the package and version that it must end in.
        options: for the emulator's command line.
        extension: whether the extension is installed instead of the task.
    """

    title: str
    pipeline: str
    installs: str
    options: tuple[str, ...] = ()
    extension: bool = False


EXAMPLES = (
    Example("Feeds, without the public index", "feeds.yml", "HelloTestPackage-1.0.0"),
    Example("The public index first, then feeds", "feeds-and-public-index.yml", "HelloTestPackage-9.9.9"),
    Example("Another private index", "service-connection.yml", "HelloTestPackage-2.0.0"),
    Example("An agent behind a web proxy", "behind-a-proxy.yml", "HelloTestPackage-1.0.0", ("--proxy",)),
    Example("Saving from an upstream source", "save-from-upstream.yml", "UpstreamPackage-1.5.0"),
    Example("No stored secret: workload identity federation", "federation.yml", "DeliveredPackage-1.2.0"),
    Example(
        "Two identities in one organisation",
        "two-identities.yml",
        "HelloTestPackage-1.0.0 PartnerPackage-2.0.0",
    ),
    Example("The extension's task", "with-the-extension.yml", "HelloTestPackage-1.0.0", extension=True),
)


def run(example: Example) -> bool:
    """Run one example and show its log; whether it did what it is there for."""
    command = [
        *(sys.executable, "-m", "azure_devops_emulator", "run"),
        *(str(ROOT / "examples" / example.pipeline), *example.options),
    ]
    if example.extension:
        file = build_extension.build(PUBLISHER, ROOT / "dist" / "extension")
        command += ["--extension", str(file)]
    done = subprocess.run(command, cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE)
    print(done.stdout, end="")
    return done.returncode == 0 and f"{INSTALLED} {example.installs}" in done.stdout


def main() -> int:
    """Run all examples; the number of those that did not do what they are there for."""
    outcomes = []
    for number, example in enumerate(EXAMPLES, 1):
        print(
            f"\n=== {number} of {len(EXAMPLES)}: {example.title} (examples/{example.pipeline})\n", flush=True
        )
        started = time.monotonic()
        outcomes.append((example, run(example), time.monotonic() - started))
    print("\n=== Summary\n")
    for example, worked, seconds in outcomes:
        word = "installed" if worked else "FAILED:  "
        print(f"{word} {example.installs:24} {example.title} ({seconds:.1f} s)")
    failed = sum(not worked for _, worked, _ in outcomes)
    played = [*demo_commands.main(), *demo_identities.main(), *demo_secretless.main()]
    failed += scenes.tell(played)
    print(f"\n{len(outcomes) + len(played) - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
