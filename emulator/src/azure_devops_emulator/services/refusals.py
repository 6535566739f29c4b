"""How Microsoft Entra refuses: its own number beside the error of OAuth 2.0."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from azure_devops_emulator.description.connections import ENTRA_ISSUER


@dataclass
class EntraRefusal(Exception):  # noqa: N818 - it is an answer of the service, no error of the emulator
    """An answer other than a token.

    Args:
        code: number of the AADSTS error.
        text: its description.
        error: its OAuth 2.0 name (RFC 6749, section 5.2); `invalid_client` comes with status 401, others 400.
    """

    code: int
    text: str
    error: str = "invalid_client"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the error."""
        return 401 if self.error == "invalid_client" else 400

    def data(self) -> dict[str, object]:
        """The error as JSON, with fresh ids of its trace."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        moment = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}Z"
        trail = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}"
        return {
            "error": self.error,
            "error_description": f"AADSTS{self.code}: {self.text} {trail}",
            "error_codes": [self.code],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{ENTRA_ISSUER}/error?code={self.code}",
        }


def demand(form: Mapping[str, str], *names: str) -> None:
    """See that a form has something under these names.

    Raises:
        EntraRefusal: it lacks one.
    """
    for name in names:
        if not form.get(name):
            text = f"The request body must contain the following parameter: '{name}'."
            raise EntraRefusal(900144, text, "invalid_request")
