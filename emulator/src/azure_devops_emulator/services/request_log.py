"""What was asked of the emulator; never holds a secret."""

from dataclasses import dataclass


@dataclass
class Record:
    """One request.

    Args:
        method: HTTP method.
        host: which of the service's hosts: `dev`, `pkgs`, `feeds`, `vssps`, `blob`, `private`, `public`,
            `login` (Microsoft Entra), `ci` (identities of jobs), `machine` (managed identities), `emulator`,
            or "" when the path belongs to none.
        path: path without query, as it was sent.
        identity: display name of the caller, or `anonymous`.
        credential: what was presented, in words: a token's label, `no credential`, `an unknown token` ...
        status: status of the answer; 0 until it is known, and when the connection was cut before.
    """

    method: str
    host: str
    path: str
    identity: str = "anonymous"
    credential: str = "no credential"
    status: int = 0

    def __str__(self) -> str:
        """One line for people."""
        who = f"{self.identity}, {self.credential}"
        return f"{self.status or '---'} {self.method} {self.path} ({who})"
