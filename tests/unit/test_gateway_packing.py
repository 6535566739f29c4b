"""Bodies that come packed: what is in them, and who takes them so."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pip_authenticate.gateway.accepting import takes_gzip
from pip_authenticate.gateway.packing import unpacked


def bare(content: bytes) -> bytes:
    """Deflated without a head."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


PACKED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("GZip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("gzip", lambda content: gzip.compress(content[:5]) + gzip.compress(content[5:])),
    ("deflate", zlib.compress),
    ("deflate", bare),
    ("", bytes),
    ("identity", bytes),
    ("br", bytes),
    ("gzip, gzip", bytes),
]


@pytest.mark.parametrize(("coding", "pack"), PACKED)
@given(content=st.binary(max_size=200))
def test_what_is_in_a_body_is_found(coding: str, pack: Callable[[bytes], bytes], content: bytes) -> None:
    assert unpacked(pack(content), coding, len(content)) == content


@pytest.mark.parametrize(("coding", "pack"), PACKED)
def test_no_more_is_read_than_may_be(coding: str, pack: Callable[[bytes], bytes]) -> None:
    content = b"x" * 100_000
    assert unpacked(pack(content), coding, 100_000) == content
    assert unpacked(pack(content), coding, 99_999) is None
    assert unpacked(pack(content), coding, 4) is None


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
def test_an_empty_body_is_an_answer_to_who_asks_for_its_head_only(coding: str) -> None:
    assert unpacked(b"", coding, 10) == b""


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        ("gzip", b"<!DOCTYPE html>"),
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)[:-9]),
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)[:-1] + b"?"),
        ("gzip", gzip.compress(b"x", mtime=0) + b"and more"),
        ("deflate", b"<!DOCTYPE html>"),
        ("deflate", zlib.compress(b"x" * 1000)[:-9]),
        ("deflate", bare(b"x" * 1000)[:-3]),
    ],
)
def test_what_is_damaged_is_said_to_be(coding: str, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpacked(content, coding, 10_000)


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, GZIP;q=0.8", True),
        ("deflate, x-gzip ; q=0.1", True),
        ("gzip;q=1", True),
        ("", False),
        ("identity", False),
        ("br, gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*", False),
        ("gzipped", False),
    ],
)
def test_who_takes_gzip(accepted: str, *, takes: bool) -> None:
    assert takes_gzip(accepted) is takes
