"""P7.2: a person is erased at once, with everything that speaks of them; an opt-out stays true without them."""

import json
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.consent.change import address_hashes
from leadsrally.contacts.merge import merge, split
from leadsrally.kit.storage import HOUSE
from leadsrally.messaging.leads.types import Lead
from leadsrally.privacy.erasure import ledger
from leadsrally.privacy.erasure.ledger import LEDGER
from leadsrally.privacy.register import REGISTER, Erased
from tests.api.conftest import Rival, person, problem, rival
from tests.erasure.conftest import PHONE, Eraser, everything, files_of, picture_from
from tests.fakes import answered
from tests.imports.conftest import Importer, importer
from tests.wiring.lived import lived_through
from tests.world import Line, MetaLine, Org, World

__all__ = ["importer", "rival"]  # fixtures

CANARY = "Zebulon-4471"
# Goes with its row, or by a window of its own that is told beside it.
ERASED = (Erased.ROW, Erased.MESSAGE, Erased.BLANKED)
NOT_OF_A_PERSON = {
    ("imports", "mapping"): "numbers of columns and keys of fields",
    ("erasures", "known_as"): "emptied when the erasure is done, see TestDone",
}
COLUMNS = [
    (entry.table, column)
    for entry in REGISTER
    if entry.subject == "contact" and entry.erased in ERASED
    for column in entry.columns
    if (entry.table, column) not in NOT_OF_A_PERSON
]
# Closed words, which a suppression keeps of what stood.
KEPT_WORDS = {("consent_states", name) for name in ("channel_kind", "purpose", "state", "source")}
TEXTS = {"text", "jsonb", "text[]", "character varying"}


def planted(world: World, table: str, column: str) -> bool:
    """Write the canary into every row's column, if that may hold any text."""
    kind = world.value(
        """SELECT format_type(atttypid, NULL) FROM pg_attribute
            WHERE attrelid = %(table)s::regclass AND attname = %(column)s AND attgenerated = ''
            UNION ALL SELECT '' LIMIT 1""",
        table=table,
        column=column,
    )
    if kind not in TEXTS:
        return False
    value = {"jsonb": Jsonb([CANARY]), "text[]": [CANARY]}.get(kind, CANARY)
    try:
        world.execute(f"UPDATE {table} SET {column} = %(value)s", value=value)
    except (psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation, psycopg.errors.RaiseException):
        return False  # a closed word, or one row for each
    return True


