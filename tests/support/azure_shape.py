"""What a feed of Azure Artifacts and its blob store answer for files, as far as readers of files see it."""

from collections.abc import Callable

from support.http_service import Answer, Raw, Request, raw

Route = Callable[[Request], "Answer | Raw"]


def store(content: bytes) -> Route:
    """A blob store: it wants no credential, and serves parts."""

    def answer(request: Request) -> "Answer | Raw":
        if "authorization" in request.headers:
            return Answer(400)
        if request.method == "HEAD":
            lines = ("Accept-Ranges: bytes", f"Content-Length: {len(content)}", "Connection: close")
            return raw("\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode())
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Accept-Ranges", "bytes"),
            ("ETag", '"0x1"'),
        ]
        asked = request.headers.get("range", "").removeprefix("bytes=")
        if not asked:
            return Answer(200, content, headers=headers)
        first, _, last = asked.partition("-")
        start = int(first) if first else max(len(content) - int(last), 0)
        end = min(int(last), len(content) - 1) if first and last else len(content) - 1
        if start >= len(content):
            return Answer(416, b"", headers=[("Content-Range", f"bytes */{len(content)}")])
        headers.append(("Content-Range", f"bytes {start}-{end}/{len(content)}"))
        return Answer(206, content[start : end + 1], headers=headers)

    return answer


def download(location: str) -> Route:
    """A feed's answer for a file: to a blob store, and HEAD with 405."""

    def answer(request: Request) -> Answer:
        if request.method == "HEAD":
            return Answer(405)
        return Answer(303, b"", headers=[("Location", location)])

    return answer
