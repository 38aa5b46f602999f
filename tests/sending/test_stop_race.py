"""S4, G1: no send starts after a STOP has been committed, however they race.

A send starts when its claim commits (docs/decisions/0003), so the oracle goes by the order of commits. Clocks
cannot tell it: a timestamp is taken before the wait for a lock. Here a deferred trigger runs as the last
thing before each commit of a claim or a STOP, takes one lock for all of them and draws a number. The lock is
let go only when the commit is visible to others, so the numbers are in the order of the commits.
"""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.consent.change import address_hashes
from leadsrally.consent.types import Evidence
from leadsrally.consent.unsubscribe_link import number_of
from leadsrally.contacts.opt_out import opt_out
from leadsrally.sending import gate, store
from tests.fakes import RecordingSender
from tests.sending.crowd import gather
from tests.world import Line, MetaLine, Org, World

_ORACLE = """
CREATE SEQUENCE commits;
CREATE TABLE committed (number bigint, event text, contact_id uuid);
CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    contact uuid;
BEGIN
    IF TG_TABLE_NAME = 'messages' THEN
        SELECT contact_id INTO contact FROM conversations WHERE id = NEW.conversation_id;
    ELSE
        contact := NEW.contact_id;
    END IF;
    PERFORM pg_advisory_xact_lock(1);
    INSERT INTO committed VALUES (nextval('commits'), TG_ARGV[0], contact);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER claim_commits AFTER UPDATE ON messages DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.status = 'queued' AND NEW.status = 'claimed' AND NEW.purpose <> 'keyword')
    EXECUTE FUNCTION note_commit('claim');
CREATE CONSTRAINT TRIGGER stop_commits AFTER INSERT ON consent_events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.action = 'revoke')
    EXECUTE FUNCTION note_commit('stop');

-- The race is made wide: a claim dawdles between its decision and its commit.
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(random() * %s);
    RETURN NEW;
END
$$;
CREATE TRIGGER dawdle BEFORE UPDATE ON messages
    FOR EACH ROW WHEN (OLD.status = 'queued' AND NEW.status = 'claimed')
    EXECUTE FUNCTION dawdle();
"""

_VIOLATIONS = """
SELECT count(*)
  FROM committed AS claim
  JOIN committed AS stop USING (contact_id)
 WHERE claim.event = 'claim' AND stop.event = 'stop' AND claim.number > stop.number
"""


def texted(world: World, line: Line) -> Callable[[str], int]:
    """STOP, as a text from this phone; the status of the answer."""
    return lambda phone: world.text(line, "STOP", sender=phone).status


def linked(world: World, line: Line) -> Callable[[str], int]:
    """The unsubscribe link of a message to this phone, posted by a mail program or a thumb."""
    door = runtime.of("api")
    links = door.unsubscribe_links.links

    def stop(phone: str) -> int:
        hashes = address_hashes(door.hashes, line.organization_id, [phone])
        contact_id = contact_of(world, phone)
        with door.db.tenant(line.organization_id) as tx:
            number = number_of(tx, line.organization_id, contact_id, "sms", hashes, now=world.clock.now)
        path = links.url(number).removeprefix(links.public_url)
        return world.call(path, body=b"List-Unsubscribe=One-Click").status

    return stop


def written_down(world: World, org: Org) -> Callable[[str], int]:
    """A colleague writes down that whoever has this phone wants no more."""
    token = world.token(world.user(org), org)
    # The first call of a process takes as long as all the sending: the race must not begin before it.
    assert world.api("GET", "/v1/me", token)[0] == 200

    def stop(phone: str) -> int:
        path = f"/v1/consents/{contact_of(world, phone)}/revocations"
        status, _ = world.api("POST", path, token, {"channel": "sms"})
        return 200 if status == 201 else status

    return stop


_looking = threading.Lock()  # the connection of the asserts is one


def contact_of(world: World, phone: str) -> UUID:
    with _looking:
        return world.value("SELECT id FROM contacts WHERE phone = %(phone)s", phone=phone)


