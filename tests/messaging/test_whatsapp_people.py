"""Who wrote: by number, by business-scoped id, by both, by another one than yesterday. A thread stays one."""

from typing import Any
from uuid import UUID

import pytest

from tests.world import MetaLine, Org, World

HIDDEN = "US.13491208655302741918"


@pytest.fixture
def number(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def contacts(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT id, phone, name FROM contacts ORDER BY created_at, id")


def names(world: World) -> dict[str, UUID]:
    """What leads to whom."""
    found = world.rows("SELECT kind, value, contact_id FROM contact_identities WHERE retired_at IS NULL")
    return {f"{row['kind']} {row['value']}": row["contact_id"] for row in found}


def import_contact(world: World, org: Org, phone: str | None, name: str = "") -> UUID:
    """As a customer's file would bring it."""
    from uuid import uuid4

    contact_id = uuid4()
    at = world.clock.now
    world._insert(
        "contacts",
        {
            "organization_id": org.id,
            "id": contact_id,
            "phone": phone,
            "name": name,
            "created_at": at,
            "updated_at": at,
        },
    )
    return contact_id


class TestKnownBy:
    def test_a_number_and_an_id_lead_to_one_contact(self, world: World, number: MetaLine):
        world.whatsapp(number, "one", from_user_id=HIDDEN)
        (contact,) = contacts(world)
        assert names(world) == {f"bsuid {HIDDEN}": contact["id"], "wa_id 12025550101": contact["id"]}
        world.whatsapp(number, "two", sender=None, from_user_id=HIDDEN)  # the number is hidden now
        world.whatsapp(number, "three")  # and a delivery from before they had an id
        assert len(contacts(world)) == 1
        assert world.value("SELECT unread_count FROM conversations") == 3

    def test_an_id_alone_makes_a_contact_without_a_phone(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi", sender=None, from_user_id=HIDDEN)
        assert [(row["phone"], row["name"]) for row in contacts(world)] == [(None, "Sheena Nelson")]
        assert world.value("SELECT address FROM conversations") == HIDDEN

    def test_a_number_that_shows_later_is_taken_over(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi", sender=None, from_user_id=HIDDEN, name="")
        world.whatsapp(number, "here I am", from_user_id=HIDDEN)
        (contact,) = contacts(world)
        assert (contact["phone"], contact["name"]) == ("+12025550101", "Sheena Nelson")
        assert world.value("SELECT address FROM conversations") == "12025550101"

    def test_one_that_is_somebodys_stays_theirs(self, world: World, org: Org, number: MetaLine):
        theirs = import_contact(world, org, "+12025550101")
        world.whatsapp(number, "hi", sender=None, from_user_id=HIDDEN)
        world.whatsapp(number, "here I am", from_user_id=HIDDEN)
        phones = {row["id"]: row["phone"] for row in contacts(world)}
        assert phones.pop(theirs) == "+12025550101"
        assert list(phones.values()) == [None]
        assert world.value("SELECT count(*) FROM conversations") == 1

    def test_the_business_scoped_id_is_the_surest(self, world: World, number: MetaLine):
        """The same id with another number: it is the person that counts."""
        world.whatsapp(number, "one", from_user_id=HIDDEN)
        world.whatsapp(number, "two", sender="12025550199", from_user_id=HIDDEN)
        assert len(contacts(world)) == 1
        assert contacts(world)[0]["phone"] == "+12025550101"  # what is stored is not rewritten
        assert world.value("SELECT address FROM conversations") == "12025550199"

    def test_the_id_that_linked_portfolios_share_leads_there_too(self, world: World, number: MetaLine):
        parent = "US.ENT.11815799212886844830"
        world.whatsapp(number, "one", sender=None, from_user_id="US.1", from_parent_user_id=parent)
        world.whatsapp(number, "two", sender=None, from_user_id="US.2", from_parent_user_id=parent)
        assert len(contacts(world)) == 1

    def test_a_name_that_staff_gave_is_kept(self, world: World, org: Org, number: MetaLine):
        import_contact(world, org, "+12025550101", "Dr. Nelson")
        world.whatsapp(number, "hi", name="sheena \U0001f33b")
        assert [row["name"] for row in contacts(world)] == ["Dr. Nelson"]

    def test_T9_the_same_id_at_two_tenants_is_two_contacts(self, world: World, number: MetaLine):
        rival = world.whatsapp_line(world.organization("Rival"))
        for line in (number, rival):
            world.whatsapp(line, "hi", sender=None, from_user_id=HIDDEN)
        assert len(contacts(world)) == 2

    def test_ordinary_messages_write_no_names(self, world: World, number: MetaLine):
        """Once known, nothing about a person is written again: it would cost every message."""
        world.whatsapp(number, "one", from_user_id=HIDDEN)
        before = world.rows("SELECT xmin::text, * FROM contact_identities ORDER BY kind")
        person = world.row("SELECT xmin::text, * FROM contacts")
        world.clock.pass_(seconds=9)
        world.whatsapp(number, "two", from_user_id=HIDDEN)
        assert world.rows("SELECT xmin::text, * FROM contact_identities ORDER BY kind") == before
        assert world.row("SELECT xmin::text, * FROM contacts") == person


class TestVariants:
    """Numbers that are written in two ways are one, and what is stored is never rewritten."""

    @pytest.mark.parametrize(
        ("stored", "wa_id"),
        [
            ("+5511987654321", "551187654321"),
            ("+551187654321", "5511987654321"),
            ("+541123456789", "5491123456789"),
            ("+5491123456789", "541123456789"),
            ("+525512345678", "5215512345678"),
            ("+5215512345678", "525512345678"),
        ],
    )
    def test_an_imported_number_is_found(
        self, world: World, org: Org, number: MetaLine, stored: str, wa_id: str
    ):
        imported = import_contact(world, org, stored)
        world.whatsapp(number, "oi", sender=wa_id)
        assert [(row["id"], row["phone"]) for row in contacts(world)] == [(imported, stored)]
        assert names(world) == {f"wa_id {wa_id}": imported}
        assert world.value("SELECT address FROM conversations") == wa_id

    def test_the_number_as_given_comes_first(self, world: World, org: Org, number: MetaLine):
        """Two contacts, one for each way: the one that is written as WhatsApp writes it."""
        other = import_contact(world, org, "+5511987654321")
        same = import_contact(world, org, "+551187654321")
        world.whatsapp(number, "oi", sender="551187654321")
        assert world.value("SELECT contact_id FROM conversations") in (other, same)

    def test_a_text_finds_whoever_wrote_by_whatsapp(self, world: World, org: Org, number: MetaLine):
        world.whatsapp(number, "oi", sender="551187654321")
        assert contacts(world)[0]["phone"] == "+5511987654321"  # as E.164 has it
        sms = world.line(org)
        world.text(sms, "oi", sender="+5511987654321")
        world.text(sms, "oi de novo", sender="+551187654321")
        assert len(contacts(world)) == 1
        assert world.value("SELECT count(*) FROM conversations") == 2


class TestOnePersonTwoChannels:
    def test_sms_and_whatsapp_are_two_threads_of_one_contact(self, world: World, org: Org, number: MetaLine):
        sms = world.line(org)
        world.text(sms, "hello by text")
        world.whatsapp(number, "hello by WhatsApp")
        assert len(contacts(world)) == 1
        kinds = world.rows(
            """SELECT ch.kind, c.preview FROM conversations c JOIN channels ch ON ch.id = c.channel_id ORDER BY 1"""
        )
        assert [tuple(row.values()) for row in kinds] == [
            ("sms", "hello by text"),
            ("whatsapp", "hello by WhatsApp"),
        ]


def changed(
    world: World, line: MetaLine, event: str, *, sender: str | None = "12025550101", **ids: Any
) -> Any:
    system = {"type": event, "body": "User changed", **ids}
    return world.whatsapp(line, sender=sender, type="system", system=system)


class TestRenaming:
    def test_a_new_number_leads_to_the_same_thread(self, world: World, number: MetaLine):
        world.whatsapp(number, "one")
        assert changed(world, number, "user_changed_number", wa_id="12025550199").status == 200
        world.whatsapp(number, "two", sender="12025550199")
        (contact,) = contacts(world)
        assert contact["phone"] == "+12025550101"  # stays: it may still take texts
        conversation = world.row("SELECT address, attention, unread_count FROM conversations")
        assert conversation == {"address": "12025550199", "attention": "number_changed", "unread_count": 2}
        note = world.row("SELECT kind, body, content, direction FROM messages WHERE kind = 'system'")
        assert note == {
            "kind": "system",
            "body": "User changed",
            "content": {"system": {"event": "number_changed"}},
            "direction": "inbound",
        }

    def test_whoever_gets_the_old_number_is_somebody_else(self, world: World, number: MetaLine):
        world.whatsapp(number, "my secrets")
        first = contacts(world)[0]["id"]
        changed(world, number, "user_changed_number", wa_id="12025550199")
        world.clock.pass_(days=9)
        world.whatsapp(number, "hello, I have a new phone", name="Somebody Else")
        assert len(contacts(world)) == 2
        second = next(row for row in contacts(world) if row["id"] != first)
        assert (second["phone"], second["name"]) == (None, "Somebody Else")
        threads = world.rows("SELECT contact_id, preview FROM conversations ORDER BY created_at")
        assert [row["preview"] for row in threads] == ["my secrets", "hello, I have a new phone"]

    def test_a_number_known_only_from_an_import_is_given_up_too(
        self, world: World, org: Org, number: MetaLine
    ):
        import_contact(world, org, "+12025550101", "Ada")
        changed(world, number, "user_changed_number", wa_id="12025550199")
        world.whatsapp(number, "who is this?", name="Somebody Else")
        assert sorted(row["name"] for row in contacts(world)) == ["Ada", "Somebody Else"]
        world.whatsapp(number, "it is me", sender="12025550199", name="Ada L.")
        assert len(contacts(world)) == 2

    def test_a_new_business_scoped_id_leads_to_the_same_thread(self, world: World, number: MetaLine):
        world.whatsapp(number, "one", sender=None, from_user_id="CO.1")
        ids = {"user_id": "MX.2", "previous_user_id": "CO.1"}
        changed(world, number, "user_changed_user_id", sender=None, **ids)
        world.whatsapp(number, "two", sender=None, from_user_id="MX.2")
        assert len(contacts(world)) == 1
        assert world.value("SELECT address FROM conversations") == "MX.2"
        assert world.value("SELECT attention FROM conversations") == "number_changed"

    def test_both_at_once(self, world: World, number: MetaLine):
        world.whatsapp(number, "one", from_user_id="US.1")
        ids = {"wa_id": "12025550199", "user_id": "US.2", "previous_user_id": "US.1"}
        changed(world, number, "user_changed_number", **ids)
        for sender, scoped in (("12025550199", "US.2"), (None, "US.2"), ("12025550199", None)):
            more = {} if scoped is None else {"from_user_id": scoped}
            world.whatsapp(number, "me", sender=sender, **more)
        assert len(contacts(world)) == 1

    def test_new_keys_ask_a_person_to_look(self, world: World, number: MetaLine):
        world.whatsapp(number, "one")
        changed(world, number, "customer_identity_changed")
        assert world.value("SELECT attention FROM conversations") == "identity_changed"
        assert names(world).keys() == {"wa_id 12025550101"}

    def test_a_graver_reason_to_look_stays(self, world: World, number: MetaLine):
        world.whatsapp(number, "please don't text me anymore")
        changed(world, number, "customer_identity_changed")
        assert world.value("SELECT attention FROM conversations") == "refusal"

    def test_after_a_merge_it_is_noted_once_and_each_thread_follows(
        self, world: World, number: MetaLine, org: Org
    ):
        world.whatsapp(number, "one", sender="12025550101")
        world.clock.pass_(seconds=1)
        world.whatsapp(number, "STOP", sender="12025550102")
        winner, loser = (row["id"] for row in contacts(world))
        token = world.token(world.user(org), org)
        assert world.api("POST", f"/v1/contacts/{winner}/merges/{loser}", token)[0] == 201
        changed(world, number, "user_changed_number", sender="12025550102", wa_id="12025550199")
        threads = world.rows("SELECT address, attention FROM conversations ORDER BY created_at, id")
        assert threads == [
            {"address": "12025550199", "attention": "number_changed"},
            {"address": "12025550199", "attention": None},
        ]
        assert world.value("SELECT count(*) FROM messages WHERE kind = 'system'") == 1
        assert names(world)["wa_id 12025550199"] == winner
        assert world.value("SELECT count(*) FROM suppressions") == 3

    def test_of_nobody_we_know_nothing_is_made(self, world: World, number: MetaLine):
        changed(world, number, "user_changed_number", wa_id="12025550199")
        assert contacts(world) == []
        assert world.value("SELECT outcome FROM delivery_log") == "ignored"

    def test_W9_an_old_one_again_moves_nobody(self, world: World, number: MetaLine):
        """By then the old number is somebody else's."""
        world.whatsapp(number, "one")
        system = {"type": "user_changed_number", "wa_id": "12025550199"}
        news = {
            "id": "wamid.S",
            "from": "12025550101",
            "timestamp": "1749416383",
            "type": "system",
            "system": system,
        }
        raw = world.news(number, messages=[news])
        world.meta(number, raw)
        world.whatsapp(number, "I am new here", name="Somebody Else")
        before = names(world)
        world.meta(number, raw)
        assert names(world) == before

    def test_S7_an_opt_out_goes_along_and_outlives_the_contact(self, world: World, number: MetaLine):
        world.whatsapp(number, "STOP")
        changed(world, number, "user_changed_number", wa_id="12025550199")
        assert world.value("SELECT count(*) FROM suppressions") == 2
        for table in ("consent_states", "consent_events", "jobs", "messages", "conversations"):
            world.execute(f"DELETE FROM {table}")
        world.execute("DELETE FROM contact_identities")
        world.execute("DELETE FROM contacts")
        world.whatsapp(number, "hi", sender="12025550199")
        from leadsrally import runtime
        from leadsrally.consent import suppressions
        from leadsrally.consent.change import address_hashes

        known_as = address_hashes(runtime.of("api").hashes, number.organization_id, ["+12025550199"])
        with runtime.of("api").db.tenant(number.organization_id) as tx:
            assert suppressions.suppressed(tx, number.organization_id, "whatsapp", known_as)
