"""Files of messages: the Media subresource, and the media servers that it sends on to.

https://www.twilio.com/docs/messaging/api/media-resource and https://help.twilio.com/articles/223183748: the
resource wants the account's credentials and answers with a redirect to an address that is good by itself.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.simulators.twilio.accounts import TwilioAccount, new_sid
from infra.simulators.twilio.errors import Refused
from infra.simulators.twilio.messages import API_VERSION, now, rfc2822
from infra.simulators.twilio.rest import BASE, authenticated

LARGEST = (
    5 * 1024 * 1024
)  # of a message that is sent; https://www.twilio.com/docs/messaging/guides/accepted-mime-types


@dataclass(frozen=True)
class File:
    account_sid: str
    message_sid: str
    content_type: str
    data: bytes = field(repr=False)
    sid: str = field(default_factory=lambda: new_sid("ME"))
    created: datetime = field(default_factory=now)

    @property
    def path(self) -> str:
        """Below the API's address, as a webhook's MediaUrl has it."""
        return f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.message_sid}/Media/{self.sid}"

    @property
    def served_at(self) -> str:
        """Below the media servers' address. Nobody can guess it."""
        return f"/media-server/{self.account_sid}/{hashlib.sha256(self.sid.encode()).hexdigest()[:32]}"

    def as_json(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "parent_sid": self.message_sid,
            "content_type": self.content_type,
            "date_created": rfc2822(self.created),
            "date_updated": rfc2822(self.created),
            "uri": f"{self.path}.json",
        }


class Shelf:
    """The newest files of all accounts."""

    def __init__(self, keep: int = 200) -> None:
        self._keep = keep
        self._by_sid: dict[str, File] = {}

    def add(self, file: File) -> File:
        self._by_sid[file.sid] = file
        while len(self._by_sid) > self._keep:
            del self._by_sid[next(iter(self._by_sid))]
        return file

    def get(self, sid: str) -> File | None:
        return self._by_sid.get(sid)

    def of_message(self, account_sid: str, message_sid: str) -> list[File]:
        return [
            file
            for file in self._by_sid.values()
            if (file.account_sid, file.message_sid) == (account_sid, message_sid)
        ]

    def served_at(self, path: str) -> File | None:
        return next((file for file in self._by_sid.values() if file.served_at == path), None)

    def remove(self, file: File) -> None:
        self._by_sid.pop(file.sid, None)


def base_url(request: Request) -> str:
    """The simulator's own address, as the caller wrote it."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def routes(accounts: Mapping[str, TwilioAccount], shelf: Shelf) -> list[Route]:
    def found(request: Request) -> File:
        account = authenticated(accounts, request)
        file = shelf.get(request.path_params["sid"])
        place = (account.sid, request.path_params["message_sid"])
        if file is None or (file.account_sid, file.message_sid) != place:
            raise Refused(20404, request.url.path)
        return file

    async def list_(request: Request) -> Response:
        account = authenticated(accounts, request)
        files = shelf.of_message(account.sid, request.path_params["message_sid"])
        return JSONResponse({"media_list": [file.as_json() for file in files], "page": 0, "page_size": 50})

    async def one(request: Request) -> Response:
        file = found(request)
        if request.method == "DELETE":
            shelf.remove(file)
            return Response(status_code=204)
        return JSONResponse(file.as_json())

    async def raw(request: Request) -> Response:
        return RedirectResponse(f"{base_url(request)}{found(request).served_at}?Signature=simulated", 307)

    async def served(request: Request) -> Response:
        if "authorization" in request.headers:
            # As S3 does with two ways to sign in: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
            return PlainTextResponse("Only one auth mechanism allowed", 400)
        path = request.url.path.removeprefix(str(request.scope.get("root_path", "")))
        file = shelf.served_at(path)
        if file is None or "Signature" not in request.query_params:
            return PlainTextResponse("AccessDenied", 403)
        return Response(file.data, media_type=file.content_type)

    media = f"{BASE}/Messages/{{message_sid}}/Media"
    return [
        Route(f"{media}.json", list_, methods=["GET"]),
        Route(f"{media}/{{sid}}.json", one, methods=["GET", "DELETE"]),
        Route(f"{media}/{{sid}}", raw, methods=["GET"]),
        Route("/media-server/{account_sid}/{name}", served, methods=["GET"]),
    ]
