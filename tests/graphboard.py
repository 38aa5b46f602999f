"""A world whose WhatsApp numbers and pages are looked after at a simulated Meta, which calls our webhook in turn."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from infra.simulators.meta import LeadForm, MetaApp, MetaSimulator, Page, Token, Waba, WhatsAppNumber
from infra.simulators.meta.webhook import Delivery
from infra.simulators.running import Running
from leadsrally import runtime
from leadsrally.kit.settings import Settings
from leadsrally.runtime import Runtime
from tests.world import PUBLIC_URL, SETTINGS, MetaLine, World

APP_ID, APP_SECRET, TOKEN = "670843887433847", "app-secret-0123456789abcdef", "EAAG-token-0123456789abcdef"
WABA_ID, NUMBER_ID, NUMBER = "102290129340398", "106540352242922", "+15005550020"
PAGE_ID, FORM_ID = "150000000000001", "250000000000001"
_OURS = {"app_id": APP_ID, "app_secret": APP_SECRET, "access_token": TOKEN}
WHATSAPP = {**_OURS, "waba_id": WABA_ID, "phone_number_id": NUMBER_ID, "name": "Sales"}
LEAD_ADS = {**_OURS, "page_id": PAGE_ID, "name": "Our page"}


def business() -> MetaApp:
    """A customer's app with an account and a page, which sends its news to nobody yet."""
    return MetaApp(
        APP_ID,
        APP_SECRET,
        [Token(TOKEN)],
        wabas=[Waba(WABA_ID, [WhatsAppNumber(NUMBER_ID, NUMBER)], subscribed=False)],
        pages=[Page(PAGE_ID, "Harbour Bikes", [LeadForm(FORM_ID, "Test ride", [])], subscribed_fields=())],
        require_proof=True,
    )


@dataclass
class Graphboard:
    world: World
    simulator: MetaSimulator
    base_url: str
    app: MetaApp
    looks: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    """Called while a request is under way, before it is answered."""

    @property
    def token(self) -> Token:
        return self.app.tokens[0]

    @property
    def waba(self) -> Waba:
        return self.app.wabas[0]

    @property
    def number(self) -> WhatsAppNumber:
        return self.waba.numbers[0]

    @property
    def page(self) -> Page:
        return self.app.pages[0]

    def of(self, line: MetaLine) -> MetaApp:
        """The business behind a channel of the world, all well."""
        made = MetaApp(line.app_id, line.app_secret, [Token(line.access_token)], require_proof=True)
        url = f"{PUBLIC_URL}/webhooks/meta/{line.key}"
        if line.waba_id:
            numbers = [WhatsAppNumber(line.phone_number_id or "", line.number or "")]
            made.wabas, made.callback_url = [Waba(line.waba_id, numbers)], url
        else:
            made.pages, made.page_callback_url = [Page(line.page_id or "", "Theirs")], url
        self.simulator.apps.append(made)
        self.world.execute("UPDATE channels SET challenged_at = created_at WHERE id = %(id)s", id=line.id)
        return made

    def fail(self, do: str, **how: Any) -> None:
        """The next request goes wrong."""
        self.simulator.recorder.faults.add({"do": do, **how})

    def log(self, method: str | None = None, path: str = "") -> list[dict[str, Any]]:
        """What Meta received."""
        return [
            entry
            for entry in self.simulator.recorder.log()
            if method in (None, entry["method"]) and path in entry["path"]
        ]

    def work(self) -> int:
        """Do all tasks that are due."""
        return self.world.work("manage_channel")

    def task(self, task_id: Any) -> dict[str, Any]:
        return self.world.row("SELECT * FROM channel_tasks WHERE id = %(id)s", id=task_id)


class _Door:
    """Our webhook, as whoever calls its public address meets it."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        answer = await asyncio.to_thread(
            self._world.call,
            request.url.path,
            method=request.method,
            headers=dict(request.headers),
            body=body,
            query=request.url.query,
        )
        await PlainTextResponse(answer.body, answer.status)(scope, receive, send)


@contextmanager
def connected_to_meta(world: World) -> Iterator[Graphboard]:
    """The function manage_channel as production builds it, with the simulator as Meta."""
    looks: list[Callable[[], None]] = []
    with Running(_Door(world)) as door:
        made = business()
        simulator = MetaSimulator([made], delivery=Delivery((0.0,), 5.0), reach={PUBLIC_URL: door.base_url})

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            for look in looks:
                await asyncio.to_thread(look)
            await simulator(scope, receive, send)

        with Running(watched) as running:
            function = world.functions["manage_channel"]
            values = {
                **SETTINGS,
                **world.settings,
                "META_BASE_URL": running.base_url,
                "DATABASE_URL": world.database.url("leadsrally_manage_channel"),
            }
            settings = Settings(values, allowed=function.settings)
            runtime.install(
                Runtime(
                    "manage_channel", settings, clock=world.clock, connections=4, announce=world._announced
                )
            )
            yield Graphboard(world, simulator, running.base_url, made, looks)
