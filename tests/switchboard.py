"""A world whose channels are looked after at a simulated Twilio, over HTTP."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from infra.simulators.running import Running
from infra.simulators.twilio import TwilioAccount, TwilioNumber, TwilioSimulator
from leadsrally import runtime
from leadsrally.kit.settings import Settings
from leadsrally.runtime import Runtime
from tests.world import SETTINGS, Line, World

FREE = "+14155550100"  # the first number the simulator sells
_NUMBERS = {"path_contains": "/IncomingPhoneNumbers"}


@dataclass
class Switchboard:
    world: World
    simulator: TwilioSimulator
    base_url: str
    looks: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    """Called while a request is under way, before it is answered."""

    def account(self, sid: str, token: str, *numbers: str, **more: Any) -> TwilioAccount:
        """An account at the provider that has these numbers."""
        made = TwilioAccount(sid, token, numbers=[TwilioNumber(number) for number in numbers], **more)
        self.simulator.accounts[sid] = made
        return made

    def of(self, line: Line) -> TwilioAccount:
        """The account behind a channel of the world, made at first use."""
        known = self.simulator.accounts.get(line.account_sid)
        return known or self.account(line.account_sid, line.auth_token, line.number)

    def fail(self, do: str, *, method: str = "POST", **how: Any) -> None:
        """The next request about numbers goes wrong."""
        self.simulator.recorder.faults.add({"match": {**_NUMBERS, "method": method}, "do": do, **how})

    def log(self, method: str | None = None) -> list[dict[str, Any]]:
        """What the provider received."""
        return [entry for entry in self.simulator.recorder.log() if method in (None, entry["method"])]

    def purchases(self) -> int:
        """How often a number was ordered."""
        return sum(entry["path"].endswith("/IncomingPhoneNumbers.json") for entry in self.log("POST"))

    def work(self) -> int:
        """Do all tasks that are due."""
        return self.world.work("manage_channel")

    def task(self, task_id: Any) -> dict[str, Any]:
        return self.world.row("SELECT * FROM channel_tasks WHERE id = %(id)s", id=task_id)


@contextmanager
def switched(world: World) -> Iterator[Switchboard]:
    """The function manage_channel as production builds it, with the simulator as Twilio."""
    simulator = TwilioSimulator([])
    looks: list[Callable[[], None]] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        for look in looks:
            await asyncio.to_thread(look)
        await simulator(scope, receive, send)

    with Running(watched) as running:
        function = world.functions["manage_channel"]
        values = {
            **SETTINGS,
            **world.settings,
            "TWILIO_BASE_URL": running.base_url,
            "DATABASE_URL": world.database.url("leadsrally_manage_channel"),
        }
        settings = Settings(values, allowed=function.settings)
        runtime.install(
            Runtime("manage_channel", settings, clock=world.clock, connections=4, announce=world._announced)
        )
        yield Switchboard(world, simulator, running.base_url, looks)
