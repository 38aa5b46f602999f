"""A simulated Meta with one app, and a webhook that remembers what it was told, byte for byte."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.simulators.meta import LeadForm, MetaApp, Page, Template, Token, Waba, WhatsAppNumber

APP_ID, SECRET, TOKEN = "670843887433847", "meta-app-secret-for-tests", "EAAGtestPageToken0001"
WABA_ID, NUMBER_ID, NUMBER = "102290129340398", "106540352242922", "+15005550020"
PAGE_ID, FORM_ID = "150000000000001", "250000000000001"
PERSON, WA_ID = "+12025550111", "12025550111"
VERIFY = "verify-token-for-tests"

BODY = {"type": "BODY", "text": "Hi {{1}}, your {{2}} is ready."}


def templates() -> list[Template]:
    sale = [
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "All bikes are 20 % off."},
        {"type": "FOOTER", "text": "You asked for offers."},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Stop promotions"},
                {"type": "URL", "text": "See", "url": "https://harbour.example/{{1}}"},
            ],
        },
    ]
    named = [{"type": "BODY", "text": "See you on {{day}}, {{first_name}}!"}]
    return [
        Template("ready", "en_US", "UTILITY", [BODY]),
        Template("ready", "es", "UTILITY", [{"type": "BODY", "text": "Hola {{1}}, tu {{2}} está lista."}]),
        Template("sale", "en_US", "MARKETING", sale),
        Template("visit", "en_US", "UTILITY", named, parameter_format="NAMED"),
        Template("paused", "en_US", "MARKETING", [BODY], "PAUSED"),
        Template("disabled", "en_US", "MARKETING", [BODY], "DISABLED"),
        Template("pending", "en_US", "MARKETING", [BODY], "PENDING"),
    ]


def app(callback_url: str = "") -> MetaApp:
    form = LeadForm(
        FORM_ID,
        "Test ride",
        [
            {"key": "full_name", "label": "Full name", "type": "FULL_NAME"},
            {"key": "phone_number", "label": "Phone", "type": "PHONE"},
            {"key": "which_bike", "label": "Which bike?", "type": "CUSTOM"},
        ],
        disclaimer="I agree to be contacted by Harbour Bikes.",
    )
    return MetaApp(
        APP_ID,
        SECRET,
        [Token(TOKEN)],
        callback_url=callback_url,
        verify_token=VERIFY,
        wabas=[Waba(WABA_ID, [WhatsAppNumber(NUMBER_ID, NUMBER, "Harbour Bikes")], templates())],
        pages=[Page(PAGE_ID, "Harbour Bikes", [form])],
    )


@dataclass
class Told:
    headers: dict[str, str]
    raw: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.raw)

    @property
    def value(self) -> Any:
        return self.document["entry"][0]["changes"][0]["value"]


@dataclass
class Webhook:
    """Answers what it was told to, newest order first; remembers everything."""

    told: list[Told] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    delay: float = 0.0

    def __post_init__(self) -> None:
        self._arrived = threading.Condition()
        # Of its own, so that what a test before this one left running is told to nobody.
        self.path = f"/hook/{uuid4()}"
        self.app = Starlette(routes=[Route(self.path, self._receive, methods=["GET", "POST"])])

    async def _receive(self, request: Request) -> Response:
        if request.method == "GET":
            query = request.query_params
            right = query.get("hub.verify_token") == VERIFY
            return PlainTextResponse(query["hub.challenge"] if right else "", 200 if right else 403)
        raw = await request.body()
        with self._arrived:
            self.told.append(Told(dict(request.headers), raw))
            self._arrived.notify_all()
        await asyncio.sleep(self.delay)
        return Response(status_code=self.answers.pop(0) if self.answers else 200)

    def wait_for(self, count: int, seconds: float = 5.0) -> list[Told]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.told) >= count, seconds), self.told
            return list(self.told)

    def statuses(self, count: int) -> list[str]:
        told = [one.value for one in self.wait_for(count)]
        return [entry["status"] for value in told for entry in value.get("statuses", ())]


@dataclass
class Graph:
    """The Graph API as a program calls it."""

    http: httpx.Client
    token: str = TOKEN

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(f"/v26.0/{path}", params=params, headers=self._headers())

    def post(self, path: str, body: Any = None, **params: Any) -> httpx.Response:
        return self.http.post(f"/v26.0/{path}", json=body or {}, params=params, headers=self._headers())

    def send(self, to: str = PERSON, kind: str = "text", part: Any = None, **more: Any) -> httpx.Response:
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to,
            "type": kind,
            kind: {"body": "Hello"} if part is None else part,
            **more,
        }
        return self.post(
            f"{NUMBER_ID}/messages", {name: value for name, value in body.items() if value is not None}
        )

    def template(
        self, name: str = "ready", language: str = "en_US", *values: str, **more: Any
    ) -> httpx.Response:
        parameters = [{"type": "text", "text": value} for value in values]
        components = [{"type": "body", "parameters": parameters}] if values else []
        part = {"name": name, "language": {"code": language}, "components": components}
        return self.send(kind="template", part=part, **more)

    def stage(self, path: str, order: Any = None) -> Any:
        answer = self.http.post(f"/_sim/{path}", json=order or {})
        assert answer.status_code < 300, answer.text
        return answer.json()

    def write(self, order: Any = None, number: str = PERSON) -> Any:
        return self.stage(f"phones/{number}/message", {"type": "text", "body": "Hello", **(order or {})})

    def phone(self, number: str = PERSON) -> Any:
        told = self.http.get("/_sim/phones").json()
        return next(one for one in told["phones"] if one["number"] == number)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def code(answer: httpx.Response) -> int:
    """The code of a refusal, whose HTTP status says little."""
    assert answer.status_code >= 400, answer.text
    error = answer.json()["error"]
    assert error["message"].startswith(f"(#{error['code']})")
    return error["code"]
