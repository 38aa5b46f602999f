"""The door against the simulator, which was written from Meta's description and not from this door."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from infra.simulators.meta import MetaSimulator
from infra.simulators.meta.webhook import Delivery
from infra.simulators.running import Running
from leadsrally.messaging.channels.directory import meta_context
from leadsrally.providers.meta.credentials import MetaCredentials
from tests.simulators.doors import Stand
from tests.simulators.meta import NUMBER_ID, PERSON, SECRET, VERIFY, WABA_ID, Graph, Webhook, app
from tests.world import MetaLine, Org, World


@dataclass
class Phone:
    """A simulated phone, whose words reach our door as Meta would bring them."""

    world: World
    line: MetaLine
    graph: Graph
    webhook: Webhook
    seen: int = 0

    def write(self, **order: Any) -> None:
        self.graph.write(order)
        self.bring()

    def bring(self, count: int = 1) -> None:
        """Hand over what the simulator has told since."""
        for told in self.webhook.wait_for(self.seen + count)[self.seen :]:
            self.seen += 1
            signature = told.headers["x-hub-signature-256"]
            answer = self.world.meta(self.line, told.raw, signature=signature)
            assert answer.status == 200
            self.world.clock.pass_(seconds=1)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Stand, Running, Stand, Running]]:
    hook, meta = Stand(), Stand()
    with Running(hook) as hook_server, Running(meta) as meta_server:
        yield hook, hook_server, meta, meta_server


@pytest.fixture
def phone(world: World, org: Org, servers: tuple[Stand, Running, Stand, Running]) -> Iterator[Phone]:
    stand, hook_server, meta, meta_server = servers
    webhook = Webhook()
    stand.app = webhook.app
    made = app(f"{hook_server.base_url}{webhook.path}")
    meta.app = MetaSimulator(
        [made], [PERSON], status_delay=0.0, delivery=Delivery((0.0, 0.0), 2.0), base=meta_server.base_url
    )
    line = world.whatsapp_line(org)
    secrets = MetaCredentials((SECRET,), VERIFY, "t")
    world.execute(
        "UPDATE channels SET credentials = %(sealed)s, phone_number_id = %(number)s, waba_id = %(waba)s",
        sealed=world.vault.seal(secrets.to_json(), meta_context(org.id, line.id)),
        number=NUMBER_ID,
        waba=WABA_ID,
    )
    with httpx.Client(base_url=meta_server.base_url, trust_env=False, verify=False, timeout=5) as http:
        yield Phone(world, line, Graph(http), webhook)


def kinds(world: World) -> list[str]:
    return [row["kind"] for row in world.rows("SELECT kind FROM messages ORDER BY created_at, id")]


@pytest.mark.parametrize(
    ("order", "kind", "body"),
    [
        ({"body": "äöå 😀 a/b <c>"}, "text", "äöå 😀 a/b <c>"),
        ({"type": "button", "text": "Yes", "payload": "YES"}, "button", "Yes"),
        ({"type": "interactive", "reply": {"id": "b1", "title": "Blue"}}, "button", "Blue"),
        (
            {"type": "interactive", "reply_type": "list_reply", "reply": {"id": "r1", "title": "Red"}},
            "list",
            "Red",
        ),
        ({"type": "location", "latitude": 1.5, "longitude": 2}, "location", ""),
        ({"type": "unsupported", "what": "poll"}, "unsupported", ""),
    ],
    ids=lambda given: given.get("type", "text") if isinstance(given, dict) else None,
)
def test_each_kind_that_a_phone_can_send(
    world: World, phone: Phone, order: dict[str, Any], kind: str, body: str
) -> None:
    phone.write(**order)
    message = world.row("SELECT kind, body FROM messages")
    assert (message["kind"], message["body"].strip(", ")) == (kind, body)
    assert world.value("SELECT counts FROM delivery_log") == {"stored": 1}


def test_what_is_done_to_a_message(world: World, phone: Phone) -> None:
    phone.write(body="frist")
    wamid = world.value("SELECT provider_message_id FROM messages")
    assert re.fullmatch(r"wamid\.\S+", wamid)
    phone.write(type="reaction", message=wamid, emoji="👍")
    phone.write(type="edit", message=wamid, body="first")
    assert world.row("SELECT body, reaction FROM messages") == {"body": "first", "reaction": "👍"}
    phone.write(type="revoke", message=wamid)
    assert world.value("SELECT body FROM messages") == ""


def test_a_repeat_is_stored_once(world: World, phone: Phone) -> None:
    phone.graph.write({"body": "hello", "times": 2})
    phone.bring(2)
    outcomes = world.rows("SELECT outcome FROM delivery_log ORDER BY received_at")
    assert [row["outcome"] for row in outcomes] == ["stored", "duplicate"]


@pytest.mark.parametrize("shape", ["messages", "changes", "entries"])
def test_batches_of_every_shape(world: World, phone: Phone, shape: str) -> None:
    people = [{"from": f"+1202555012{n}", "type": "text", "body": f"number {n}"} for n in range(3)]
    phone.graph.stage(f"phones/{PERSON}/batch", {"shape": shape, "items": people})
    phone.bring()
    assert sorted(row["body"] for row in world.rows("SELECT body FROM messages")) == [
        "number 0",
        "number 1",
        "number 2",
    ]
    assert world.value("SELECT count(*) FROM contacts") == 3


def test_a_person_whose_number_is_hidden_and_shown_again(world: World, phone: Phone) -> None:
    phone.write(body="you know me")
    phone.graph.stage("phones", {"number": PERSON, "hides_number": True, "name": "Ana Lima"})
    phone.write(body="and now you do not")
    phone.graph.stage("phones", {"number": PERSON, "hides_number": False})
    phone.write(body="but now you do")
    assert world.value("SELECT count(*) FROM contacts") == 1
    assert world.value("SELECT unread_count FROM conversations") == 3


def test_a_new_number_keeps_the_thread(world: World, phone: Phone) -> None:
    phone.write(body="before")
    phone.graph.stage(f"phones/{PERSON}/renumber", {"number": "+12025550199"})
    phone.bring()
    phone.graph.write({"body": "after"}, number="+12025550199")
    phone.bring()
    assert kinds(world) == ["text", "system", "text"]
    assert world.row("SELECT address, attention FROM conversations") == {
        "address": "12025550199",
        "attention": "number_changed",
    }


def test_statuses_in_any_order_twice_and_together(world: World, phone: Phone) -> None:
    phone.write(body="hello")
    phone.graph.stage("statuses", {"order": ["read", "delivered", "sent"], "duplicate": 2})
    wamid = phone.graph.send().json()["messages"][0]["id"]
    ours = world.sent_by_us(phone.line, wamid)
    phone.bring(6)
    assert world.message(ours)["status"] == "read"
    assert world.message(ours)["pricing"]["model"] == "PMP"
