"""Runs pip behind the gateway on a machine that has no IPv4 at all; a program of its own, for such a place.

    python -m support.ipv6_only FOLDER PIP

prints how it ended, as JSON: exit code, standard error, the proxy's address, and what was downloaded.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from azure_devops_emulator import Organization, Service
from support.command import Command
from support.programs import QUIET

TOKEN = "six-canary-token"
ORGANIZATION = f"""
[organization]
name = "fabrikam"
[[projects]]
name = "alpha"
[[private_indexes]]
name = "depot"
user = "build"
password = "{TOKEN}"
packages = ["AlphaPackage==1.0.0"]
"""
# A network namespace has addresses of its own; this one keeps that of IPv6 only.
_ALONE = 'ip link set lo up && ip address del 127.0.0.1/8 dev lo && exec "$@"'
_PLACE = ("unshare", "--net", "--map-root-user", "sh", "-c", _ALONE, "sh")


def is_possible() -> bool:
    """Whether this machine and user can make such a place."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    return subprocess.run([*_PLACE, "true"], capture_output=True, check=False).returncode == 0


def ended(folder: Path, pip: Path) -> "tuple[int, str, str, list[str]]":
    """Run it there.

    Args:
        folder: an empty one.
        pip: the program. (pip 23.2 sends a Host with two pairs of brackets.)
    """
    here = Path(__file__).parent.parent
    process = subprocess.run(
        [*_PLACE, sys.executable, "-m", "support.ipv6_only", str(folder), str(pip)],
        cwd=here, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    code, said, entrance, got = json.loads(process.stdout)
    return code, said, entrance, got


def _main(folder: Path, pip: str) -> None:
    with Service(Organization.parse(ORGANIZATION), host="::1", https=True) as service:
        command = Command(folder)
        authorities = folder / "authorities.pem"
        authorities.write_bytes(service.ca_pem)
        command.environ |= QUIET | {"SSL_CERT_FILE": str(authorities), "TMPDIR": str(folder)}
        script = f"printenv HTTPS_PROXY && {pip} download --quiet --dest got AlphaPackage"
        one = command(
            "run", "--via", "gateway", "--client", "pip", "--token-stdin", service.resolve("{private:depot}"),
            "--", "sh", "-c", script, typed=TOKEN,
        )  # fmt: skip
    got = sorted(path.name for path in command.project.glob("got/*"))
    sys.stdout.write(json.dumps([one.returncode, one.stderr, one.stdout.strip(), got]))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
