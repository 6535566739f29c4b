"""Where the first index takes uploads, and what publishers are told of that."""

from typing import NamedTuple

from pip_authenticate.client_settings import ClientSettings, Variable, Wish
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex, IndexUrl
from pip_authenticate.secret import Secret


class Publisher(NamedTuple):
    """What a program reads when it publishes.

    Args:
        program: its name.
        url: the variable that holds the address of uploads.
        username: the variable that holds the user name, as it is.
        password: the variable that holds the secret, as it is.
        command: how it publishes to an address, with `{}` in its place; empty where the address's variable
            can be emptied.
        reads_netrc: whether it also takes the credential from a netrc file.
    """

    program: str
    url: str
    username: str
    password: str
    command: str = ""
    reads_netrc: bool = False

    @property
    def variables(self) -> tuple[str, str, str]:
        """Names of the variables that it reads."""
        return self.url, self.username, self.password

    def settings_for(self, indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
        """Its variables, where uploads are asked for.

        Raises:
            DeliveryError: nobody knows where the first index takes uploads.
        """
        if not wish.publish or not indexes:
            return ClientSettings()
        first, upload = indexes[0], upload_of(indexes)
        address = Variable(self.url, Secret(str(upload)), is_secret=False, can_be_emptied=not self.command)
        is_told = address.can_be_emptied or wish.can_unset
        notes = () if is_told else (f"To publish to {first.source}: {self.command.format(upload)}",)
        if wish.by_files and not wish.opens_nothing:
            warning = (
                f"{self.program} reads what it publishes with from variables and arguments only, and none "
                f"shall hold a credential: it is told where {first.source} takes uploads, and no more."
            )
            warnings = () if self.reads_netrc else (warning,)
            return ClientSettings((address,) if is_told else (), warnings=warnings, notes=notes)
        from pip_authenticate import logins  # noqa: PLC0415 - few runs publish

        pair = logins.variables(first.credential, self.username, self.password)
        return ClientSettings((address, *pair) if is_told else pair, notes=notes)


def upload_of(indexes: list[AuthenticatedIndex]) -> IndexUrl:
    """Where the first index takes uploads.

    Raises:
        DeliveryError: nobody knows that.
    """
    first = indexes[0]
    if not first.upload:
        raise DeliveryError(
            "no-upload-address",
            f"Nothing can be published to {first.source}: it is no feed of Azure Artifacts, or a view of one",
            context=str(first.url),
            hint="Name a feed first, without a view.",
        )
    return first.upload
