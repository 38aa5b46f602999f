"""Stage directions: what a test or the phone page tells the simulator, below `_sim/`.

GET    _sim/phones                    {phones: [{number, opted_out, opted_out_of, messages}], numbers}
POST   _sim/phones                    {number}: a new phone;  DELETE empties them all
POST   _sim/phones/{number}/text      {to, body, media?, …} (see Text): the phone texts one of our numbers. A
                                      file of `media` is an address, or {content_type, data} in base64
GET    _sim/media/{sid}               such a file, for the phone page, without the account's credentials
POST   _sim/phones/{number}/opt-out   {opted_out, to?}: opted out at the carrier, without a word to us
POST   _sim/accounts/{sid}/secondary-token   makes one and shows it: it signs in and does not sign webhooks
POST   _sim/accounts/{sid}/promote           the secondary token takes the place of the first
GET    _sim/callbacks                 the status callbacks made, oldest first
POST   _sim/callbacks                 {order, delay, duplicate, error_code, …} (see CallbackOrder)
DELETE _sim/callbacks                 forget both
"""

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.simulators.faults import BadOrder
from infra.simulators.twilio import signing
from infra.simulators.twilio.accounts import TwilioAccount, new_sid
from infra.simulators.twilio.callbacks import CallbackDesk
from infra.simulators.twilio.handsets import Bubble, Handsets
from infra.simulators.twilio.inbound import Inbox, Text
from infra.simulators.twilio.media import LARGEST, File, Shelf, base_url
from infra.simulators.twilio.messages import MessageBook
from infra.simulators.twilio.sending import opt_out_scope