def race(
    world: World,
    line: Line | MetaLine,
    say_stop: Callable[[str], int],
    *,
    contacts: int,
    each: int,
    dawdle: float,
    senders: int = 6,
    stoppers: int = 1,
) -> None:
    """Send everything through the queue's door while every contact says STOP through the webhook's."""
    world.execute("UPDATE organizations SET ai_scoring = false, ai_suggestions = false")
    people = gather(world, line, contacts=contacts, each=each)
    world.execute("UPDATE conversations SET last_inbound_at = %(now)s", now=world.clock.now)
    world.execute(_ORACLE.replace("%s", str(dawdle)))
    phones = sorted(people)
    random.Random(4).shuffle(phones)
    failures: list[BaseException] = []
    start = threading.Barrier(senders + stoppers)

    def send(_: int) -> None:
        while ids := world.due("send_message", limit=12):
            world.ring("send_message", random.sample(ids, len(ids)))

    def stop(share: int) -> None:
        for phone in phones[share::stoppers]:
            assert say_stop(phone) == 200

    def guarded(act: Callable[[int], None], share: int) -> None:
        start.wait()
        try:
            act(share)
        except BaseException as failure:
            failures.append(failure)
            raise

    with ThreadPoolExecutor(senders + stoppers) as pool:
        wait(
            [pool.submit(guarded, send, n) for n in range(senders)]
            + [pool.submit(guarded, stop, n) for n in range(stoppers)]
        )
    assert failures == []
    world.work("send_message")


def opened(world: World) -> World:
    """With as many connections as there are threads."""
    world.close()
    world.__post_init__()
    return world.open(connections=8)


def queued(world: World, line: Line) -> list[UUID]:
    return [world.reply(line, world.conversation(line), "Hello")]


def until_one_waits(world: World) -> None:
    """Until some statement in this database waits for a lock."""
    sql = """SELECT count(*) FROM pg_stat_activity
              WHERE datname = %(name)s AND wait_event_type = 'Lock'"""
    deadline = time.monotonic() + 5
    while not world.value(sql, name=world.database.name):
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.005)


def nobody_was_sent_to_after_their_stop(world: World, sender: RecordingSender) -> None:
    counts = {
        row["event"]: row["n"]
        for row in world.rows("SELECT event, count(*) AS n FROM committed GROUP BY event")
    }
    assert counts["stop"] == 300
    assert 100 < counts["claim"] < 900, "it was no race: all went before, or none"
    assert world.value(_VIOLATIONS) == 0
    # Everything else was refused, with the reason; nothing is left over and nothing was sent unclaimed.
    statuses: dict[str, Any] = {
        row["status"]: row["n"]
        for row in world.rows(
            """SELECT status, count(*) AS n FROM messages WHERE direction = 'outbound' AND purpose <> 'keyword'
                GROUP BY status"""
        )
    }
    assert statuses == {"accepted": counts["claim"], "refused": 900 - counts["claim"]}
    confirmed = world.value("SELECT count(*) FROM messages WHERE purpose = 'keyword'")
    assert len(sender.texts) == counts["claim"] + confirmed
    rules = world.rows("SELECT DISTINCT verdict ->> 'rule' AS rule FROM messages WHERE status = 'refused'")
    assert rules == [{"rule": "opted_out_by_keyword"}]


