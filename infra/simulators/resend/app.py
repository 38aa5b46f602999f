"""The Resend simulator: takes mails from the SDK, keeps them to be read, and tells what became of them.

POST   {base}/emails                  as https://resend.com/docs/api-reference/emails/send-email, Idempotency-Key too
DELETE {base}/suppressions/{address}  as https://resend.com/docs/api-reference/suppressions
GET    {base}/_sim/mails              newest first; DELETE throws them away
GET    {base}/_sim/mails/{id}         one with its words; …/html as a page that can run nothing
POST   {base}/_sim/mails/{id}/events  {event, details?, event_id?, times?}: this happens to it now
GET    {base}/_sim/webhooks           what the webhook was told, each attempt with its status
"""

import asyncio
import json
import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from infra.simulators.recorder import Recorder
from infra.simulators.resend.errors import Refused, error_for
from infra.simulators.resend.mailbox import DETAILS, Letter, Mailbox
from infra.simulators.resend.webhooks import PAUSES, Endpoint, Teller

EVENTS = frozenset(
    {"sent", "delivered", "delivery_delayed", "bounced", "complained", "suppressed", "failed", "opened"}
)
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+")
_NAMED = re.compile(r"[^<>\r\n]*<([^<>]+)>")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_KEY_LIVES = 24 * 3600.0
# A mail is somebody's text: it may look as it likes, and open links in windows of their own.
_HARMLESS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class ResendSimulator:
    """ASGI application. Give the SDK its address: `resend.api_url = "http://127.0.0.1:8000/simulators/resend"`.

    `api_keys` None accepts any key. `endpoint` is where events go (None: nowhere). `pause` is the time before
    each event that happens by itself; None: nothing happens by itself.
    """

    def __init__(
        self,
        api_keys: Iterable[str] | None = None,
        *,
        endpoint: Endpoint | None = None,
        pause: float | None = 0.3,
        retries: Sequence[float] = PAUSES,
    ) -> None:
        self.api_keys = None if api_keys is None else frozenset(api_keys)
        self.mailbox = Mailbox()
        self.teller = Teller(endpoint, pauses=retries)
        self.pause = pause
        self._answered: dict[str, tuple[float, str, dict[str, str]]] = {}
        self.recorder = Recorder(
            Starlette(
                routes=[
                    Route("/emails", self._send, methods=["POST"]),
                    Route("/suppressions/{address:path}", self._allow, methods=["DELETE"]),
                    Route("/_sim/mails", self._list, methods=["GET"]),
                    Route("/_sim/mails", self._empty, methods=["DELETE"]),
                    Route("/_sim/mails/{id}", self._open, methods=["GET"]),
                    Route("/_sim/mails/{id}/html", self._page, methods=["GET"]),
                    Route("/_sim/mails/{id}/events", self._happen, methods=["POST"]),
                    Route("/_sim/webhooks", self._told, methods=["GET"]),
                ],
                exception_handlers={Refused: _refused, 404: _not_found, 405: _not_found},
            ),
            error_for=error_for,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.recorder(scope, receive, send)

    def forget(self) -> None:
        """As if nothing had ever been sent."""
        self.recorder.forget()
        self.mailbox = Mailbox()
        self.teller.history.clear()
        self._answered.clear()

    # -- as the provider answers ----------------------------------------------------------------------------

    async def _send(self, request: Request) -> Response:
        self._authenticate(request)
        try:
            mail = json.loads(await request.body())
        except ValueError:
            raise Refused(400, "The request body is not valid JSON.") from None
        key = request.headers.get("idempotency-key")
        if key is None:
            return JSONResponse(self._take(mail))
        if not 1 <= len(key) <= 256:
            raise Refused(400, "The key must be between 1 and 256 characters.", "invalid_idempotency_key")
        words = json.dumps(mail, sort_keys=True)
        at, earlier, answer = self._answered.get(key, (0.0, "", {}))
        if not answer or time.time() - at > _KEY_LIVES:
            answer = self._take(mail)
            self._answered[key] = (time.time(), words, answer)
        elif words != earlier:
            raise Refused(409, "This key was used with another payload.", "invalid_idempotent_request")
        return JSONResponse(answer)

    def _authenticate(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Refused(401, "Missing API key in the authorization header.")
        if self.api_keys is not None and key not in self.api_keys:
            raise Refused(403, "API key is invalid.")

    def _take(self, mail: Any) -> dict[str, str]:
        if not isinstance(mail, dict):
            raise Refused(422, "The body is an object.")
        for name in ("from", "to", "subject"):
            if not mail.get(name):
                raise Refused(422, f"Missing `{name}` field.", "missing_required_field")
        if not (mail.get("html") or mail.get("text")):
            raise Refused(422, "Missing `html` or `text` field.", "missing_required_field")
        to = [mail["to"]] if isinstance(mail["to"], str) else mail["to"]
        for name, addresses in (("from", [mail["from"]]), ("to", to)):
            if not 1 <= len(addresses) <= 50 or not all(map(_is_address, addresses)):
                raise Refused(
                    422, f"Invalid `{name}` field. Use `email@example.com` or `Name <email@example.com>`."
                )
        tags = {tag["name"]: tag["value"] for tag in mail.get("tags") or ()}
        if not all(_TAG.fullmatch(text) for pair in tags.items() for text in pair):
            raise Refused(422, "Tags should only contain ASCII letters, numbers, underscores, or dashes.")
        letter = Letter(
            sender=mail["from"],
            to=", ".join(to),
            subject=mail["subject"],
            text=mail.get("text") or "",
            html=mail.get("html") or "",
            reply_to=[mail["reply_to"]]
            if isinstance(mail.get("reply_to"), str)
            else mail.get("reply_to") or [],
            headers=mail.get("headers") or {},
            tags=tags,
        )
        self.mailbox.letters.append(letter)
        if self.pause is not None:
            self.teller.later(self._live(letter, self.pause))
        return {"id": letter.id}

    async def _live(self, letter: Letter, pause: float) -> None:
        """The usual life of a mail at its address."""
        for event in self.mailbox.fate(letter.to):
            await asyncio.sleep(pause)
            await self._happens(letter, event, DETAILS.get(event, {}))

    async def _happens(
        self, letter: Letter, event: str, details: Any, *, event_id: str | None = None
    ) -> dict[str, Any] | None:
        self.mailbox.note(letter, event, details)
        told = {
            "type": f"email.{event}",
            "created_at": datetime.now(UTC).isoformat(),
            "data": {
                "email_id": letter.id,
                "message_id": f"<{letter.id}@email.example>",
                "created_at": letter.at.isoformat(),
                "from": letter.sender,
                "to": [letter.to],
                "subject": letter.subject,
                "tags": letter.tags,
                **details,
            },
        }
        return await self.teller.tell(told, event_id)

    async def _allow(self, request: Request) -> Response:
        self._authenticate(request)
        removed = self.mailbox.suppressed.pop(request.path_params["address"].lower(), None)
        if removed is None:
            raise Refused(404, "Suppression not found")
        return JSONResponse({"object": "suppression", "id": removed, "deleted": True})

    # -- stage directions -----------------------------------------------------------------------------------

    async def _list(self, _: Request) -> Response:
        return JSONResponse([letter.as_json() for letter in reversed(self.mailbox.letters)])

    async def _empty(self, _: Request) -> Response:
        self.mailbox.letters.clear()
        return Response(status_code=204)

    async def _open(self, request: Request) -> Response:
        return JSONResponse(self._letter(request).as_json(whole=True))

    async def _page(self, request: Request) -> Response:
        page = self._letter(request).html.replace("<head>", '<head><base target="_blank">', 1)
        return HTMLResponse(page, headers=_HARMLESS)

    async def _happen(self, request: Request) -> Response:
        letter = self._letter(request)
        order = json.loads(await request.body())
        if order.get("event") not in EVENTS:
            return JSONResponse({"problem": f"`event` is one of {', '.join(sorted(EVENTS))}."}, 400)
        details = order.get("details", DETAILS.get(order["event"], {}))
        event_id = order.get("event_id")
        attempts = []
        for _ in range(int(order.get("times", 1))):
            attempt = await self._happens(letter, order["event"], details, event_id=event_id)
            event_id = attempt["id"] if attempt else None
            attempts.append(attempt)
        return JSONResponse(attempts)

    async def _told(self, _: Request) -> Response:
        return JSONResponse(list(self.teller.history))

    def _letter(self, request: Request) -> Letter:
        letter = self.mailbox.find(request.path_params["id"])
        if letter is None:
            raise Refused(404, "There is no such mail.")
        return letter


def _is_address(text: Any) -> bool:
    named = _NAMED.fullmatch(text) if isinstance(text, str) else None
    return isinstance(text, str) and _ADDRESS.fullmatch(named[1] if named else text) is not None


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refused)
    return refusal.response()


async def _not_found(_: Request, __: Exception) -> Response:
    return error_for(404)
