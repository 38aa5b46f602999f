"""The send function as in production, against the simulated Meta: at most once, whatever goes wrong on the way."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from infra.simulators.meta import MetaApp, MetaSimulator, Token, Waba, WhatsAppNumber
from infra.simulators.running import Running
from leadsrally import runtime
from leadsrally.kit.settings import Settings
from leadsrally.messaging.media.send import queue_files
from leadsrally.runtime import Runtime
from tests.sending.whatsapp import thread
from tests.simulators.doors import eventually
from tests.uploading import PNG, uploaded
from tests.world import SETTINGS, MetaLine, Org, World

_POSTS = {"method": "POST", "path_contains": "/messages"}
PERSON = "+12025550111"


@dataclass
class Stage:
    world: World
    line: MetaLine
    simulator: MetaSimulator
    app: MetaApp

    def order(self, do: str, **how: Any) -> None:
        self.simulator.recorder.faults.add({"match": _POSTS, "do": do, **how})

    def posts(self) -> list[Any]:
        return [
            json.loads(entry["body"]) for entry in self.simulator.recorder.log() if entry["method"] == "POST"
        ]

    def on_phone(self) -> list[str | None]:
        return [one.body for one in self.simulator.handsets.of(PERSON).bubbles if one.direction == "to_phone"]

    def send(self, body: str = "Hello") -> UUID:
        conversation = self.world.rows("SELECT id FROM conversations")
        place = conversation[0]["id"] if conversation else thread(self.world, self.line, PERSON)
        message_id = self.world.reply(self.line, place, body)
        self.world.work("send_message")
        return message_id


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[MetaSimulator, Running]]:
    simulator = MetaSimulator([], status_delay=0.0)
    with Running(simulator) as server:
        yield simulator, server


@pytest.fixture
def stage(world: World, org: Org, running: tuple[MetaSimulator, Running]) -> Iterator[Stage]:
    simulator, server = running
    world.clock.now = datetime.now(UTC)
    line = world.whatsapp_line(org)
    number = WhatsAppNumber(line.phone_number_id or "", line.number or "")
    waba = Waba(line.waba_id or "", [number])
    app = MetaApp("1", line.app_secret, [Token(line.access_token)], wabas=[waba], require_proof=True)
    simulator.apps[:] = [app]
    simulator.recorder.forget()
    simulator.handsets.clear()
    simulator.statuses.clear()
    simulator.handsets.of(PERSON).last_inbound[number.phone_number_id] = world.clock.now.timestamp()
    made = Stage(world, line, simulator, app)
    function = world.functions["send_message"]
    runtime.of("send_message").db.close()
    values = {
        **SETTINGS,
        "META_BASE_URL": server.base_url,
        "LEADSRALLY_STORAGE_DIR": world._folder.name,
        "DATABASE_URL": world.database.url("leadsrally_send_message"),
    }
    installed = Runtime(
        "send_message",
        Settings(values, allowed=function.settings),
        clock=world.clock,
        connections=2,
        announce=lambda _queue, _ids: None,
    )
    runtime.install(installed)
    yield made
    for _, sender in installed._kept_senders.values():
        sender._graph.close()  # type: ignore[attr-defined]


def test_a_text_is_taken_once_and_known_by_metas_id(stage: Stage):
    message_id = stage.send("Hello")
    stored = stage.world.message(message_id)
    (posted,) = stage.posts()
    assert stored["status"] == "accepted"
    assert stored["provider_message_id"] in stage.simulator.sender.sent
    assert posted["biz_opaque_callback_data"] == str(message_id)
    eventually(lambda: stage.on_phone() == ["Hello"])
    named = stage.world.rows("SELECT kind, value FROM contact_identities ORDER BY kind")
    assert [row["kind"] for row in named] == ["bsuid", "wa_id"]


def test_a_picture_is_left_with_meta_and_then_sent_by_its_id(stage: Stage):
    """With the real multipart upload, and Meta's own limits on the other side."""
    world = stage.world
    upload = uploaded(world, stage.line.organization_id)
    with runtime.of("api").db.tenant(stage.line.organization_id) as tx:
        place = thread(world, stage.line, PERSON)
        message_id = queue_files(
            tx, stage.line.organization_id, place, [upload], "The blue one", now=world.clock.now
        )
    world.work("send_message")
    assert world.message(message_id)["status"] == "accepted"
    (bubble,) = eventually(
        lambda: [one for one in stage.simulator.handsets.of(PERSON).bubbles if one.direction == "to_phone"]
    )
    assert (bubble.kind, bubble.body) == ("image", "The blue one")
    kept = stage.simulator.shelf.get(world.value("SELECT provider_id FROM media"))
    assert kept is not None
    assert (kept.content, kept.content_type, kept.file_name) == (PNG, "image/png", "blue.png")


