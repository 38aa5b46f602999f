"""Processes that really die: the doors of LeadsRally, each order in a process of its own, killed with SIGKILL.

`python -m tests.faults.mortal` imports everything once and then forks a child for each order it reads, so that a
death costs milliseconds. A child plays one door with the runtime that production has, and ends itself at the point
that the order names, or is ended by the test at a random moment. No product code knows of these points: they lie
in the bell, the sender and the commit, which are handed in or replaced here.

An order is one line of JSON, see `Mortals` in conftest.py.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import resend  # noqa: F401  slow to import, as the next: once for all children
import twilio.rest  # noqa: F401

from infra.local import gateway
from infra.local.backups import nightly
from infra.local.backups.programs import pg_dump
from infra.local.bells import event_for
from infra.local.context import Context
from infra.local.functions import load
from leadsrally import runtime
from leadsrally.jobs.run import due_now
from leadsrally.kit import db as db_module
from leadsrally.kit.db import Database
from leadsrally.kit.settings import Settings
from leadsrally.messaging.compose import queue_message
from leadsrally.messaging.leads.types import Answer, Form, Lead, LeadPage
from leadsrally.notices.types import Mail, Mailer
from leadsrally.notices.types import Outcome as MailOutcome
from leadsrally.privacy import keep_windows as windows
from leadsrally.privacy.backups import make
from leadsrally.privacy.erasure import erase_organization
from leadsrally.privacy.sweep_rows import sweep_rows
from leadsrally.runtime import Runtime
from leadsrally.sending.types import OutboundMessage, Outcome, Sender

FUNCTIONS = {function.name: function for function in load()}
HANDLERS = {
    name: FUNCTIONS[name].handler()
    for name in (
        "webhook_twilio",
        "webhook_meta",
        "send_message",
        "ai_score",
        "notify",
        "webhook_resend",
        "import_contacts",
        "bulk_contacts",
        "erase",
        "retention_sweep",
    )
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """A sender whose process dies right before or right after the provider was called."""

    def __init__(self, genuine: Sender, point: str) -> None:
        self._genuine = genuine
        self._point = point

    def send(self, text: OutboundMessage) -> Outcome:
        if self._point == "before_call":
            die()
        outcome = self._genuine.send(text)
        if self._point == "after_accept":
            die()
        return outcome

    def find(self, text: OutboundMessage, not_before: datetime) -> tuple[str, ...]:
        return self._genuine.find(text, not_before)


class MortalMailer:
    """The same for mail."""

    def __init__(self, genuine: Mailer, point: str) -> None:
        self._genuine = genuine
        self._point = point

    def send(self, mail: Mail) -> MailOutcome:
        if self._point == "before_call":
            die()
        outcome = self._genuine.send(mail)
        if self._point == "after_accept":
            die()
        return outcome

    def allow(self, address: str) -> None:
        self._genuine.allow(address)


class MortalLeads:
    """A page with one lead, of a form that asks for nothing but an address."""

    def __init__(self, lead_id: str, point: str) -> None:
        self._lead_id = lead_id
        self._point = point

    def lead(self, lead_id: str) -> Lead:
        if self._point == "before_call":
            die()
        assert lead_id == self._lead_id
        return Lead(lead_id, "9", None, (Answer("email", ("ana@example.test",)),))

    def form(self, form_id: str) -> Form:
        if self._point == "after_fetch":
            die()
        return Form(form_id, "Test ride", "en_US", "active", (), None, None)

    def forms(self, _page_id: str) -> list[Form]:
        return []

    def leads(self, _form_id: str, _since: datetime, _after: str | None) -> LeadPage:
        return LeadPage((), None)

    def test_leads(self, *_: str) -> frozenset[str]:
        return frozenset()


@contextmanager
def _half_a_dump(url: str, snapshot: str) -> Iterator[Iterator[bytes]]:
    """What pg_dump says first is on its way into the storage when the process ends."""
    with pg_dump(url, snapshot) as pieces:

        def until_the_second() -> Iterator[bytes]:
            whole = b"".join(pieces)
            for _ in range(3):  # more than is kept back before it is sealed
                yield whole
            die()

        yield until_the_second()


class Life:
    """One child: a clock that begins where the order says, the runtimes, and the point of its death."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._point: str = order.get("die") or ""
        start, began = datetime.fromisoformat(order["now"]), time.monotonic()
        self.clock: Callable[[], datetime] = lambda: start + timedelta(seconds=time.monotonic() - began)
        for name, function in FUNCTIONS.items():
            if name in order["databases"]:
                values = {**order["settings"], "DATABASE_URL": order["databases"][name]}
                settings = Settings(values, allowed=function.settings)
                made = Runtime(
                    name,
                    settings,
                    clock=self.clock,
                    connections=2,
                    announce=self._announce,
                    leads=MortalLeads(order["lead"], self._point) if "lead" in order else None,
                )
                made._sender_for = self._mortal(made._sender_for)
                if name == "notify":
                    made._mailer = MortalMailer(made.mailer, self._point)
                    del made.mailer
                runtime.install(made)
                if name == "import_contacts" and order.get("batch"):
                    made.import_desk = replace(made.import_desk, batch=order["batch"])
                if name == "bulk_contacts" and order.get("batch"):
                    made.bulk_desk = replace(made.bulk_desk, bite=order["batch"])
                if name == "erase" and order.get("batch"):
                    made.erasure_desk = replace(made.erasure_desk, bite=order["batch"])
                    erase_organization.BITE = order["batch"]  # pyright: ignore[reportAttributeAccessIssue]
                if name == "retention_sweep" and order.get("batch"):
                    windows.sweep_rows = partial(sweep_rows, bite=order["batch"])
        if "backup" in order["databases"]:
            values = {**order["settings"], "DATABASE_URL": order["databases"]["backup"]}
            allowed = Settings(values, allowed=nightly.BACKUP.settings)
            runtime.install(Runtime("backup", allowed, clock=self.clock, connections=1))
        if self._point == "before_commit":
            self._commits_left: int = order.get("commits", 0)
            self._commit = db_module._commit
            db_module._commit = self._last_commit

    def _last_commit(self, connection: Any) -> None:
        """Some commits succeed; at the next one this life ends."""
        if self._commits_left == 0:
            die()
        self._commits_left -= 1
        self._commit(connection)

    def _announce(self, _queue: str, _ids: Any) -> None:
        if self._point == "before_bell":
            die()

    def _mortal(self, genuine: Callable[..., Sender]) -> Callable[..., Sender]:
        return lambda *args: Mortal(genuine(*args), self._point)

    def webhook(self) -> Any:
        """Answer one request at a provider's door."""
        request = self._order["request"]
        matched = gateway.Routes(list(FUNCTIONS.values())).match("POST", request["path"])
        assert matched is not None
        route, parameters = matched
        event = gateway.event(
            route,
            parameters,
            method="POST",
            path=request["path"],
            query=request["query"],
            headers=[(name.encode(), value.encode()) for name, value in request["headers"].items()],
            body=request["body"].encode(),
            source_ip="203.0.113.7",
            protocol="HTTP/1.1",
        )
        answer = HANDLERS[route.function.name](event, Context(route.function))
        if self._point == "before_reply":
            die()
        return answer["statusCode"]

    def reply(self) -> Any:
        """Queue a reply as the API does."""
        organization_id = UUID(self._order["organization_id"])
        with runtime.of("api").db.tenant(organization_id) as tx:
            thread = UUID(self._order["conversation_id"])
            queue_message(tx, organization_id, thread, self._order["body"], now=self.clock())
        return None

    def sweep(self) -> Any:
        """The schedule of the nightly sweep rings."""
        return HANDLERS["retention_sweep"]({}, Context(FUNCTIONS["retention_sweep"]))

    def backup(self) -> Any:
        """The hour strikes on the host that makes backups."""
        if self._point == "mid_dump":
            nightly.pg_dump = _half_a_dump
        if self._point == "before_manifest":
            make.manifest_key = lambda *_: die()  # pyright: ignore[reportAttributeAccessIssue]
        return nightly.handler({}, Context(nightly.BACKUP))

    def work(self) -> Any:
        """Run all that is due in a queue, and all that becomes due by it."""
        queue, rounds = self._order["queue"], 0
        handler = HANDLERS.get(queue) or FUNCTIONS[queue].handler()
        bells = Database(self._order["databases"]["tick"])
        while ids := due_now(bells, queue, limit=10, now=self.clock(), besides=()):
            handler(event_for(queue, ids), Context(FUNCTIONS[queue]))
            rounds += 1
        return rounds


def child(order: dict[str, Any]) -> None:
    status = 1
    with suppress(BaseException):
        answer = getattr(Life(order), order["do"])()
        if order.get("answer"):
            Path(order["answer"]).write_text(json.dumps(answer), encoding="utf-8")
        status = 0
    os._exit(status)


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "wait":
            answer = {"status": os.waitstatus_to_exitcode(os.waitpid(order["pid"], 0)[1])}
        else:
            pid = os.fork()
            if pid == 0:
                child(order)
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
