"""The record: bounded, whatever goes through the gateway."""

from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.record import Fetched, Record, Uploaded
from pip_authenticate.index import IndexUrl

URL, _ = IndexUrl.parse("https://h.example/simple/")
INDEX = Guarded(URL, "feed one", None)


def test_it_holds_only_so_much() -> None:
    record = Record()
    for number in range(10_001):
        record.fetch(Fetched(f"demo-{number}.tar.gz", INDEX, "", None, is_seen=False))
        record.refuse(f"GET https://h.example/{number}", "why" * 1000)
        record.fail(f"{number:05} " * 1000)
        record.show_publicly(INDEX, f"p{number}")
        record.upload(Uploaded(f"demo-{number}.tar.gz", INDEX, "", 0))
        record.pass_unread(f"h{number}.example")
    told = record.told()
    assert told["is_cut"]
    assert {len(told[name]) for name in ("files", "uploaded", "refused", "failures", "hosts")} == {10_000}
    assert len(told["public"]) <= 20_000
    assert max(len(text) for text in told["failures"]) == 1000
    assert max(len(one["why"]) for one in told["refused"]) == 1000


def test_what_was_seen_whole_counts_more_than_what_was_not() -> None:
    record = Record()
    seen = Fetched("demo-1.tar.gz", INDEX, "a" * 64, 7, is_seen=True)
    for one in (seen._replace(is_seen=False), seen, seen._replace(is_seen=False)):
        record.fetch(one)
    (file,) = record.told()["files"]
    assert file["is_seen"]
    assert not record.told()["is_cut"]
