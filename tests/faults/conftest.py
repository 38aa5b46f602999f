"""What the faults need: a provider that counts, and processes that die."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.context import Context
from infra.local.functions import PROJECT
from infra.simulators.running import Running
from infra.simulators.twilio import TwilioAccount, TwilioNumber, TwilioSimulator
from tests.world import SETTINGS, Answer, Line, World

_FIRST_FREE_NUMBER = 300  # those before it mean something to the provider's test credentials
_ROLES = (
    "api",
    "webhook_twilio",
    "webhook_meta",
    "fetch_lead",
    "send_message",
    "ai_score",
    "notify",
    "webhook_resend",
    "import_contacts",
    "bulk_contacts",
    "erase",
    "retention_sweep",
    "backup",
    "tick",
)


@dataclass
class Mortals:
    """Gives orders to children of `mortal.py` and sees how they end."""

    world: World
    process: subprocess.Popen[str]
    settings: Mapping[str, str]
    notes: Path

    def spawn(self, do: str, **order: Any) -> int:
        """Start a child and return its process id."""
        whole = {
            "do": do,
            "now": self.world.clock.now.isoformat(),
            "settings": dict(self.settings),
            "databases": {name: self.world.database.url(f"leadsrally_{name}") for name in _ROLES},
            **order,
        }
        return self._say(whole)["pid"]

    def end_of(self, pid: int) -> int:
        """Wait for a child; its exit status, negative for a signal."""
        return self._say({"do": "wait", "pid": pid})["status"]

    def run(self, do: str, **order: Any) -> int:
        return self.end_of(self.spawn(do, **order))

    def webhook(self, line: Line, form: Mapping[str, str], kind: str = "inbound", **order: Any) -> Any:
        """A genuinely signed request reaches a door that may die over it: the HTTP status, or the signal."""
        query = order.pop("query", "")
        return self.request(lambda: self.world.post(line, kind, form, query=query), **order)

    def request(self, ask: Callable[[], Answer], **order: Any) -> Any:
        """The request that `ask` would make reaches a door that may die over it."""
        request: dict[str, Any] = {}

        def note(path: str, **rest: Any) -> Answer:
            request.update(
                path=path, query=rest.get("query", ""), headers=rest["headers"], body=rest["body"].decode()
            )
            return Answer(0, "", {})

        self.world.call = note  # pyright: ignore[reportAttributeAccessIssue]
        try:
            ask()
        finally:
            del self.world.call
        answer = self.notes / "answer"
        answer.unlink(missing_ok=True)
        ended = self.run("webhook", request=request, answer=str(answer), **order)
        return json.loads(answer.read_text()) if ended == 0 else ended

    def _say(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def tick(self) -> dict[str, int]:
        tick = self.world.functions["tick"]
        return tick.handler()({}, Context(tick))

    def later(self, queue: str = "send_message", **span: float) -> None:
        """Time passes, the minute strikes, and healthy workers do what there is."""
        self.world.clock.pass_(**span)
        self.tick()
        assert self.run("work", queue=queue) == 0


@pytest.fixture(scope="session")
def zygote() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.mortal"],
        cwd=PROJECT,
        env={**os.environ, "LEADSRALLY_LOG_LEVEL": "CRITICAL"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[TwilioSimulator, Running]]:
    simulator = TwilioSimulator([])
    with Running(simulator) as server:
        yield simulator, server


@pytest.fixture
def line(world: World, running: tuple[TwilioSimulator, Running]) -> Line:
    """A channel whose number exists at the simulated provider."""
    simulator, _ = running
    world._numbers = _FIRST_FREE_NUMBER
    # The provider's own dates are the machine's; ours may lie behind them, never before.
    world.clock.now = datetime.now(UTC) - timedelta(hours=8)
    line = world.line(world.organization(ai_scoring=False, ai_suggestions=False))
    simulator.accounts[line.account_sid] = TwilioAccount(
        line.account_sid, line.auth_token, numbers=[TwilioNumber(line.number)]
    )
    simulator.recorder.forget()
    simulator.book.clear()
    simulator.callbacks.clear()
    simulator.callbacks.orders.add({"order": [], "times": None})  # reports are made by the tests themselves
    return line


@pytest.fixture
def provider(running: tuple[TwilioSimulator, Running]) -> TwilioSimulator:
    return running[0]


@pytest.fixture
def mortals(
    world: World,
    zygote: subprocess.Popen[str],
    running: tuple[TwilioSimulator, Running],
    tmp_path: Path,
) -> Mortals:
    folder = {"LEADSRALLY_STORAGE_DIR": world._folder.name}
    return Mortals(world, zygote, {**SETTINGS, **folder, "TWILIO_BASE_URL": running[1].base_url}, tmp_path)