class TestEverything:
    """E1: walks the register. A column that is added to it is erased, or this fails."""

    @pytest.fixture
    def lived(self, world: World, line: Line, eraser: Eraser) -> None:
        lived_through(world, line)
        picture_from(world, line)
        world.execute(
            "UPDATE bulk_actions SET state = 'done'"
        )  # one that is at work is forgotten when it is over
        (known,) = address_hashes(runtime.of("erase").hashes, eraser.org.id, [PHONE])
        world.execute("UPDATE listed_numbers SET number_hash = %(hash)s", hash=known)

    def test_E1_each_column_of_each_person_is_gone(self, world: World, eraser: Eraser, lived: None):
        held = {of for of in COLUMNS if of not in KEPT_WORDS and planted(world, *of)}
        assert len(held) > 30, "where nothing is planted nothing is proven"
        filled = {table for table, _ in COLUMNS if world.rows(f"SELECT 1 FROM {table} LIMIT 1")}
        assert filled >= {table for table, _ in COLUMNS} - {"scores", "early_reports"}
        assert CANARY in everything(world)
        for contact_id in eraser.contacts():
            eraser.ask("contact", contact_id)
        eraser.work()
        left = [row for row in everything(world).splitlines() if CANARY in row]
        assert left == [], [row[:200] for row in left]
        own = {table for table, _ in COLUMNS} - {"exports", "imports", "bulk_actions"}  # blanked, see above
        for table in sorted(own):
            assert (
                world.rows(f"SELECT 1 FROM {table} WHERE organization_id = %(o)s", o=eraser.org.id) == []
            ), table

    def test_G5_nothing_of_them_is_left_anywhere(
        self, world: World, line: Line, eraser: Eraser, importer: Importer, caplog: pytest.LogCaptureFixture
    ):
        """Planted as it happens, and looked for in the database, in the storage, in jobs, in exports and in logs."""
        thread = world.conversation(line)
        contact_id = eraser.contact()
        world.text(line, f"I am {CANARY}")
        picture_from(world, line)
        path = f"/v1/contacts/{contact_id}"
        edited = {"name": CANARY, "email": f"{CANARY}@example.test"}
        assert eraser.client.patch(path, edited, eraser.client.etag(path))[0] == 200
        assert eraser.client.post(f"{path}/notes", {"body": CANARY}, **{"idempotency-key": "n"})[0] == 201
        importer.ready(f"name,phone\n{CANARY},{PHONE}\n")
        eraser.client.confirm()
        assert eraser.client.post("/v1/exports", {})[0] == 202
        world.work("export")
        world.reply(line, thread, f"Dear {CANARY}", idempotency_key=None)
        world.work("send_message")
        world.score()
        assert CANARY in everything(world)
        assert PHONE in everything(world)
        assert CANARY in files_of(eraser.storage)
        world.reply(line, thread, f"Still there, {CANARY}?")  # is not sent any more
        sent = len(world.sender.texts)
        eraser.erase("contact", contact_id)
        world.clock.pass_(minutes=5)
        for queue in ("send_message", "ai_score", "fetch_media", "notify"):
            world.work(queue)
        assert len(world.sender.texts) == sent
        for trace in (CANARY, PHONE, PHONE.removeprefix("+")):
            assert trace not in everything(world)
            assert trace not in files_of(eraser.storage)
            assert trace not in caplog.text
        assert list(eraser.storage.list(eraser.org.id, "media")) == []
        assert list(eraser.storage.list(eraser.org.id, "export")) == []

    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_G5_a_file_of_suppressions_goes_with_them(
        self, world: World, line: Line, eraser: Eraser, form: str
    ):
        """It names the number of whoever is on record; else it would be kept for a day."""
        world.text(line, "STOP")
        assert eraser.client.post("/v1/suppressions/exports", {"format": form})[0] == 202
        world.work("import_contacts")
        assert PHONE in files_of(eraser.storage)
        eraser.erase("contact", eraser.contact())
        assert PHONE not in files_of(eraser.storage)
        assert list(eraser.storage.list(eraser.org.id, "imports")) == []

    def test_E12_the_same_phone_at_another_tenant_stays(self, world: World, line: Line, eraser: Eraser):
        other = world.line(world.organization("Rival"))
        world.text(other, "Hello")
        world.conversation(line)
        eraser.erase("contact", eraser.contact())
        left = world.row("SELECT organization_id, phone FROM contacts")
        assert left == {"organization_id": other.organization_id, "phone": PHONE}
        assert world.value("SELECT count(*) FROM messages") == 1

    def test_other_people_of_the_tenant_stay(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        other = world.conversation(line, sender="+12025550102")
        world.text(line, "And I am another", sender="+12025550102")
        before = world.rows("SELECT * FROM messages WHERE conversation_id = %(id)s ORDER BY id", id=other)
        eraser.erase("contact", eraser.contact())
        after = world.rows("SELECT * FROM messages WHERE conversation_id = %(id)s ORDER BY id", id=other)
        assert before == after
        assert world.value("SELECT phone FROM contacts") == "+12025550102"


class TestAsking:
    def test_from_then_on_nothing_is_sent(self, world: World, line: Line, eraser: Eraser):
        waiting = world.reply(line, world.conversation(line), "One more thing")
        eraser.ask("contact", eraser.contact())
        world.work("send_message")
        assert world.message(waiting)["verdict"]["rule"] == "restricted"
        assert world.sender.texts == []

    def test_what_is_erased_is_not_found(self, world: World, line: Line, eraser: Eraser):
        thread, contact_id = world.conversation(line), eraser.contact()
        eraser.erase("contact", contact_id)
        problem(eraser.client.get(f"/v1/contacts/{contact_id}"), 404, "contact_not_found")
        problem(eraser.client.get(f"/v1/conversations/{thread}"), 404, "conversation_not_found")
        assert eraser.client.get("/v1/conversations")[1]["items"] == []
        assert eraser.client.get("/v1/messages?search=hello")[1]["items"] == []
        body = {"kind": "contact", "id": str(contact_id)}
        problem(eraser.client.post("/v1/erasures", body), 404, "contact_not_found")

    @pytest.mark.parametrize("kind", ["contact", "conversation", "message"])
    def test_T2_one_of_another_tenant_is_not_found(
        self, world: World, eraser: Eraser, rival: Rival, kind: str
    ):
        ids = {
            "contact": world.value("SELECT id FROM contacts"),
            "conversation": rival.conversation,
            "message": world.rows("SELECT id FROM messages")[0]["id"],
        }
        before = everything(world)
        body = {"kind": kind, "id": str(ids[kind])}
        problem(eraser.client.post("/v1/erasures", body), 404, f"{kind}_not_found")
        assert everything(world).count("\ncontacts:") == before.count("\ncontacts:")

    def test_twice_at_once_is_refused(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        eraser.ask("contact", eraser.contact())
        body = {"kind": "contact", "id": str(eraser.contact())}
        problem(eraser.client.post("/v1/erasures", body), 409, "erasure_under_way")

    def test_it_is_audited_without_a_name(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        contact_id = eraser.contact()
        eraser.erase("contact", contact_id)
        rows = world.rows(
            "SELECT action, actor_id, target_id FROM audit_log WHERE action LIKE 'erasure.%%' ORDER BY action DESC"
        )
        assert rows == [
            {"action": "erasure.requested", "actor_id": eraser.client.user_id, "target_id": contact_id},
            {"action": "erasure.begun", "actor_id": None, "target_id": contact_id},
        ]

    def test_the_progress_counts_what_went(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        world.text(line, "And another")
        shown = eraser.erase("contact", eraser.contact())
        assert (shown["messages_total"], shown["counts"]["messages"], shown["counts"]["contacts"]) == (
            2,
            2,
            1,
        )
        assert eraser.client.get("/v1/erasures")[1]["items"] == [shown]

    def test_a_repeat_of_what_made_them_makes_them_not_again(self, world: World, eraser: Eraser):
        new = {"phone": PHONE, "name": CANARY}
        assert eraser.client.post("/v1/contacts", new, **{"idempotency-key": "k"})[0] == 201
        eraser.erase("contact", eraser.contact())
        repeat = eraser.client.post("/v1/contacts", new, **{"idempotency-key": "k"})
        problem(repeat, 409, "answer_shown_once")
        assert eraser.contacts() == []


class TestLedger:
    def test_E6_it_is_written_before_the_first_row_goes(
        self, world: World, line: Line, eraser: Eraser, monkeypatch: pytest.MonkeyPatch
    ):
        world.conversation(line)
        contact_id = eraser.contact()
        there: list[bool] = []
        written = ledger.write

        def watching(*given: object) -> None:
            there.append(bool(eraser.contacts()))
            written(*given)  # pyright: ignore[reportArgumentType]

        monkeypatch.setattr(ledger, "write", watching)
        eraser.erase("contact", contact_id)
        assert there == [True]
        (entry,) = eraser.ledger()
        assert (entry.kind, entry.organization_id, entry.subject_id) == ("contact", eraser.org.id, contact_id)

    def test_E4_nothing_goes_while_the_ledger_cannot_be_written(
        self, world: World, line: Line, eraser: Eraser, monkeypatch: pytest.MonkeyPatch
    ):
        world.conversation(line)
        erasure_id = eraser.ask("contact", eraser.contact())

        def broken(*_: object) -> None:
            raise OSError("away")

        with monkeypatch.context() as away:
            away.setattr(ledger, "write", broken)
            world.ring("erase", world.due("erase"))
        assert eraser.shown(erasure_id)["state"] == "waiting"
        assert world.value("SELECT phone FROM contacts") == PHONE
        world.execute("UPDATE jobs SET error = NULL")
        world.clock.pass_(minutes=1)
        eraser.work()
        assert eraser.contacts() == []

    def test_E6_it_holds_no_number_and_no_name(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        world.execute("UPDATE contacts SET name = %(name)s", name=CANARY)
        world.text(line, "STOP")
        eraser.erase("contact", eraser.contact())
        (held,) = eraser.storage.list(HOUSE, LEDGER)
        with eraser.storage.open(held.key) as chunks:
            text = b"".join(chunks).decode()
        assert PHONE not in text
        assert CANARY not in text
        assert json.loads(text)["suppressed"][0]["channel_kind"] == "sms"


class TestStaysTrue:
    """An opt-out outlives its person, whoever brings them back."""

    @pytest.fixture
    def erased(self, world: World, line: Line, eraser: Eraser) -> None:
        world.conversation(line)
        world.agrees(line)
        world.text(line, "STOP")
        eraser.erase("contact", eraser.contact())
        assert eraser.contacts() == []

    def refused(self, world: World, line: Line, purpose: str = "service") -> str:
        thread = world.rows("SELECT id FROM conversations ORDER BY created_at DESC")[0]["id"]
        message = world.reply(line, thread, "Hello again", purpose=purpose)
        world.work("send_message")
        return world.message(message)["verdict"]["rule"]

    def test_E2_an_inbound_text_brings_a_new_contact_who_stays_suppressed(
        self, world: World, line: Line, eraser: Eraser, erased: None
    ):
        sent = len(world.sender.texts)
        world.text(line, "Who is this?")
        assert world.row("SELECT phone, name FROM contacts") == {"phone": PHONE, "name": ""}
        assert world.value("SELECT count(*) FROM messages") == 1
        assert self.refused(world, line) == "suppressed"
        assert len(world.sender.texts) == sent

    def test_E3_an_import_obeys(
        self, world: World, line: Line, eraser: Eraser, importer: Importer, erased: None
    ):
        told = importer.run(f"phone,name\n{PHONE},Ada\n")
        assert told["suppressed"] == 1
        world.text(line, "Hi")
        assert self.refused(world, line) == "suppressed"

    def test_a_lead_obeys(self, world: World, line: Line, org: Org, eraser: Eraser, erased: None):
        page = world.lead_page(org)
        left = Lead("8000000000009", "9000000000001", world.clock.now, answered(phone_number=PHONE))
        world.leads.add(left)
        world.lead(page, left.id)
        world.work("fetch_lead")
        assert eraser.contact()
        world.text(line, "Hi")
        assert self.refused(world, line, "marketing") in ("suppressed", "no_marketing_consent")
        assert self.refused(world, line) == "suppressed"

    def test_what_was_only_on_hold_is_not_written_to_either(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        world.text(line, "please dont text me so often ok")
        world.execute("UPDATE consent_states SET state = 'paused'")
        contact_id = eraser.contact()
        if not world.rows("SELECT 1 FROM consent_states"):
            given = {"o": eraser.org.id, "c": contact_id, "e": uuid4(), "now": world.clock.now}
            world.execute(
                """INSERT INTO consent_events (organization_id, id, contact_id, channel_kind, purpose, action, source,
                       scope, occurred_at, recorded_at)
                   VALUES (%(o)s, %(e)s, %(c)s, 'sms', 'all', 'pause', 'ai', 'organization', %(now)s, %(now)s)""",
                **given,
            )
            world.execute(
                "INSERT INTO consent_states VALUES (%(o)s, %(c)s, 'sms', 'all', 'paused', 'ai', %(e)s, %(now)s)",
                **given,
            )
        eraser.erase("contact", contact_id)
        world.text(line, "Hello?")
        assert self.refused(world, line) == "suppressed"

    def test_whoever_never_refused_is_not_suppressed(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        eraser.erase("contact", eraser.contact())
        world.text(line, "It is me again")
        assert self.refused(world, line) == "permitted"


class TestTombstones:
    def test_W9_a_webhook_of_sixty_days_ago_brings_nobody_back(
        self, world: World, line: Line, eraser: Eraser
    ):
        captured = f"SM{uuid4().hex}"
        world.text(line, "My secret", sid=captured)
        world.clock.pass_(days=60)
        world.execute("SELECT delivery_log_make_day(%(day)s)", day=world.clock.now.date())
        eraser.erase("contact", eraser.contact())
        assert world.text(line, "My secret", sid=captured).status == 200
        assert eraser.contacts() == []
        assert "My secret" not in everything(world)

    def test_W9_so_it_is_on_whatsapp_and_with_an_edit(self, world: World, whatsapp: MetaLine, eraser: Eraser):
        world.whatsapp(whatsapp, "My secret", wamid="wamid.one")
        (contact_id,) = eraser.contacts()
        eraser.erase("contact", contact_id)
        world.whatsapp(whatsapp, "My secret", wamid="wamid.one")
        edit = {
            "original_message_id": "wamid.one",
            "message": {"type": "text", "text": {"body": "My secret 2"}},
        }
        world.whatsapp(whatsapp, type="edit", edit=edit)
        assert eraser.contacts() == []
        assert "My secret" not in everything(world)


class TestMerged:
    def merged(self, world: World, line: Line, eraser: Eraser) -> tuple[UUID, UUID, UUID]:
        world.conversation(line)
        world.text(line, "I have another phone", sender="+12025550102")
        winner, loser = eraser.contact(), eraser.contact("+12025550102")
        world.execute("UPDATE contacts SET name = %(name)s WHERE id = %(id)s", name=CANARY, id=loser)
        with runtime.of("api").db.tenant(eraser.org.id) as tx:
            merge_id = merge(tx, eraser.org.id, winner, loser, actor=SYSTEM, now=world.clock.now)
        return winner, loser, merge_id

    @pytest.mark.parametrize("by", ["winner", "loser"])
    def test_both_records_of_one_person_go(self, world: World, line: Line, eraser: Eraser, by: str):
        winner, loser, _ = self.merged(world, line, eraser)
        eraser.erase("contact", {"winner": winner, "loser": loser}[by])
        text = everything(world)
        assert all(trace not in text for trace in (CANARY, PHONE, "+12025550102"))
        (entry,) = eraser.ledger()
        assert (entry.subject_id, entry.merged) == (winner, (loser,))

    def test_who_was_split_off_stays_and_leaves_no_copy(self, world: World, line: Line, eraser: Eraser):
        winner, loser, merge_id = self.merged(world, line, eraser)
        with runtime.of("api").db.tenant(eraser.org.id) as tx:
            split(tx, eraser.org.id, merge_id, actor=SYSTEM, now=world.clock.now)
        eraser.erase("contact", loser)
        text = everything(world)
        assert CANARY not in text
        assert "+12025550102" not in text
        assert eraser.contacts() == [winner]


class TestDone:
    def test_nothing_by_which_they_could_be_known_is_left(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        eraser.erase("contact", eraser.contact())
        assert world.row("SELECT known_as, import_ids FROM erasures") == {"known_as": [], "import_ids": []}

    def test_E11_an_agent_who_was_erased_elsewhere_may_have_asked(
        self, world: World, line: Line, eraser: Eraser
    ):
        agent = person(world, eraser.org, "admin")
        world.conversation(line)
        body = {"kind": "contact", "id": str(eraser.contact())}
        assert agent.post("/v1/erasures", body)[0] == 202
        world.execute("DELETE FROM sessions WHERE user_id = %(id)s", id=agent.user_id)
        world.execute("DELETE FROM users WHERE id = %(id)s", id=agent.user_id)
        eraser.work()
        assert eraser.client.get("/v1/erasures")[1]["items"][0]["state"] == "done"


class TestCertificate:
    def test_P7_2_it_says_what_went_and_not_who_it_was(self, world: World, line: Line, eraser: Eraser):
        world.text(line, "canary of the certificate", sender=PHONE)
        subject = eraser.contact()
        done = eraser.erase("contact", subject)
        status, told = eraser.client.get(f"/v1/erasures/{done['id']}/certificate")
        assert status == 200, told
        assert told["deleted"] == done["counts"]
        assert (told["subject_id"], told["erased_at"]) == (str(subject), done["finished_at"])
        assert told["id"] in told["text"]
        assert "messages" in told["text"]
        assert "canary" not in str(told)
        assert PHONE not in str(told)
        assert eraser.org.name not in str(told)

    def test_there_is_none_while_something_is_left(self, world: World, line: Line, eraser: Eraser):
        world.text(line, "hello", sender=PHONE)
        erasure_id = eraser.ask("contact", eraser.contact())
        problem(eraser.client.get(f"/v1/erasures/{erasure_id}/certificate"), 409, "erasure_not_done")

    def test_T1_another_customers_is_not_there(self, world: World, line: Line, eraser: Eraser):
        world.text(line, "hello", sender=PHONE)
        done = eraser.erase("contact", eraser.contact())
        rival = person(world, world.organization("Rival"))
        problem(rival.get(f"/v1/erasures/{done['id']}/certificate"), 404, "erasure_not_found")
