"""A form with one file (RFC 7578), streamed: the file is read while it is sent and is never whole in memory."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from uuid import uuid4

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


class Multipart:
    """Iterates over the bytes of the form. Can be read once, since the file can."""

    def __init__(
        self,
        fields: Mapping[str, str],
        file_name: str,
        content: Iterable[bytes],
        *,
        content_type: str,
        size: int,
    ) -> None:
        """`fields` are words of ours; `file_name` may be anything and loses what a header could not hold.

        `size` is the file's, in bytes: the form's length is told beforehand, since not every server takes chunks.
        """
        self._boundary = uuid4().hex
        self._fields = fields
        self._file_name = _UNSAFE.sub("_", file_name)[-100:] or "file"
        self._content = content
        self._content_type = content_type
        self._size = size

    @property
    def headers(self) -> dict[str, str]:
        length = len(self._before) + self._size + len(self._after)
        return {
            "Content-Type": f"multipart/form-data; boundary={self._boundary}",
            "Content-Length": str(length),
        }

    def __iter__(self) -> Iterator[bytes]:
        yield self._before
        yield from self._content
        yield self._after

    @property
    def _before(self) -> bytes:
        fields = [
            self._part(f'name="{name}"') + value.encode() + b"\r\n" for name, value in self._fields.items()
        ]
        head = self._part(f'name="file"; filename="{self._file_name}"', self._content_type)
        return b"".join([*fields, head])

    @property
    def _after(self) -> bytes:
        return f"\r\n--{self._boundary}--\r\n".encode()

    def _part(self, disposition: str, content_type: str | None = None) -> bytes:
        kind = "" if content_type is None else f"Content-Type: {content_type}\r\n"
        return f"--{self._boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{kind}\r\n".encode()
