"""A certificate for loopback, made for one run; its key never leaves the process."""

import ssl

import trustme

_NAMES = ("127.0.0.1", "::1", "localhost")


class OwnCertificate:
    """A certificate and the authority that signed it.

    Attributes:
        context: serves https with it.
        authority: the certificate to be trusted, as PEM.
    """

    def __init__(self) -> None:
        kind = trustme.KeyType.ECDSA
        authority = trustme.CA(organization_name="azure-devops-emulator", key_type=kind)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*_NAMES, key_type=kind).configure_cert(self.context)
        self.authority = authority.cert_pem.bytes()


def bundle(authority: bytes) -> bytes:
    """An authority together with those that this machine trusts, as PEM."""
    machine = ssl.create_default_context().get_ca_certs(binary_form=True)
    return b"".join([authority, *(ssl.DER_cert_to_PEM_cert(each).encode() for each in machine)])
