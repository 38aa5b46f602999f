"""What S3 does on AWS: gives a file of the folder to whoever has a genuine link, and takes one (docs/decisions/0013)."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from infra.local.secrets import HOME
from leadsrally.kit.clock import system_clock
from leadsrally.kit.errors import HTTP_STATUS, Conflict, Forbidden, Invalid, LeadsRallyError
from leadsrally.kit.gateway import problem_of
from leadsrally.kit.settings import Settings
from leadsrally.kit.storage import disposition, no_such_file
from leadsrally.providers.storage.folder import LINK_PATH, FolderLinks, FolderStorage
from leadsrally.runtime import folder_links

_HEADERS = {
    "cache-control": "private, no-store",
    "x-content-type-options": "nosniff",
    # Should a browser ever show the file in spite of all: no script, no request, no origin of ours.
    "content-security-policy": "default-src 'none'; sandbox",
    "referrer-policy": "no-referrer",
}


STORAGE = HOME / "storage"  # of `make up`


def mounted(environment: Mapping[str, str]) -> dict[str, "Files"]:
    """What this host serves of the folder; nothing when files are in a bucket, which serves them itself."""
    if environment.get("LEADSRALLY_BUCKET") or not environment.get("LEADSRALLY_STORAGE_DIR"):
        return {}
    links = folder_links(Settings(environment), system_clock)
    return {LINK_PATH: Files(FolderStorage(Path(environment["LEADSRALLY_STORAGE_DIR"])), links)}


class Files:
    """ASGI application for `GET` and `PUT /files/{token}`, streamed; with ranges, so that a film can be wound on."""

    def __init__(self, storage: FolderStorage, links: FolderLinks) -> None:
        self._storage = storage
        self._links = links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._take(scope, receive) if scope["method"] == "PUT" else self._answer(scope)
        await answer(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive) -> Response:
        try:
            awaited = self._links.read_upload(scope["path"].removeprefix(LINK_PATH))
            body = _arriving(receive, asyncio.get_running_loop(), awaited.size)
            await asyncio.to_thread(self._storage.put_first, awaited.key, body)
        except Conflict as error:
            return _problem(error, 412)  # as S3 says it
        except LeadsRallyError as error:
            return _problem(error)
        return Response(status_code=200)

    def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"allow": "GET, HEAD, PUT"})
        try:
            linked = self._links.read(scope["path"].removeprefix(LINK_PATH))
        except Forbidden as error:
            return _problem(error)
        path = self._storage.path(linked.key)
        if not path.is_file():
            return _problem(no_such_file())
        return FileResponse(
            path,
            media_type=linked.content_type,
            headers={**_HEADERS, "content-disposition": disposition(linked.file_name)},
        )


def _arriving(receive: Receive, loop: asyncio.AbstractEventLoop, size: int) -> Iterator[bytes]:
    """The body of a request, piece by piece, for a thread. Raises `Invalid` when it is not of this size."""
    more = True
    while more:
        message = asyncio.run_coroutine_threadsafe(receive(), loop).result()
        chunk: bytes = message.get("body", b"")
        size -= len(chunk)
        more = message["type"] == "http.request" and message.get("more_body", False)
        if size < 0:
            break
        yield chunk
    if size != 0:
        raise Invalid(
            "The file has not the size that was announced. Ask for a new address.", code="wrong_size"
        )


def _problem(error: LeadsRallyError, status: int | None = None) -> Response:
    return Response(
        json.dumps(problem_of(error)),
        status or HTTP_STATUS[error.kind],
        headers={"cache-control": "no-store"},
        media_type="application/problem+json",
    )