class TestStopRace:
    def test_S4_G1_no_claim_commits_after_the_stop_of_its_contact(self, world: World, line: Line):
        race(opened(world), line, texted(world, line), contacts=300, each=3, dawdle=0.004)
        nobody_was_sent_to_after_their_stop(world, world.sender)

    def test_S4_G1_by_whatsapp(self, world: World, org: Org):
        """The same race, the words and the messages of both sides by WhatsApp."""
        number = opened(world).whatsapp_line(org)

        def written(phone: str) -> int:
            return world.whatsapp(number, "STOP", sender=phone.removeprefix("+")).status

        race(world, number, written, contacts=300, each=3, dawdle=0.004)
        nobody_was_sent_to_after_their_stop(world, world.meta_sender)

    @pytest.mark.parametrize("door", ["link", "staff"])
    def test_S4_G1_nor_after_any_other_way_to_opt_out(self, world: World, org: Org, line: Line, door: str):
        opened(world)
        stop = linked(world, line) if door == "link" else written_down(world, org)
        race(world, line, stop, contacts=80, each=3, dawdle=0.02, stoppers=2)
        claims = world.value("SELECT count(*) FROM committed WHERE event = 'claim'")
        assert world.value("SELECT count(*) FROM committed WHERE event = 'stop'") == 80
        assert 10 < claims < 240, "it was no race: all went before, or none"
        assert world.value(_VIOLATIONS) == 0
        assert len(world.sender.texts) == claims
        rules = world.rows(
            "SELECT DISTINCT verdict ->> 'rule' AS rule FROM messages WHERE status = 'refused'"
        )
        assert rules == [{"rule": f"opted_out_by_{door}"}]

    def test_S4_a_stop_waits_for_the_claim_in_flight(self, world: World, line: Line):
        """Deterministic: the claim is held open, and the STOP does not return before its commit."""
        (message,), door = queued(world, line), runtime.of("send_message")
        with ThreadPoolExecutor(1) as pool:
            with door.db.tenant(line.organization_id) as tx:
                claim = gate.claim(tx, door.hashes, line.organization_id, message, now=world.clock.now)
                stop = pool.submit(world.text, line, "STOP")
                until_one_waits(world)
                assert not stop.done()
            assert stop.result(10).status == 200
        assert isinstance(claim, gate.Cleared)

    def test_S4_a_claim_waits_for_the_stop_in_flight_and_sees_it(self, world: World, line: Line):
        (message,), door = queued(world, line), runtime.of("webhook_twilio")
        contact_id = world.value("SELECT id FROM contacts")
        with ThreadPoolExecutor(1) as pool:
            with door.db.tenant(line.organization_id) as tx:
                evidence = Evidence("keyword", world.clock.now, word="stop")
                opt_out(
                    tx, door.hashes, line.organization_id, contact_id, "sms", evidence, now=world.clock.now
                )
                working = pool.submit(world.work, "send_message")
                until_one_waits(world)
                assert not working.done()
            working.result(10)
        assert world.sender.texts == []
        assert world.message(message)["verdict"]["rule"] == "opted_out_by_keyword"

    def test_the_oracle_can_fail(self, world: World, line: Line, monkeypatch: pytest.MonkeyPatch):
        """A gate that looks and does not lock: between its look and its commit a STOP passes."""
        locked = store._LOCK
        monkeypatch.setattr(store, "_LOCK", locked.replace("FOR NO KEY UPDATE OF p", ""))
        assert locked != store._LOCK
        (message,), door = queued(world, line), runtime.of("send_message")
        world.execute(_ORACLE.replace("%s", "0"))
        with door.db.tenant(line.organization_id) as tx:
            claim = gate.claim(tx, door.hashes, line.organization_id, message, now=world.clock.now)
            assert world.text(line, "STOP").status == 200
        assert isinstance(claim, gate.Cleared)
        assert world.value(_VIOLATIONS) == 1

    def test_two_stops_at_once_to_two_of_our_numbers(self, world: World, org: Org):
        """Each begins a thread with a known contact, which refers to the contact's row, and then locks that row.
        With a lock that excludes references too they would wait for each other, until Postgres ends one.
        """
        opened(world)
        for number in range(10):
            phone = f"+1202555{number:04d}"
            world.text(world.line(org), "hi", sender=phone)
            start = threading.Barrier(2)

            def stop(line: Line, phone: str = phone, start: threading.Barrier = start) -> int:
                start.wait()
                return world.text(line, "STOP", sender=phone).status

            with ThreadPoolExecutor(2) as pool:
                assert list(pool.map(stop, [world.line(org), world.line(org)])) == [200, 200]
        assert world.value("SELECT count(*) FROM consent_states WHERE state = 'revoked'") == 10
