"""The certificate authority of one run: made in memory, good for the guarded hosts only, and then keyless."""

import ipaddress
import os
import ssl
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pip_authenticate.client_settings import PrivateFile
from pip_authenticate.private_files import Folder
from pip_authenticate.secret import Secret

LIFETIME = timedelta(days=7)
"""Longer than any command runs."""
_SKEW = timedelta(hours=1)
_LEAF = "leaf.pem"
# Where a kind of name has no guarded host, it gets one that exists nowhere: a kind without any is not limited
# (RFC 5280, section 4.2.1.10; RFC 2606, section 2).
_NO_NAME, _NO_ADDRESSES = "invalid", ("0.0.0.0/32", "::/128")


class Authority:
    """Certificates of one run.

    The key that signs them is forgotten before this is made: nobody can sign another one.

    Args:
        certificate: the authority's own, in PEM.
        contexts: what shows a certificate to clients, by the host that it is for.
    """

    def __init__(self, certificate: str, contexts: dict[str, ssl.SSLContext]) -> None:
        self.certificate = certificate
        self.contexts = contexts

    @classmethod
    def made(cls, hosts: Iterable[str], folder: Folder) -> "Authority":
        """Make an authority, and a certificate for each host.

        Args:
            hosts: names and addresses (IPv6 without brackets).
            folder: a private one. Python reads certificates from files only: each lies there for a moment,
                its key encrypted under a password that nobody is told.

        Raises:
            DeliveryError: the folder cannot be written to.
        """
        hosts = list(dict.fromkeys(hosts))
        now = datetime.now(timezone.utc)
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("pip-authenticate, this run only")
        authority = (
            _certificate(name, name, key.public_key(), now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(_constraints(hosts), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        contexts = dict[str, ssl.SSLContext]()
        for host in hosts:
            own = ec.generate_private_key(ec.SECP256R1())
            leaf = (
                _certificate(_name("pip-authenticate"), name, own.public_key(), now)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(_usage(signs_certificates=False), critical=True)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
                .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
                )
                .sign(key, hashes.SHA256())
            )
            contexts[host] = _context(leaf, own, folder)
        return cls(authority.public_bytes(serialization.Encoding.PEM).decode("ascii"), contexts)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _SKEW,
        not_valid_after=now + LIFETIME,
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _constraints(hosts: list[str]) -> x509.NameConstraints:
    """Only the hosts themselves, and what is below them, where a host has a name."""
    names = [_general_name(host) for host in hosts]
    permitted: list[x509.GeneralName] = [name for name in names if isinstance(name, x509.DNSName)]
    permitted = permitted or [x509.DNSName(_NO_NAME)]
    addresses = [str(name.value) for name in names if isinstance(name, x509.IPAddress)]
    networks = map(ipaddress.ip_network, addresses or _NO_ADDRESSES)
    return x509.NameConstraints([*permitted, *map(x509.IPAddress, networks)], None)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.rstrip("."))


def _context(leaf: x509.Certificate, key: ec.EllipticCurvePrivateKey, folder: Folder) -> ssl.SSLContext:
    password = os.urandom(32).hex().encode()
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )
    content = leaf.public_bytes(serialization.Encoding.PEM) + encrypted
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.num_tickets = 0  # who opens many connections does so at once, before there is one to resume
    folder.write([PrivateFile(_LEAF, Secret(content.decode("ascii")))])
    try:
        context.load_cert_chain(os.path.join(folder.path, _LEAF), password=password)
    finally:
        folder.remove(_LEAF)
    return context
