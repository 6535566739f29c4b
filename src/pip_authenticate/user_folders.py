"""Where a user's own files of this program are, by the conventions of the platform."""

import os
import sys
from collections.abc import Mapping

_NAME = "pip-authenticate"


def settings_file(environ: Mapping[str, str]) -> str:
    """The path of the user's own configuration file, whether it is there or not."""
    folder = _linux(environ, "XDG_CONFIG_HOME", ".config")
    if not folder:
        import platformdirs  # noqa: PLC0415 - it costs 8 ms

        folder = platformdirs.user_config_dir(_NAME, appauthor=False)
    return os.path.join(folder, "pip-authenticate.toml")


def state_folder(environ: Mapping[str, str]) -> str:
    """The path of the folder for what is kept between runs, whether it is there or not."""
    folder = _linux(environ, "XDG_STATE_HOME", os.path.join(".local", "state"))
    if not folder:
        import platformdirs  # noqa: PLC0415 - as above

        folder = platformdirs.user_state_dir(_NAME, appauthor=False)
    return folder


def netrc_files(environ: Mapping[str, str]) -> list[str]:
    """The paths that the user's own netrc file can have, whether it is there or not."""
    given, home = environ.get("NETRC"), environ.get("HOME") or environ.get("USERPROFILE")
    return [given] if given else [os.path.join(home or "", name) for name in (".netrc", "_netrc")]


def _linux(environ: Mapping[str, str], variable: str, usual: str) -> str:
    """What platformdirs says on Linux, without its start-up; empty elsewhere."""
    home = environ.get("HOME", "")
    if sys.platform != "linux" or not home:
        return ""
    given = environ.get(variable, "").strip()
    # A relative one counts as none (XDG Base Directory Specification): it would be the project's.
    return os.path.join(given if os.path.isabs(given) else os.path.join(home, usual), _NAME)
