"""The whole way out against a provider that fails on order. Oracle G2: at most one accept for each message."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import cycle
from typing import Any
from uuid import UUID

import pytest

from infra.simulators.running import Running
from infra.simulators.twilio import TwilioAccount, TwilioNumber, TwilioSimulator
from leadsrally import runtime
from leadsrally.kit.settings import Settings
from leadsrally.messaging.media.send import queue_files
from leadsrally.providers.twilio.sender import TwilioSender
from leadsrally.providers.twilio.signature import TwilioCredentials
from leadsrally.runtime import Runtime
from tests.uploading import uploaded
from tests.world import PUBLIC_URL, SETTINGS, Line, Org, World

_FIRST_FREE_NUMBER = 200  # those before it mean something to the provider's test credentials
_POSTS = {"method": "POST", "path_contains": "/Messages.json"}


@dataclass
class Stage:
    """A world whose sender speaks HTTP with the simulator."""

    world: World
    line: Line
    simulator: TwilioSimulator
    base_url: str

    def order(self, do: str, **how: Any) -> None:
        self.simulator.recorder.faults.add({"match": _POSTS, "do": do, **how})

    def accepted(self, body: str) -> int:
        """How often the provider took a message with these words."""
        book = self.simulator.book.newest_first(self.line.account_sid)
        return sum(record.body == body and record.direction == "outbound-api" for record in book)

    def posts(self) -> int:
        return sum(entry["method"] == "POST" for entry in self.simulator.recorder.log())

    def send(self, body: str, sender: str = "+12025550101") -> UUID:
        message_id = self.world.reply(self.line, self.world.conversation(self.line, sender), body)
        self.world.work("send_message")
        return message_id

    def pass_(self, **span: float) -> None:
        self.world.clock.pass_(**span)
        self.world.work("send_message")

    def speak_to(self, base_url: str, *, timeout: float | None = None) -> None:
        """The send function as it is in production, or with a sender of less patience."""
        world = self.world
        function = world.functions["send_message"]
        values = {
            **SETTINGS,
            "TWILIO_BASE_URL": base_url,
            "LEADSRALLY_STORAGE_DIR": world._folder.name,
            "DATABASE_URL": world.database.url("leadsrally_send_message"),
        }
        credentials = TwilioCredentials(self.line.account_sid, (self.line.auth_token,), {})
        senders = None
        if timeout is not None:
            senders = {
                "sms": TwilioSender(credentials, self.line.account_sid, base_url=base_url, timeout=timeout)
            }
        runtime.of("send_message").db.close()
        runtime.install(
            Runtime(
                "send_message",
                Settings(values, allowed=function.settings),
                clock=world.clock,
                connections=2,
                announce=lambda _queue, _ids: None,
                senders=senders,
            )
        )


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[TwilioSimulator, Running]]:
    simulator = TwilioSimulator([])
    with Running(simulator) as server:
        yield simulator, server


@pytest.fixture
def stage(world: World, org: Org, running: tuple[TwilioSimulator, Running]) -> Stage:
    simulator, server = running
    world._numbers = _FIRST_FREE_NUMBER
    # The provider's own dates are the machine's; ours may lie behind them, never before.
    world.clock.now = datetime.now(UTC) - timedelta(hours=1)
    line = world.line(org)
    simulator.accounts[line.account_sid] = TwilioAccount(
        line.account_sid, line.auth_token, numbers=[TwilioNumber(line.number)]
    )
    simulator.recorder.forget()
    simulator.book.clear()
    simulator.handsets.clear()
    simulator.callbacks.clear()
    simulator.callbacks.orders.add({"order": [], "times": None})  # reports are made by the tests themselves
    made = Stage(world, line, simulator, server.base_url)
    made.speak_to(server.base_url)
    return made


def test_an_MMS_brings_its_links_and_no_empty_words(stage: Stage):
    world, organization_id = stage.world, stage.line.organization_id
    two = [uploaded(world, organization_id) for _ in range(2)]
    conversation = world.conversation(stage.line)
    with runtime.of("api").db.tenant(organization_id) as tx:
        message_id = queue_files(tx, organization_id, conversation, two, "", now=world.clock.now)
    world.work("send_message")
    assert world.message(message_id)["provider_message_id"].startswith("MM")
    (record,) = stage.simulator.book.newest_first(stage.line.account_sid)
    assert (record.body, len(record.media)) == ("", 2)
    assert all(link.startswith(f"{PUBLIC_URL}/files/") for link in record.media)


def test_Q3_a_lost_answer_to_an_MMS_is_found_among_texts_without_words(stage: Stage):
    world, organization_id = stage.world, stage.line.organization_id
    conversation = world.conversation(stage.line)
    stage.order("accept_then_status", status=500)
    with runtime.of("api").db.tenant(organization_id) as tx:
        message_id = queue_files(
            tx, organization_id, conversation, [uploaded(world, organization_id)], "", now=world.clock.now
        )
    world.work("send_message")
    assert world.message(message_id)["status"] == "unknown"
    stage.pass_(minutes=1)
    assert world.message(message_id)["status"] == "accepted"
    assert stage.accepted("") == 1


def test_a_text_is_taken_once_and_known_by_the_providers_id(stage: Stage):
    message_id = stage.send("Hello")
    stored = stage.world.message(message_id)
    record = next(stage.simulator.book.newest_first(stage.line.account_sid))
    assert (stored["status"], stored["provider_message_id"]) == ("accepted", record.sid)
    assert stored["segments"] == 1
    assert record.status_callback.endswith(f"?message={message_id}")
    assert (stage.accepted("Hello"), stage.posts()) == (1, 1)


class TestTakenWithoutAnAnswer:
    """Q3: the provider has it, and we do not know. One accept, one POST, found by looking."""

    def _is_found(self, stage: Stage, message_id: UUID) -> None:
        assert stage.world.message(message_id)["status"] == "unknown"
        stage.pass_(seconds=30)
        stored = stage.world.message(message_id)
        record = next(stage.simulator.book.newest_first(stage.line.account_sid))
        assert (stored["status"], stored["provider_message_id"]) == ("accepted", record.sid)
        stage.pass_(hours=2)
        assert (stage.accepted("Hello"), stage.posts()) == (1, 1)

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
    def test_Q3_then_an_error_of_the_server(self, stage: Stage, status: int):
        stage.order("accept_then_status", status=status)
        self._is_found(stage, stage.send("Hello"))

    def test_Q3_then_a_success_that_cannot_be_read(self, stage: Stage):
        stage.order("accept_then_status", status=201, body="<html>")
        self._is_found(stage, stage.send("Hello"))

    def test_Q3_then_a_cut_line(self, stage: Stage):
        stage.order("accept_then_reset")
        self._is_found(stage, stage.send("Hello"))

    def test_Q3_then_silence_past_our_patience(self, stage: Stage):
        stage.speak_to(stage.base_url, timeout=0.3)
        stage.order("accept_then_hang", seconds=1.0)
        self._is_found(stage, stage.send("Hello"))

    def test_Q3_and_the_report_comes_before_the_look_up(self, stage: Stage):
        stage.order("accept_then_status", status=500)
        message_id = stage.send("Hello")
        record = next(stage.simulator.book.newest_first(stage.line.account_sid))
        stage.world.report(stage.line, record.sid, "delivered", message_id=message_id)
        stage.pass_(seconds=30)
        assert stage.world.message(message_id)["status"] == "delivered"
        assert (stage.accepted("Hello"), stage.posts()) == (1, 1)

    def test_Q3_among_equal_words_to_others_the_right_one_is_found(self, stage: Stage):
        stage.send("Hello", "+12025550155")
        stage.order("accept_then_status", status=500)
        message_id = stage.send("Hello")
        stage.pass_(seconds=30)
        sid = stage.world.message(message_id)["provider_message_id"]
        record = stage.simulator.book.get(stage.line.account_sid, sid)
        assert record is not None
        assert record.to == "+12025550101"


class TestNotTaken:
    """The provider does not have it, and sometimes we cannot know that either."""

    @pytest.mark.parametrize(("do", "how"), [("status", {"status": 500}), ("reset", {})])
    def test_Q3_no_answer_and_nothing_taken_is_no_reason_to_send_again(
        self, stage: Stage, do: str, how: dict[str, int]
    ):
        stage.order(do, **how)
        message_id = stage.send("Hello")
        for _ in range(20):
            stage.pass_(minutes=1)
        assert stage.world.message(message_id)["status"] == "unknown"
        assert stage.world.value("SELECT attention FROM conversations") == "delivery_unknown"
        assert (stage.accepted("Hello"), stage.posts()) == (0, 1)

    @pytest.mark.parametrize("asked", ["20", "date"], ids=["seconds", "date"])
    def test_Q4_too_many_requests_then_once(self, stage: Stage, asked: str):
        if asked == "date":  # read against the answer's own `Date`
            asked = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
        stage.order("status", status=429, headers={"Retry-After": asked})
        message_id = stage.send("Hello")
        assert stage.world.message(message_id)["status"] == "queued"
        stage.pass_(seconds=18)
        assert stage.posts() == 1
        stage.pass_(seconds=4)
        assert stage.world.message(message_id)["status"] == "accepted"
        assert (stage.accepted("Hello"), stage.posts()) == (1, 2)

    def test_a_refused_connection_is_tried_until_somebody_listens(self, stage: Stage):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
            stage.speak_to(nobody)
            message_id = stage.send("Hello")
        assert stage.world.message(message_id)["status"] == "queued"
        stage.speak_to(stage.base_url)
        stage.pass_(seconds=30)
        assert stage.world.message(message_id)["status"] == "accepted"
        assert (stage.accepted("Hello"), stage.posts()) == (1, 1)

    def test_Q5_S5_a_person_who_is_blocked_there_is_opted_out_here(self, stage: Stage):
        stage.simulator.handsets.set_opted_out("+12025550101", stage.line.number, True)
        message_id = stage.send("Hello")
        stored = stage.world.message(message_id)
        assert (stored["status"], stored["error_code"]) == ("failed", "21610")
        again = stage.send("Hello again")
        assert stage.world.message(again)["verdict"]["rule"] == "opted_out_by_provider_error"
        assert stage.posts() == 1

    def test_Q5_with_a_wrong_token_the_message_waits_until_it_is_set_right(self, stage: Stage):
        account = stage.simulator.accounts[stage.line.account_sid]
        token, account.auth_token = account.auth_token, "another"
        message_id = stage.send("Hello")
        assert stage.world.message(message_id)["status"] == "queued"
        assert stage.world.value("SELECT trouble FROM channels") == "20003"
        account.auth_token = token
        stage.pass_(minutes=15)
        assert stage.world.message(message_id)["status"] == "accepted"
        assert stage.world.value("SELECT trouble FROM channels") is None


def test_G2_any_mixture_of_faults_never_doubles_a_text(stage: Stage):
    """Fifty texts, every second one meets some fault; nothing is taken twice and nothing is lost."""
    faults = cycle(
        [
            {"do": "accept_then_status", "status": 500},
            {"do": "status", "status": 500},
            {"do": "accept_then_reset"},
            {"do": "reset"},
            {"do": "status", "status": 429},
        ]
    )
    bodies = [f"text-{number}-" for number in range(50)]
    for number, body in enumerate(bodies):
        if number % 2:
            stage.simulator.recorder.faults.add({**next(faults), "match": {**_POSTS, "body_contains": body}})
        thread = stage.world.conversation(stage.line, f"+1202555{number:04d}")
        stage.world.reply(stage.line, thread, body)
    stage.world.work("send_message")
    for _ in range(25):
        stage.pass_(minutes=1)

    taken = {body: stage.accepted(body) for body in bodies}
    assert set(taken.values()) <= {0, 1}
    rows = stage.world.rows("SELECT body, status FROM messages WHERE direction = 'outbound'")
    assert {row["body"]: row["status"] for row in rows} == {
        body: "accepted" if taken[body] else "unknown" for body in bodies
    }
    asked = stage.world.value("SELECT count(*) FROM conversations WHERE attention = 'delivery_unknown'")
    assert asked == list(taken.values()).count(0) == 10
