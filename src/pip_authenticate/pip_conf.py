"""A pip.conf without any credential, for who sets PIP_CONFIG_FILE or mounts it as a secret."""

from pip_authenticate.client_settings import PrivateFile, Variable
from pip_authenticate.secret import Secret


def of(addresses: tuple[Variable, ...]) -> PrivateFile:
    """The file for some addresses.

    No variable names it: pip reads the user's own file no more where PIP_CONFIG_FILE names another (pip
    documentation, "Configuration"), and with that would lose proxies and certificates.
    """
    lines = ["[global]"]
    for variable in addresses:
        option = variable.name.removeprefix("PIP_").lower().replace("_", "-")
        lines.append(f"{option} = {variable.value.reveal()}")  # pip parts several ones at blanks
    return PrivateFile("pip.conf", Secret("\n".join((*lines, ""))))
