"""Two records of one person become one and two again; nobody who said STOP is written to on the way."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.consent import change
from leadsrally.consent.types import Evidence
from leadsrally.contacts.merge import merge, split
from leadsrally.contacts.merge_store import MOVES
from leadsrally.kit.errors import Conflict, LeadsRallyError, NotFound
from tests.world import Line, Org, World

WINNER, LOSER = "+12025550101", "+12025550102"


def person(world: World, line: Line, number: str, **columns: Any) -> UUID:
    """Somebody who has written from this number."""
    world.conversation(line, sender=number)
    contact = world.value("SELECT id FROM contacts WHERE phone = %(phone)s", phone=number)
    for name, value in columns.items():
        world.execute(f"UPDATE contacts SET {name} = %(value)s WHERE id = %(id)s", value=value, id=contact)
    return contact


def merged(world: World, org: Org, winner: UUID, loser: UUID) -> UUID:
    with runtime.of("api").db.tenant(org.id) as tx:
        return merge(tx, org.id, winner, loser, actor=SYSTEM, now=world.clock.now)


def taken_apart(world: World, org: Org, merge_id: UUID) -> None:
    with runtime.of("api").db.tenant(org.id) as tx:
        split(tx, org.id, merge_id, actor=SYSTEM, now=world.clock.now)


def tells(world: World, line: Line, contact: UUID, state: str | None, purpose: str = "all") -> None:
    """Let this stand about a person on SMS."""
    if state is None:
        return
    event, now = uuid4(), world.clock.now
    ids = {
        "organization_id": line.organization_id,
        "contact_id": contact,
        "channel_kind": "sms",
        "purpose": purpose,
    }
    action = {"granted": "grant", "revoked": "revoke", "paused": "pause"}[state]
    said = {
        "source": "staff",
        "scope": "organization",
        "occurred_at": now,
        "recorded_at": now,
        "action": action,
    }
    world._insert("consent_events", {**ids, "id": event, **said})
    world._insert(
        "consent_states", {**ids, "state": state, "source": "staff", "event_id": event, "since": now}
    )


def states(world: World, contact: UUID) -> dict[str, str]:
    rows = world.rows("SELECT purpose, state FROM consent_states WHERE contact_id = %(id)s", id=contact)
    return {row["purpose"]: row["state"] for row in rows}


def verdict(world: World, line: Line, thread: UUID) -> str:
    message = world.reply(line, thread, "hello")
    world.work("send_message")
    return world.message(message)["verdict"]["rule"]


def everything(world: World) -> dict[str, list[str]]:
    """All rows of people, but for what an undone merge leaves behind and versions that count on."""
    tables = {*MOVES, "contacts", "consent_states", "messages"} - {"contact_merges"}
    return {
        name: sorted(
            str(
                {
                    key: value
                    for key, value in row["r"].items()
                    if key not in ("version", "updated_at", "tagged_at")
                }
            )
            for row in world.rows(f"SELECT to_jsonb(t) AS r FROM {name} AS t")
            if row["r"].get("action") != "lapse"  # what was ended for the merge stays written down
        )
        for name in tables
    }


class TestMerge:
    def test_what_was_of_the_one_is_of_the_other_and_comes_back(self, world: World, org: Org, line: Line):
        second = world.line(org)
        for slot in (0xA, 0xB):
            field = {"organization_id": org.id, "id": UUID(int=slot), "key": f"k{slot}", "label": f"K{slot}"}
            world._insert("contact_fields", {**field, "type": "number", "created_at": world.clock.now})
        winner = person(world, line, WINNER, name="Ada", fields='{"00000000000a": 1}')
        loser = person(
            world, line, LOSER, name="A. Lovelace", email="ada@b.example", fields='{"00000000000b": 2}'
        )
        world.text(second, "on another line", sender=LOSER)
        for tag, on in (("both", (winner, loser)), ("hers", (loser,))):
            tag_id = uuid4()
            ids = {"organization_id": org.id, "created_at": world.clock.now}
            world._insert("tags", {**ids, "id": tag_id, "name": tag})
            for contact in on:
                row = {"organization_id": org.id, "contact_id": contact, "tag_id": tag_id}
                world._insert("contact_tags", {**row, "tagged_at": world.clock.now})
        note = {"organization_id": org.id, "id": uuid4(), "contact_id": loser, "body": "likes red"}
        world._insert("contact_notes", {**note, "created_at": world.clock.now})
        tells(world, line, loser, "granted", "marketing")
        before = everything(world)
        merge_id = merged(world, org, winner, loser)
        row = world.row("SELECT name, email, phone, fields FROM contacts")
        assert row == {"name": "Ada", "email": "ada@b.example", "phone": WINNER,
                       "fields": {"00000000000a": 1, "00000000000b": 2}}  # fmt: skip
        assert world.value("SELECT count(*) FROM conversations WHERE contact_id = %(id)s", id=winner) == 3
        assert world.value("SELECT count(*) FROM contact_tags WHERE contact_id = %(id)s", id=winner) == 2
        assert world.value("SELECT contact_id FROM contact_notes") == winner
        taken_apart(world, org, merge_id)
        assert everything(world) == before

    @pytest.mark.parametrize(
        ("first", "second", "stands"),
        [
            ("revoked", "granted", "revoked"),
            ("granted", "revoked", "revoked"),
            (None, "revoked", "revoked"),
            ("paused", "granted", "paused"),
            ("paused", "revoked", "revoked"),
            ("granted", "granted", "granted"),
            ("granted", None, None),  # the other number was never agreed about
            (None, "granted", None),
            (None, None, None),
        ],
    )
    def test_S8_the_strictest_stands_and_a_split_restores_each(
        self, world: World, org: Org, line: Line, first: str | None, second: str | None, stands: str | None
    ):
        winner, loser = person(world, line, WINNER), person(world, line, LOSER)
        tells(world, line, winner, first)
        tells(world, line, loser, second)
        merge_id = merged(world, org, winner, loser)
        assert states(world, winner) == ({} if stands is None else {"all": stands})
        taken_apart(world, org, merge_id)
        assert states(world, winner) == ({} if first is None else {"all": first})
        assert states(world, loser) == ({} if second is None else {"all": second})

    def test_S8_a_yes_to_everything_and_a_no_to_offers_is_a_no_to_offers(
        self, world: World, org: Org, line: Line
    ):
        winner, loser = person(world, line, WINNER), person(world, line, LOSER)
        tells(world, line, winner, "granted")
        tells(world, line, loser, "revoked", "marketing")
        merged(world, org, winner, loser)
        assert states(world, winner) == {"marketing": "revoked"}

    def test_S8_a_hold_that_is_lifted_brings_no_yes_back_that_was_for_one_number(
        self, world: World, org: Org, line: Line
    ):
        winner, loser = person(world, line, WINNER), person(world, line, LOSER)
        tells(world, line, winner, "granted")
        tells(world, line, loser, "paused")
        world.clock.pass_(seconds=1)
        merged(world, org, winner, loser)
        with runtime.of("api").db.tenant(org.id) as tx:
            change.resume(tx, org.id, winner, "sms", Evidence("staff", world.clock.now), now=world.clock.now)
        assert states(world, winner) == {}

    def test_S7_the_number_of_the_record_that_is_gone_leads_to_the_one_that_stays(
        self, world: World, org: Org, line: Line
    ):
        winner, loser = person(world, line, WINNER), person(world, line, LOSER)
        merged(world, org, winner, loser)
        thread = world.conversation(line, sender=WINNER)
        world.clock.pass_(seconds=1)
        world.text(line, "from my other phone", sender=LOSER)
        assert world.value("SELECT count(*) FROM contacts") == 1
        assert verdict(world, line, thread) == "permitted"
        assert world.sender.texts[-1].recipient == LOSER  # answered where they wrote from
        world.text(line, "and from this one", sender=WINNER)
        assert verdict(world, line, thread) == "permitted"
        assert world.sender.texts[-1].recipient == WINNER
        world.text(line, "STOP", sender=LOSER)
        assert verdict(world, line, thread) == "opted_out_by_provider" or verdict(
            world, line, thread
        ).startswith("opted_out")

    def test_a_stop_since_the_merge_holds_for_both(self, world: World, org: Org, line: Line):
        winner, loser = person(world, line, WINNER), person(world, line, LOSER)
        tells(world, line, loser, "granted")
        merge_id = merged(world, org, winner, loser)
        world.clock.pass_(seconds=1)
        world.text(line, "STOP", sender=WINNER)
        taken_apart(world, org, merge_id)
        assert states(world, winner) == states(world, loser) == {"all": "revoked"}

    def test_merges_are_undone_in_turn(self, world: World, org: Org, line: Line):
        one, two, three = (person(world, line, f"+1202555010{n}") for n in range(3))
        before = everything(world)
        first = merged(world, org, one, two)
        world.clock.pass_(seconds=1)
        second = merged(world, org, three, one)
        with pytest.raises(Conflict, match="later merges"):
            taken_apart(world, org, first)
        world.text(line, "hi", sender="+12025550101")
        assert world.value("SELECT count(*) FROM contacts") == 1
        world.execute("DELETE FROM messages WHERE body = 'hi'")
        taken_apart(world, org, second)
        taken_apart(world, org, first)
        with pytest.raises(Conflict):
            taken_apart(world, org, first)
        after = everything(world)
        assert after["contacts"] == before["contacts"]
        assert after["messages"] == before["messages"]

    def test_every_table_that_refers_to_a_contact_is_moved(self, world: World):
        found = world.rows(
            """SELECT DISTINCT conrelid::regclass::text AS name FROM pg_constraint
                WHERE contype = 'f' AND confrelid = 'contacts'::regclass"""
        )
        assert {row["name"] for row in found} == {*MOVES, "consent_states"}


def together(*acts: Callable[[], Any]) -> list[BaseException | None]:
    """Do these at the same moment; what each raised."""
    gate = threading.Barrier(len(acts))
    raised: list[BaseException | None] = [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        gate.wait()
        try:
            act()
        except BaseException as error:  # noqa: BLE001  looked at below
            raised[place] = error

    threads = [threading.Thread(target=run, args=given) for given in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


class TestAtOnce:
    def test_two_merges_that_cross_leave_one_person(self, world: World, org: Org, line: Line):
        for turn in range(8):
            one, two = (person(world, line, f"+120255501{turn}{n}") for n in range(2))
            raised = together(lambda: merged(world, org, one, two), lambda: merged(world, org, two, one))  # noqa: B023
            assert sorted(type(error) for error in raised if error) == [NotFound], raised
            left = "SELECT count(*) FROM contacts WHERE id = ANY (%(ids)s)"
            assert world.value(left, ids=[one, two]) == 1

    def test_S8_a_stop_beside_a_merge_is_never_lost(self, world: World, org: Org, line: Line):
        for turn in range(12):
            numbers = [f"+1202555{turn:03}{n}" for n in range(2)]
            winner, loser = (person(world, line, number) for number in numbers)
            thread = world.conversation(line, sender=numbers[0])
            answers: list[int] = []
            raised = together(
                lambda: merged(world, org, winner, loser),  # noqa: B023
                lambda: answers.append(world.text(line, "STOP", sender=numbers[1]).status),  # noqa: B023
            )
            assert raised == [None, None]
            assert answers == [200]
            assert states(world, winner) == {"all": "revoked"}, turn
            assert verdict(world, line, thread).startswith("opted_out"), turn

    def test_a_text_beside_a_merge_is_stored_with_whoever_is_there(self, world: World, org: Org, line: Line):
        second = world.line(org)
        for turn in range(8):
            numbers = [f"+120255502{turn}{n}" for n in range(2)]
            winner, loser = (person(world, line, number) for number in numbers)
            answers: list[int] = []
            raised = together(
                lambda: merged(world, org, winner, loser),  # noqa: B023
                lambda: answers.append(world.text(second, f"text {turn}", sender=numbers[1]).status),  # noqa: B023
            )
            assert raised == [None, None]
            assert answers == [200]
            owner = """SELECT v.contact_id FROM messages m JOIN conversations v ON v.id = m.conversation_id
                        WHERE m.body = %(body)s"""
            assert world.value(owner, body=f"text {turn}") == winner

    def test_a_send_beside_a_merge_is_not_lost(self, world: World, org: Org, line: Line):
        for turn in range(6):
            numbers = [f"+120255503{turn}{n}" for n in range(2)]
            winner, loser = (person(world, line, number) for number in numbers)
            message = world.reply(line, world.conversation(line, sender=numbers[1]), "hello")
            raised = together(
                lambda: merged(world, org, winner, loser),  # noqa: B023
                lambda: world.work("send_message"),
            )
            assert raised == [None, None]
            world.work("send_message")
            assert world.message(message)["status"] == "accepted", turn
            assert not isinstance(raised[0], LeadsRallyError)


class TestRestricted:
    def test_E18_nothing_is_sent_to_or_asked_about_a_restricted_person(
        self, world: World, org: Org, line: Line
    ):
        contact = person(world, line, WINNER)
        world.execute("UPDATE contacts SET restricted_at = created_at WHERE id = %(id)s", id=contact)
        thread = world.conversation(line, sender=WINNER)
        assert verdict(world, line, thread) == "restricted"
        world.text(line, "How much is it?", sender=WINNER)
        world.score()
        assert world.scorer.shown == []
        assert world.value("SELECT count(*) FROM scores") == 0
