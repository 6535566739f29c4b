"""TLS: whom a run trusts, and as whom it shows itself."""

import os
import ssl
import stat
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from pip_authenticate.errors import ServiceError
from pip_authenticate.settings import Certificates

if TYPE_CHECKING:
    import socket

CERTIFICATE_BYTES = 16 * 1024 * 1024


class Encryption:
    """Encrypts sockets, with one context for each client's certificate.

    Args:
        certificates: the agent's certificate settings.
        log: takes one line for people who debug.
        trusting: makes the settings of a client who trusts whom the system trusts.
    """

    def __init__(
        self,
        certificates: Certificates,
        log: Callable[[str], None],
        trusting: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._certificates = certificates
        self._log = log
        self._trusting = trusting or _trusting
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def context(self, client: str) -> ssl.SSLContext:
        """The settings of TLS.

        Args:
            client: path of the certificate that servers are shown, or empty.

        Raises:
            ServiceError: a certificate file cannot be used.
        """
        with self._lock:
            if client not in self._contexts:
                self._contexts[client] = self._new_context(client)
            return self._contexts[client]

    def _new_context(self, client: str) -> ssl.SSLContext:
        """Trust what the system trusts and what the agent's settings add; show a certificate, if any."""
        given = self._certificates
        context = self._trusting()
        context.set_alpn_protocols(["http/1.1"])
        if given.unchecked:  # the output has a warning
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            if given.authorities:
                context.load_verify_locations(cafile=_file(given.authorities))
            self._trust_also(context, given.extra_authorities)
            if client:
                # Never None: OpenSSL would ask for the password on the terminal.
                password = given.client_password.reveal()
                key = _file(given.client_key) if given.client_key else None
                context.load_cert_chain(_file(client), key, password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ServiceError(
                "certificate-file",
                "A certificate file of the agent's settings cannot be used",
                context=type(error).__name__,
                hint="Check the agent's --sslcacert, --sslclientcert and --sslclientcertkey settings.",
            ) from None
        return context

    def _trust_also(self, context: ssl.SSLContext, file: str) -> None:
        """Trust what NODE_EXTRA_CA_CERTS names, as Node does for the built-in task: where it can be used."""
        try:
            if file:
                context.load_verify_locations(cafile=_file(file))
        except (OSError, ValueError):
            self._log("The file that NODE_EXTRA_CA_CERTS names cannot be used; it is ignored.")


def _trusting() -> ssl.SSLContext:
    import truststore  # noqa: PLC0415 - plain http needs none

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def encrypting(context: ssl.SSLContext, host: str, shown: str) -> "Callable[[socket.socket], socket.socket]":
    """What puts TLS onto a connected socket, perhaps onto one that has it already, to a proxy.

    It raises TimeoutError where that takes too long, and ServiceError where no secure connection could be
    made.

    Args:
        context: the settings.
        host: name or address of the server, by which its certificate is checked.
        shown: what messages call it.
    """
    name = host.rstrip(".")

    def encrypt(sock: "socket.socket") -> "socket.socket":
        try:
            if not isinstance(sock, ssl.SSLSocket):
                return context.wrap_socket(sock, server_hostname=name)
            from pip_authenticate.layered import Layered  # noqa: PLC0415 - few proxies ask for TLS

            return cast("socket.socket", Layered(sock, context, name))
        except TimeoutError:
            raise
        except (ssl.SSLError, ValueError) as error:  # a name that none can have is a ValueError
            raise insecure(error, shown) from None

    return encrypt


def _file(path: str) -> str:
    """A path that is worth opening: a device or a pipe would be read without end.

    Raises:
        OSError: there is no file of a reasonable size.
    """
    found = os.stat(path)  # noqa: PTH116 - pathlib costs some milliseconds
    if not stat.S_ISREG(found.st_mode) or found.st_size > CERTIFICATE_BYTES:
        raise OSError
    return path


def insecure(error: Exception, shown: str) -> ServiceError:
    """What a failure of TLS means; only OpenSSL's short reason is quoted."""
    rejected = isinstance(error, ssl.SSLCertVerificationError)
    return ServiceError(
        "certificate-rejected" if rejected else "tls-failed",
        f"The secure connection to {shown} could not be made",
        context=_tls_reason(str(error)),
        hint="Where a proxy inspects TLS, name a file with its certificate in NODE_EXTRA_CA_CERTS, or give "
        "it to an agent with --sslcacert.",
    )


def _tls_reason(text: str) -> str:
    """OpenSSL's short reason (`self-signed certificate`), which names no secret."""
    _, _, reason = text.partition("certificate verify failed: ")
    short = reason.split(" (_ssl")[0].split(", certificate is")[0].split("'")[0]
    return short[:120] or "the TLS handshake failed"
