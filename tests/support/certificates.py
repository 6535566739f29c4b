"""TLS for scripted services, and client certificates."""

import ssl
from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)


class ClientFiles(NamedTuple):
    """Files of a client certificate as an agent is given them.

    Args:
        chain: the certificate.
        key: its key, not encrypted.
        locked_key: its key, encrypted.
        password: of the encrypted key.
    """

    chain: str
    key: str
    locked_key: str
    password: str


def server_context(
    authority: trustme.CA, *names: str, asks_client: bool = False, insists: bool = True
) -> ssl.SSLContext:
    """For a service under these names; perhaps one that asks for a client certificate, or insists on it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    if asks_client:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED if insists else ssl.CERT_OPTIONAL
    return context


def client_files(authority: trustme.CA, folder: Path) -> ClientFiles:
    """A client certificate in files, its key with and without encryption."""
    issued = authority.issue_cert("agent@contoso.example", key_type=trustme.KeyType.ECDSA)
    password = "key-password-canary"
    chain, key, locked = folder / "client.pem", folder / "client.key", folder / "locked.key"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    private = load_pem_private_key(key.read_bytes(), None)
    encryption = BestAvailableEncryption(password.encode())
    locked.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return ClientFiles(str(chain), str(key), str(locked), password)
