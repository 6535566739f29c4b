"""Whom the command trusts: whom it trusts anyway, and this run's authority; and whom the gateway trusts."""

import os
import re
import ssl
import sys
from collections.abc import Iterator, Mapping

from pip_authenticate.encryption import CERTIFICATE_BYTES

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Each names a file of authorities: for OpenSSL and uv, requests, pip, curl and requests, Node."""
_OF_SOURCES = re.compile("POETRY_CERTIFICATES_.+_CERT")
"""What Poetry trusts in place of those, for one source (Poetry documentation, "Certificates")."""
FILE = "authorities.pem"
_CERTIFICATE = re.compile(
    b"-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----.*?-----END \\1-----", re.DOTALL | re.ASCII
)
"""One of a file of many (RFC 7468, section 5, with the older labels that OpenSSL reads)."""
# Where systems keep them: Debian, Fedora, Alpine and macOS, OpenSUSE.
_PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


def variables(environ: Mapping[str, str]) -> list[str]:
    """The names of all variables that have to name the file, as far as some other one is there."""
    return [*_VARIABLES, *filter(_OF_SOURCES.fullmatch, environ)]


def bundle(environ: Mapping[str, str], own: str) -> str:
    """The text of a file with every authority that the system or a variable names, and one's own.

    Each stands there once, though a firm's file has the system's, too: clients read all as they start.

    Args:
        environ: the command's variables.
        own: a certificate in PEM.
    """
    parts = dict[bytes, None]()
    for path in (*_of_system(), *map(environ.get, variables(environ))):
        parts |= dict.fromkeys(_certificates(path or ""))
    if sys.platform == "win32":
        for store in ("ROOT", "CA"):
            for certificate, encoding, _ in ssl.enum_certificates(store):
                if encoding == "x509_asn":
                    parts[ssl.DER_cert_to_PEM_cert(certificate).strip().encode()] = None
    text = b"\n".join(parts).decode("ascii", "replace")
    return f"{text}\n{own}"


def read_once() -> ssl.SSLContext:
    """Settings of TLS for a client who trusts whom the system trusts, as truststore's.

    Those read OpenSSL's file of authorities for every connection, which is longer than the rest of it takes.
    """
    if sys.platform in {"win32", "darwin"}:
        import truststore  # noqa: PLC0415 - elsewhere OpenSSL is all there is

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context, paths = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.get_default_verify_paths()
    context.set_default_verify_paths()
    if not paths.cafile and not (paths.capath and os.listdir(paths.capath)):
        for place in list(filter(os.path.isfile, _PLACES))[:1]:
            context.load_verify_locations(place)
    return context


def _of_system() -> Iterator[str]:
    paths = ssl.get_default_verify_paths()
    named = next(filter(os.path.isfile, (paths.openssl_cafile, *_PLACES)), "")
    yield named or paths.openssl_capath


def _certificates(path: str) -> Iterator[bytes]:
    """What the files of authorities hold that a path means: one, or a folder of them (OpenSSL: c_rehash)."""
    names = sorted(os.listdir(path)) if os.path.isdir(path) else [""]
    left = CERTIFICATE_BYTES
    for name in names:
        file = os.path.join(path, name) if name else path
        if not os.path.isfile(file) or left <= 0:
            continue
        try:
            with open(file, "rb") as stream:
                content = stream.read(left)
        except OSError:
            continue
        for found in _CERTIFICATE.finditer(content.replace(b"\r\n", b"\n")):
            left -= len(found[0])
            yield found[0]
