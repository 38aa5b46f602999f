"""Stage directions: what a test or the phone page tells the simulator, below `_sim/`."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.simulators.twilio import signing
from infra.simulators.twilio.accounts import TwilioAccount
from infra.simulators.twilio.callbacks import BadOrder, CallbackDesk
from infra.simulators.twilio.handsets import Bubble, Handsets
from infra.simulators.twilio.inbound import Inbox, Text
from infra.simulators.twilio.messages import MessageBook
from infra.simulators.twilio.sending import opt_out_scope


def routes(
    accounts: Mapping[str, TwilioAccount],
    book: MessageBook,
    handsets: Handsets,
    callbacks: CallbackDesk,
    inbox: Inbox,
) -> list[Route]:
    async def phones(request: Request) -> Response:
        match request.method:
            case "DELETE":
                handsets.clear()
                return Response(status_code=204)
            case "POST":
                number = (await _json(request)).get("number")
                if not isinstance(number, str) or not number:
                    return _problem("Say which number the new phone has.")
                handsets.of(_number(number))
        return JSONResponse(
            {
                "phones": [_phone(number) for number in handsets.numbers()],
                "numbers": [
                    {
                        "number": owned.number,
                        "friendly_name": owned.friendly_name,
                        "account_sid": account.sid,
                        "sms_url": owned.sms_url,
                    }
                    for account in accounts.values()
                    for owned in account.numbers
                ],
            }
        )

    def _phone(number: str) -> dict[str, Any]:
        scopes = handsets.scopes_opted_out(number)
        return {
            "number": number,
            "opted_out": bool(scopes),
            "opted_out_of": [
                owned.number
                for account in accounts.values()
                for owned in account.numbers
                if opt_out_scope(account, owned.number) in scopes
            ],
            "messages": [_bubble(bubble) for bubble in handsets.of(number)],
        }

    def _bubble(bubble: Bubble) -> dict[str, Any]:
        record = next(
            (m for a in accounts if (m := book.get(a, bubble.sid)) is not None),
            None,
        )
        return {
            **bubble.as_json(),
            "status": record.status if record else None,
            "error_code": record.error_code if record else None,
        }

    async def text(request: Request) -> Response:
        order = await _json(request)
        owned_numbers = [n.number for a in accounts.values() for n in a.numbers]
        to = order.get("to") or (owned_numbers[0] if len(owned_numbers) == 1 else "")
        owner = inbox.owner(_number(to))
        if owner is None:
            return _problem(f"No account here owns {to or 'that number'}.", 404)
        account, number = owner
        algorithm = order.get("algorithm")
        if algorithm not in (None, signing.HMAC_SHA1, signing.HMAC_SHA256):
            return _problem(f"`algorithm` is {signing.HMAC_SHA1} or {signing.HMAC_SHA256}.")
        if algorithm == signing.HMAC_SHA256 and not account.shared_keys:
            return _problem("The account has no shared key to sign with SHA-256.")
        try:
            asked = Text(
                to=number.number,
                body=order.get("body"),
                media=[_media(item) for item in order.get("media") or ()],
                message_sid=order.get("message_sid"),
                opt_out_type=order.get("opt_out_type"),
                times=max(int(order.get("times", 1)), 1),
                together=bool(order.get("together", False)),
                algorithm=algorithm,
                params={str(k): str(v) for k, v in (order.get("params") or {}).items()},
            )
        except (TypeError, ValueError, KeyError, AttributeError) as problem:
            return _problem(f"Not an order for a text: {problem!r}")
        if asked.body is None and not asked.media:
            return _problem("A text has a body or media.")
        return JSONResponse(
            await inbox.receive(_number(request.path_params["number"]), asked, account, number)
        )

    async def opt_out(request: Request) -> Response:
        order = await _json(request)
        opted_out = order.get("opted_out")
        if not isinstance(opted_out, bool):
            return _problem("`opted_out` is true or false.")
        phone = _number(request.path_params["number"])
        wanted = _number(order["to"]) if order.get("to") else None
        handsets.of(phone)
        for account in accounts.values():
            for owned in account.numbers:
                if wanted in (None, owned.number):
                    handsets.set_opted_out(phone, opt_out_scope(account, owned.number), opted_out)
        return JSONResponse(_phone(phone))

    async def callback_orders(request: Request) -> Response:
        match request.method:
            case "GET":
                return JSONResponse(list(callbacks.history))
            case "DELETE":
                callbacks.clear()
                return Response(status_code=204)
        try:
            return JSONResponse({"open": callbacks.add(json.loads(await request.body()))})
        except (BadOrder, TypeError, ValueError) as problem:
            return _problem(str(problem))

    return [
        Route("/_sim/phones", phones, methods=["GET", "POST", "DELETE"]),
        Route("/_sim/phones/{number}/text", text, methods=["POST"]),
        Route("/_sim/phones/{number}/opt-out", opt_out, methods=["POST"]),
        Route("/_sim/callbacks", callback_orders, methods=["GET", "POST", "DELETE"]),
    ]


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
    return (
        (item, "image/jpeg")
        if isinstance(item, str)
        else (item["url"], item.get("content_type", "image/jpeg"))
    )