class Stage:
    def __init__(
        self,
        accounts: Mapping[str, TwilioAccount],
        book: MessageBook,
        handsets: Handsets,
        callbacks: CallbackDesk,
        inbox: Inbox,
        shelf: Shelf,
    ) -> None:
        self.accounts = accounts
        self.book = book
        self.handsets = handsets
        self.callbacks = callbacks
        self.inbox = inbox
        self.shelf = shelf

    def routes(self) -> list[Route]:
        return [
            Route("/_sim/phones", self._show, methods=["GET"]),
            Route("/_sim/phones", self._add, methods=["POST"]),
            Route("/_sim/phones", self._empty, methods=["DELETE"]),
            Route("/_sim/phones/{number}/text", self._text, methods=["POST"]),
            Route("/_sim/phones/{number}/opt-out", self._opt_out, methods=["POST"]),
            Route("/_sim/media/{sid}", self._file, methods=["GET"]),
            Route("/_sim/accounts/{sid}/secondary-token", self._secondary_token, methods=["POST"]),
            Route("/_sim/accounts/{sid}/promote", self._promote, methods=["POST"]),
            Route("/_sim/callbacks", self._callbacks_made, methods=["GET"]),
            Route("/_sim/callbacks", self._order_callbacks, methods=["POST"]),
            Route("/_sim/callbacks", self._forget_callbacks, methods=["DELETE"]),
        ]

    async def _show(self, _: Request) -> Response:
        return JSONResponse(
            {
                "phones": [self._phone(number) for number in self.handsets.numbers()],
                "numbers": [
                    {
                        "number": owned.number,
                        "friendly_name": owned.friendly_name,
                        "account_sid": account.sid,
                        "sms_url": owned.sms_url,
                    }
                    for account in self.accounts.values()
                    for owned in account.numbers
                ],
            }
        )

    async def _add(self, request: Request) -> Response:
        number = (await _json(request)).get("number")
        if not isinstance(number, str) or not number:
            return _problem("Say which number the new phone has.")
        self.handsets.of(_number(number))
        return JSONResponse(self._phone(_number(number)), 201)

    async def _empty(self, _: Request) -> Response:
        self.handsets.clear()
        return Response(status_code=204)

    async def _text(self, request: Request) -> Response:
        order = await _json(request)
        numbers = [owned.number for account in self.accounts.values() for owned in account.numbers]
        to = order.get("to") or (numbers[0] if len(numbers) == 1 else "")
        owner = self.inbox.owner(_number(str(to)))
        if owner is None:
            return _problem(f"No account here owns {to or 'that number'}.", 404)
        account, number = owner
        try:
            order = self._keep_files(order, account, base_url(request))
            text = _parsed(order, number.number, account)
        except (TypeError, ValueError, KeyError, AttributeError) as problem:
            return _problem(f"Not an order for a text: {problem}")
        phone = _number(request.path_params["number"])
        return JSONResponse(await self.inbox.receive(phone, text, account, number))

    def _keep_files(self, order: dict[str, Any], account: TwilioAccount, base: str) -> dict[str, Any]:
        """The order with an address in place of each file it brings."""
        given = order.get("media") or ()
        if not any(isinstance(item, dict) and "data" in item for item in given):
            return order
        message_sid = order.get("message_sid") or new_sid("MM")
        media: list[Any] = []
        for item in given:
            if isinstance(item, dict) and "data" in item:
                data = base64.b64decode(item["data"], validate=True)
                if len(data) > LARGEST:
                    raise ValueError("a file has at most 5 MB.")
                file = self.shelf.add(File(account.sid, message_sid, item["content_type"], data))
                media.append({"url": f"{base}{file.path}", "content_type": file.content_type})
            else:
                media.append(item)
        return {**order, "message_sid": message_sid, "media": media}

    async def _file(self, request: Request) -> Response:
        file = self.shelf.get(request.path_params["sid"])
        if file is None:
            return Response(status_code=404)
        headers = {
            "content-security-policy": "default-src 'none'; sandbox",
            "x-content-type-options": "nosniff",
        }
        return Response(file.data, media_type=file.content_type, headers=headers)

    async def _opt_out(self, request: Request) -> Response:
        order = await _json(request)
        opted_out = order.get("opted_out")
        if not isinstance(opted_out, bool):
            return _problem("`opted_out` is true or false.")
        phone = _number(request.path_params["number"])
        wanted = _number(order["to"]) if order.get("to") else None
        self.handsets.of(phone)
        for account in self.accounts.values():
            for owned in account.numbers:
                if wanted in (None, owned.number):
                    self.handsets.set_opted_out(phone, opt_out_scope(account, owned.number), opted_out)
        return JSONResponse(self._phone(phone))

    async def _secondary_token(self, request: Request) -> Response:
        account = self.accounts.get(request.path_params["sid"])
        if account is None:
            return _problem("There is no such account.", 404)
        account.secondary_token = secrets.token_hex(16)
        return JSONResponse({"secondary_auth_token": account.secondary_token}, 201)

    async def _promote(self, request: Request) -> Response:
        account = self.accounts.get(request.path_params["sid"])
        if account is None or account.secondary_token is None:
            return _problem("There is no secondary token to promote.", 404)
        account.auth_token, account.secondary_token = account.secondary_token, None
        return Response(status_code=204)

    async def _callbacks_made(self, _: Request) -> Response:
        return JSONResponse(list(self.callbacks.history))

    async def _order_callbacks(self, request: Request) -> Response:
        try:
            return JSONResponse({"open": self.callbacks.orders.add(json.loads(await request.body()))})
        except (BadOrder, TypeError, ValueError) as problem:
            return _problem(str(problem))

    async def _forget_callbacks(self, _: Request) -> Response:
        self.callbacks.clear()
        return Response(status_code=204)

    def _phone(self, number: str) -> dict[str, Any]:
        scopes = self.handsets.scopes_opted_out(number)
        return {
            "number": number,
            "opted_out": bool(scopes),
            "opted_out_of": [
                owned.number
                for account in self.accounts.values()
                for owned in account.numbers
                if opt_out_scope(account, owned.number) in scopes
            ],
            "messages": [self._bubble(bubble) for bubble in self.handsets.of(number)],
        }

    def _bubble(self, bubble: Bubble) -> dict[str, Any]:
        record = next((m for sid in self.accounts if (m := self.book.get(sid, bubble.sid)) is not None), None)
        return {
            **bubble.as_json(),
            "status": record.status if record else None,
            "error_code": record.error_code if record else None,
        }


def _parsed(order: Mapping[str, Any], to: str, account: TwilioAccount) -> Text:
    algorithm = order.get("algorithm")
    if algorithm not in (None, signing.HMAC_SHA1, signing.HMAC_SHA256):
        raise ValueError(f"`algorithm` is {signing.HMAC_SHA1} or {signing.HMAC_SHA256}.")
    if algorithm == signing.HMAC_SHA256 and not account.shared_keys:
        raise ValueError("the account has no shared key to sign with SHA-256.")
    body, media = order.get("body"), [_media(item) for item in order.get("media") or ()]
    if body is None and not media:
        raise ValueError("a text has a body or media.")
    return Text(
        to=to,
        body=body,
        media=media,
        message_sid=order.get("message_sid"),
        opt_out_type=order.get("opt_out_type"),
        times=max(int(order.get("times", 1)), 1),
        together=bool(order.get("together", False)),
        algorithm=algorithm,
        params={str(name): str(value) for name, value in (order.get("params") or {}).items()},
    )


async def _json(request: Request) -> dict[str, Any]:
    try:
        order = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return order if isinstance(order, dict) else {}


def _problem(sentence: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"problem": sentence}, status)


def _number(written: str) -> str:
    """`15005550010` in an address means +15005550010; short codes and `whatsapp:+1…` stay as they are."""
    return f"+{written}" if written.isdigit() and len(written) > 6 else written


def _media(item: Any) -> tuple[str, str]:
    if isinstance(item, str):
        return item, "image/jpeg"
    return item["url"], item.get("content_type", "image/jpeg")
