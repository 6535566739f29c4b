"""The form of an upload: which file it carries, read while it passes."""

import re
from collections.abc import AsyncIterable, AsyncIterator

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from pip_authenticate.gateway.record import Passed

# What the one file of a form is called, by all publishers (Warehouse documentation, "Upload API").
_CONTENT = re.compile(r'form-data; name="content"; filename="([A-Za-z0-9][A-Za-z0-9._+!-]{0,254})"')


class Form:
    """A form that carries one file.

    Args:
        boundary: what stands between its fields.
        size: of all of it, in bytes.

    Attributes:
        file: name of the file, once that has passed.
        passed: the file, as far as it has.
        fault: why the form does not pass, as the end of a sentence about it; empty while it does.
    """

    def __init__(self, boundary: str, size: int) -> None:
        self._parser = PushMultipartParser(boundary, content_length=size)
        self._left = size
        self._is_content = False
        self.passed = Passed()
        self.file = ""
        self.fault = ""

    async def passing(self, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Hand the form on, the end of it only where all before was right: what is cut off publishes nothing.

        Raises:
            ValueError: it is no such form.
        """
        try:
            async for piece in body:
                for event in self._parser.parse(piece):
                    self._see(event)
                self._left -= len(piece)
                if not self._left:
                    self._end()
                yield piece
        except MultipartError:
            self.fault = "it is no form as publishers send it"
            raise

    def _see(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            disposition = event.header("Content-Disposition") or ""
            content = _CONTENT.fullmatch(disposition)
            self._is_content = content is not None
            if content and not self.file:
                self.file = content[1]
            elif content or event.name == "content":
                raise MultipartError("not one file")
        elif event and self._is_content:
            self.passed.add(event)

    def _end(self) -> None:
        self._parser.close()  # type: ignore[no-untyped-call]  # its library has no types for that
        if not self.file:
            raise MultipartError("no file")
