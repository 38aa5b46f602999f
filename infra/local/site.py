"""The front end as a content delivery network would serve it: files, and the index for every page of the app.

docs/decisions/0023 says what the headers are for.
"""

import gzip
import hashlib
import mimetypes
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

BUILT = Path(__file__).resolve().parents[2] / "build" / "frontend"
NOT_BUILT = "The front end is not built here: install Node 20.19 or newer and run `make frontend`."

_FOREVER = "public, max-age=31536000, immutable"  # its name changes with its content
_ASKED_FOR = "no-cache"
# What belongs to others: an address there that nobody answers is a mistake, and no page of the app.
_OTHERS = ("/v1/", "/webhooks/", "/files/", "/simulators/", "/assets/", "/u/")

Headers = list[tuple[bytes, bytes]]


def policy(files: str = "") -> str:
    """The content security policy: our own files and API, nothing inline, nothing foreign but `files`."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' {files}".rstrip(),
            f"media-src 'self' {files}".rstrip(),
            f"connect-src 'self' {files}".rstrip(),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def headers(files: str = "", *, encrypted: bool) -> dict[str, str]:
    """What every answer carries. `files` is the origin of a bucket, `encrypted` whether the app's address is https."""
    told = {
        "content-security-policy": policy(files),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    if encrypted:
        told["strict-transport-security"] = "max-age=63072000; includeSubDomains"
    return told


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    packed: bytes | None  # by gzip, where that is shorter
    headers: Headers
    tag: bytes


class Site:
    """ASGI application for what no function answers. Holds the files in memory: they are few and small."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        address = urlsplit(environment.get("LEADSRALLY_APP_URL", ""))
        common = headers(_files_origin(environment), encrypted=address.scheme == "https")
        self._files = {
            f"/{path.relative_to(folder).as_posix()}": _read(path, common)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        self._index = self._files.pop("/index.html", None)
        self._home = address.netloc.encode()
        self._address = f"{address.scheme}://{address.netloc}".encode()

    @property
    def built(self) -> bool:
        return self._index is not None

    def serves(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether this is one of the files or a page of the app."""
        path: str = scope["path"]
        if scope["method"] not in ("GET", "HEAD") or not self.built:
            return False
        return path in self._files or not (path.startswith(_OTHERS) or "." in path.rpartition("/")[2])

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        asked = dict(scope["headers"])
        found = self._files.get(scope["path"], self._index)
        if found is None:
            raise RuntimeError("ask `serves` first")
        if found is self._index and asked.get(b"host") != self._home and self._home:
            # Sessions belong to one origin, so that is where people have to be.
            await _answer(send, 307, [(b"location", self._address + scope["raw_path"])], b"")
        elif found.tag in asked.get(b"if-none-match", b""):
            await _answer(send, 304, found.headers, b"")
        else:
            packed = found.packed if b"gzip" in asked.get(b"accept-encoding", b"") else None
            body = found.body if packed is None else packed
            told = [*found.headers, (b"content-length", str(len(body)).encode())]
            if packed is not None:
                told.append((b"content-encoding", b"gzip"))
            await _answer(send, 200, told, b"" if scope["method"] == "HEAD" else body)


async def _answer(send: Send, status: int, told: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def _files_origin(environment: Mapping[str, str]) -> str:
    """Where a bucket's links lead; the host's own folder is our origin."""
    bucket, region = environment.get("LEADSRALLY_BUCKET"), environment.get("AWS_REGION")
    return f"https://{bucket}.s3.{region}.amazonaws.com" if bucket and region else ""


def _read(path: Path, common: Mapping[str, str]) -> _File:
    body = path.read_bytes()
    packed = gzip.compress(body, mtime=0)
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    told = {
        **common,
        "cache-control": _FOREVER if path.parent.name == "assets" else _ASKED_FOR,
        "content-type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        "etag": tag,
        "vary": "accept-encoding",
    }
    return _File(
        body,
        packed if len(packed) < len(body) else None,
        [(name.encode(), value.encode()) for name, value in told.items()],
        tag.encode(),
    )


if (
    __name__ == "__main__"
):  # for a content delivery network: the headers, given the origin of the bucket of files
    for name, value in headers(" ".join(sys.argv[1:]), encrypted=True).items():
        print(f"{name}: {value}")
