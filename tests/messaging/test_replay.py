"""What was set aside is taken by a version that has learnt to read it, on the way of any other piece."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from leadsrally import runtime
from leadsrally.kit.db import Database
from leadsrally.messaging import take_delivery
from leadsrally.messaging.quarantine_store import shelves
from leadsrally.messaging.replay_quarantine import Replay, replay_quarantine
from leadsrally.messaging.take_delivery import Intake
from leadsrally.messaging.types import Item
from leadsrally.providers.meta.error_codes import effect_of
from leadsrally.providers.meta.inbound import reread
from tests.world import MetaLine, Org, World


@pytest.fixture
def number(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


@pytest.fixture
def quarantine(world: World) -> Iterator[Database]:
    db = Database(world.database.url("leadsrally_quarantine"))
    yield db
    db.close()


def learnt(piece: bytes) -> Iterable[Item]:
    """A version that knows that Meta calls the id of a message `uid` sometimes."""
    return reread(piece.replace(b'"uid"', b'"id"'))


@pytest.fixture
def again(world: World, quarantine: Database) -> Any:
    door = runtime.of("webhook_meta")

    def told(error: BaseException) -> None:
        raise error

    def run(read: Any = learnt, *, reason: str | None = None, dry_run: bool = False) -> Counter[str]:
        intake = Intake(door.db, door.hashes, effect_of, told)
        return replay_quarantine(
            Replay(quarantine, read, intake, world.clock), reason=reason, dry_run=dry_run
        )

    return run


def unread(world: World, line: MetaLine, uid: str, body: str, sender: str = "12025550101") -> None:
    """A message in a shape that this version cannot read."""
    at = str(int(world.clock.now.timestamp()))
    told = {"uid": uid, "from": sender, "timestamp": at, "type": "text", "text": {"body": body}}
    contacts = [{"wa_id": sender, "profile": {"name": "Ann"}}]
    assert world.meta(line, world.news(line, messages=[told], contacts=contacts)).status == 200


def kept(world: World) -> int:
    return world.value("SELECT count(*) FROM quarantine")


class TestReplay:
    def test_it_becomes_a_message_of_its_own_time_with_all_that_belongs_to_it(
        self, world: World, number: MetaLine, again: Any
    ):
        unread(world, number, "wamid.A", "Is it open on Sunday?")
        sent_at = world.clock.now.replace(microsecond=0)
        assert (kept(world), world.rows("SELECT 1 FROM messages")) == (1, [])
        world.clock.pass_(days=3)
        assert again() == {"stored": 1}
        message = world.row("SELECT * FROM messages")
        assert (message["body"], message["said_at"]) == ("Is it open on Sunday?", sent_at)
        assert world.value("SELECT name FROM contacts") == "Ann"
        assert world.value("SELECT last_inbound_at FROM conversations") == sent_at  # no window of today
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'ai_score'") == 1
        assert kept(world) == 0
        assert again() == {}

    def test_S1_a_STOP_in_it_counts(self, world: World, number: MetaLine, again: Any):
        unread(world, number, "wamid.A", "STOP")
        again()
        assert world.value("SELECT state FROM consent_states") == "revoked"

    def test_W9_what_came_otherwise_meanwhile_is_no_second_message(
        self, world: World, number: MetaLine, again: Any
    ):
        unread(world, number, "wamid.A", "Hello")
        world.whatsapp(number, "Hello", wamid="wamid.A")
        assert again() == {"duplicate": 1}
        assert world.value("SELECT count(*) FROM messages") == 1
        assert kept(world) == 0

    def test_W15_killed_between_taking_it_and_letting_it_go(
        self, world: World, number: MetaLine, again: Any, monkeypatch: pytest.MonkeyPatch
    ):
        from leadsrally.messaging import quarantine_store

        unread(world, number, "wamid.A", "Hello")
        with monkeypatch.context() as broken:
            broken.setattr(quarantine_store, "let_go", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                again()
        assert again() == {"duplicate": 1}
        assert world.value("SELECT count(*) FROM messages") == 1

    def test_what_is_not_understood_stays_as_it_was(self, world: World, number: MetaLine, again: Any):
        unread(world, number, "wamid.A", "Hello")
        before = world.row("SELECT * FROM quarantine")
        assert again(reread) == {"still:message_id": 1}
        assert world.row("SELECT * FROM quarantine") == before

    def test_what_breaks_stays_and_loses_no_other(
        self, world: World, number: MetaLine, again: Any, monkeypatch: pytest.MonkeyPatch
    ):
        for name in ("A", "B", "C"):
            unread(world, number, f"wamid.{name}", name)
            world.clock.pass_(seconds=1)
        real = take_delivery.receive_piece

        def breaks(db: Any, hashes: Any, channel: Any, inbound: Any, now: Any) -> Any:
            if inbound.body == "B":
                raise take_delivery.LeadsRallyError("no", code="some_word")
            return real(db, hashes, channel, inbound, now)

        monkeypatch.setattr(take_delivery, "receive_piece", breaks)
        assert again() == {"stored": 2, "still:some_word": 1}
        assert kept(world) == 1

    def test_of_several_reasons_one(self, world: World, number: MetaLine, again: Any):
        unread(world, number, "wamid.A", "Hello")
        foreign = world.whatsapp_line(world.organization("Rival"))
        world.meta(number, world.news(foreign, messages=[{"id": "wamid.B", "type": "text", "from": "1"}]))
        assert again(reason="message_id") == {"stored": 1}
        assert again() == {"still:foreign_number": 1}

    def test_T2_each_goes_to_its_own_tenant(self, world: World, number: MetaLine, again: Any):
        other = world.whatsapp_line(world.organization("Rival"))
        unread(world, number, "wamid.A", "to Harbour")
        unread(world, other, "wamid.A", "to the rival")
        assert again() == {"stored": 2}
        held = world.rows("SELECT organization_id AS o, body FROM messages")
        assert {(row["o"], row["body"]) for row in held} == {
            (number.organization_id, "to Harbour"),
            (other.organization_id, "to the rival"),
        }

    def test_of_a_channel_that_was_disconnected_it_stays(self, world: World, number: MetaLine, again: Any):
        unread(world, number, "wamid.A", "Hello")
        world.execute("UPDATE channels SET state = 'disconnected'")
        assert again() == {"disconnected": 1}
        assert kept(world) == 1

    def test_more_than_fit_into_one_page(
        self, world: World, number: MetaLine, again: Any, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("leadsrally.messaging.replay_quarantine._AT_ONCE", 2)
        for place in range(5):
            unread(world, number, f"wamid.{place}", "Hello", sender=f"1202555010{place}")
        assert again(reread) == {"still:message_id": 5}
        assert again() == {"stored": 5}


class TestLook:
    def test_a_dry_run_changes_nothing(self, world: World, number: MetaLine, again: Any):
        unread(world, number, "wamid.A", "Hello")
        assert again(dry_run=True) == {"readable": 1}
        assert again(reread, dry_run=True) == {"still:message_id": 1}
        assert (kept(world), world.rows("SELECT 1 FROM messages")) == (1, [])

    def test_a_list_counts_and_names_nobody(self, world: World, number: MetaLine, quarantine: Database):
        unread(world, number, "wamid.A", "Hello")
        unread(world, number, "wamid.B", "x" * 70_000)
        with quarantine.across() as tx:
            (shelf,) = shelves(tx)
        assert (shelf.channel_id, shelf.reason, shelf.pieces, shelf.long) == (number.id, "message_id", 2, 1)