@pytest.mark.parametrize(
    ("do", "how"),
    [
        ("accept_then_status", {"status": 500}),
        ("accept_then_status", {"status": 503}),
        ("accept_then_status", {"status": 502, "body": "<html>bad gateway</html>"}),
        ("accept_then_reset", {}),
    ],
)
def test_Q3_accepted_and_then_broken_is_unknown_and_never_sent_again(
    stage: Stage, do: str, how: dict[str, Any]
):
    stage.order(do, **how)
    message_id = stage.send()
    assert stage.world.message(message_id)["status"] == "unknown"
    for _ in range(10):
        stage.world.clock.pass_(minutes=2)
        stage.world.work("send_message")
    assert len(stage.posts()) == 1
    assert eventually(stage.on_phone) == ["Hello"]
    assert stage.world.value("SELECT attention FROM conversations") == "delivery_unknown"


def test_Q4_a_rate_limit_waits_and_sends_once(stage: Stage):
    stage.order("status", status=429, headers={"Retry-After": "9"})
    message_id = stage.send()
    assert stage.world.message(message_id)["status"] == "queued"
    stage.world.clock.pass_(seconds=8)
    stage.world.work("send_message")
    assert len(stage.posts()) == 1
    stage.world.clock.pass_(seconds=2)
    stage.world.work("send_message")
    assert stage.world.message(message_id)["status"] == "accepted"
    assert eventually(stage.on_phone) == ["Hello"]


def test_a_token_that_was_taken_back_stops_the_channel_and_loses_nothing(stage: Stage):
    stage.app.tokens[0].revoked = True
    message_id = stage.send()
    assert stage.world.message(message_id)["status"] == "queued"
    assert stage.world.value("SELECT trouble FROM channels") == "190"
    stage.app.tokens[0].revoked = False
    stage.world.clock.pass_(minutes=16)
    stage.world.work("send_message")
    assert stage.world.message(message_id)["status"] == "accepted"


def test_Q5_what_meta_refuses_is_final(stage: Stage):
    stage.app.wabas[0].numbers[0].window_refusal = "sync"
    stage.simulator.handsets.of(PERSON).last_inbound.clear()  # Meta's clock and ours do not agree
    message_id = stage.send()
    stored = stage.world.message(message_id)
    assert (stored["status"], stored["error_code"]) == ("failed", "131047")
    assert len(stage.posts()) == 1


def test_the_credentials_of_one_channel_send_for_no_other(stage: Stage, world: World):
    """T16: a sealed token opens under its own channel only."""
    other = world.whatsapp_line(Org(stage.line.organization_id, "same"))
    world.execute(
        "UPDATE channels SET credentials = (SELECT credentials FROM channels WHERE id = %(mine)s) WHERE id = %(other)s",
        mine=stage.line.id,
        other=other.id,
    )
    message_id = world.reply(other, thread(world, other, "+12025550112"), "Hello")
    world.ring("send_message", world.due("send_message"))
    assert stage.posts() == []
    assert world.message(message_id)["status"] == "queued"
