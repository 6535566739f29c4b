"""The file of authorities that a command behind the gateway reads: everything once, and nothing else."""

import ssl
from pathlib import Path

import trustme

from pip_authenticate.gateway import trust


def pem(*authorities: trustme.CA) -> str:
    return "".join(one.cert_pem.bytes().decode("ascii") for one in authorities)


def known(text: str) -> set[bytes]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    return set(context.get_ca_certs(binary_form=True))


def test_an_authority_that_several_files_have_is_there_once(tmp_path: Path) -> None:
    first, second, own = trustme.CA(), trustme.CA(), trustme.CA()
    (tmp_path / "firm.pem").write_text(f"# The firm's.\n{pem(first, second)}", encoding="ascii")
    (tmp_path / "pip.pem").write_text(pem(second), encoding="ascii", newline="\r\n")
    environ = {"SSL_CERT_FILE": str(tmp_path / "firm.pem"), "PIP_CERT": str(tmp_path / "pip.pem")}
    text = trust.bundle(environ, pem(own))
    assert known(pem(first, second, own)) <= known(text)
    for authority in (first, second, own):
        assert text.count(pem(authority).strip()) == 1


def test_a_folder_of_authorities_is_read(tmp_path: Path) -> None:
    first, second, own = trustme.CA(), trustme.CA(), trustme.CA()
    for name, authority in (("a.pem", first), ("b.pem", second)):
        (tmp_path / name).write_text(pem(authority), encoding="ascii")
    assert known(pem(first, second)) <= known(trust.bundle({"SSL_CERT_FILE": str(tmp_path)}, pem(own)))


def test_a_key_beside_a_certificate_stays_where_it_is(tmp_path: Path) -> None:
    authority, own = trustme.CA(), trustme.CA()
    (tmp_path / "all.pem").write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
    text = trust.bundle({"PIP_CERT": str(tmp_path / "all.pem")}, pem(own))
    assert pem(authority).strip() in text
    assert "PRIVATE KEY" not in text
