"""What S3 does on AWS: gives a file of the folder to whoever has a genuine link (docs/decisions/0013)."""

import json
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from infra.local.secrets import HOME
from leadsrally.kit.clock import system_clock
from leadsrally.kit.errors import HTTP_STATUS, Forbidden, LeadsRallyError
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
    """ASGI application for `GET /files/{token}`, streamed and with ranges, so that a film can be wound on."""

    def __init__(self, storage: FolderStorage, links: FolderLinks) -> None:
        self._storage = storage
        self._links = links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"allow": "GET, HEAD"})
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


def _problem(error: LeadsRallyError) -> Response:
    return Response(
        json.dumps(problem_of(error)),
        HTTP_STATUS[error.kind],
        headers={"cache-control": "no-store"},
        media_type="application/problem+json",
    )
