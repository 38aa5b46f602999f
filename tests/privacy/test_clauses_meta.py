"""The clauses that speak of Meta's two channels and of files: kept by what the product does, broken by what it must not."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.privacy.test_clauses import Audit
from tests.sending.whatsapp import thread
from tests.uploading import uploaded
from tests.world import MetaLine, Org, World

# Roles belong to the whole server: who makes strong ones and who looks for them run one after another.
pytestmark = pytest.mark.usefixtures("roles_alone")

DAY = timedelta(days=1)


@pytest.fixture
def number(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


@pytest.fixture
def audited(world: World, number: MetaLine) -> Audit:
    """Somebody wrote, was answered in time, and then said STOP."""
    world.execute("UPDATE organizations SET state = 'pending', ai_scoring = false, ai_suggestions = false")
    world.execute("UPDATE organizations SET state = 'active'")
    for document in ("business_use", "age"):
        world._insert(
            "acceptances",
            {
                "organization_id": number.organization_id,
                "id": UUID(int=len(document)),
                "user_id": UUID(int=1),
                "document": document,
                "document_version": "1",
                "accepted_at": world.clock.now,
            },
        )
    world.whatsapp(number, "Is it open on Sunday?")
    conversation = world.value("SELECT id FROM conversations")
    world.reply(number, conversation, "From ten to four")
    world.work("send_message")
    world.clock.pass_(seconds=1)
    world.whatsapp(number, "STOP")
    world.clock.pass_(seconds=1)
    world.reply(number, conversation, "too late")
    world.work("send_message")
    assert world.meta_sender.texts[0].body == "From ten to four"
    return Audit(world)


def test_what_the_product_does_keeps_them(audited: Audit) -> None:
    assert audited.broken() == set()


class TestWhatsApp:
    @pytest.mark.parametrize("wrote", ["NULL", "last_inbound_at - interval '25 hours'"])
    def test_P4_2_free_text_after_the_24_hours(self, audited: Audit, wrote: str):
        audited.world.execute(f"UPDATE conversations SET last_inbound_at = {wrote}")
        assert audited.broken() == {"P4.2"}

    def test_P4_2_a_template_needs_no_window(self, audited: Audit):
        audited.world.execute("UPDATE conversations SET last_inbound_at = NULL")
        audited.world.execute("UPDATE messages SET kind = 'template' WHERE claimed_at IS NOT NULL")
        assert audited.broken() == set()

    def test_P7_4_a_message_that_was_claimed_after_the_STOP(self, audited: Audit):
        world = audited.world
        world.execute("UPDATE messages SET claimed_at = %(now)s WHERE body = 'too late'", now=world.clock.now)
        assert audited.broken() == {"P7.4", "P4.7"}  # nor was it disclosed

    def test_P7_4_a_STOP_by_text_is_none_here(self, audited: Audit, org: Org):
        world = audited.world
        line = world.line(org)
        world.text(line, "STOP", sender="+12025550122")
        world.clock.pass_(seconds=1)
        world.whatsapp(
            MetaLine(**{**_fields(world, org), "organization_id": org.id}), "Hello", sender="12025550122"
        )
        conversation = world.rows("SELECT id FROM conversations ORDER BY created_at DESC, id DESC")
        for row in conversation:
            kind = world.value(
                "SELECT ch.kind FROM channels ch JOIN conversations c ON c.channel_id = ch.id WHERE c.id = %(id)s",
                id=row["id"],
            )
            if kind == "whatsapp":
                world.reply(line, row["id"], "by WhatsApp")
        world.work("send_message")
        assert "by WhatsApp" in [text.body for text in world.meta_sender.texts]
        assert audited.broken() == set()

    def test_P4_7_told_to_meta_and_written_down_as_somebody_elses(self, audited: Audit):
        audited.world.execute("UPDATE disclosures SET subprocessor = 'twilio'")
        assert audited.broken() == {"P4.7"}

    @pytest.mark.parametrize("name", ["access_token", "app_secrets"])
    def test_P8_4_metas_tokens_in_clear_behind_a_seals_first_byte(self, audited: Audit, name: str):
        audited.world.execute(
            "UPDATE channels SET credentials = '\\x01' || convert_to('{\"' || %(name)s || '\":\"x\"}', 'UTF8')",
            name=name,
        )
        assert audited.broken() == {"P8.4"}


def _fields(world: World, org: Org) -> dict[str, Any]:
    """A WhatsApp number of its own."""
    from dataclasses import asdict

    return asdict(world.whatsapp_line(org))


class TestLeads:
    @pytest.mark.parametrize(("age", "broken"), [(DAY, set[str]()), (DAY + timedelta(seconds=1), {"P4.2"})])
    def test_P4_2_a_lead_that_nobody_asked_for(
        self, audited: Audit, org: Org, age: timedelta, broken: set[str]
    ):
        world = audited.world
        assert world.lead(world.lead_page(org), "8000000000001", form_id="9000000000001").status == 200
        assert audited.broken(world.clock.now + age) - {"P1.5", "P6.4"} == broken


class TestFiles:
    @pytest.mark.parametrize(
        ("age", "broken"), [(2 * DAY, set[str]()), (2 * DAY + timedelta(seconds=1), {"P1.3"})]
    )
    def test_P1_3_a_file_that_came_and_is_neither_there_nor_explained(
        self, audited: Audit, number: MetaLine, age: timedelta, broken: set[str]
    ):
        world = audited.world
        world.whatsapp(number, type="image", image={"id": "123", "mime_type": "image/png", "sha256": "x"})
        assert audited.broken(world.clock.now + age) - {"P1.5", "P6.4"} == broken

    def test_P1_3_an_upload_that_nobody_sent_and_nobody_swept(self, audited: Audit, org: Org):
        world = audited.world
        uploaded(world, org.id)
        late = world.clock.now + 2 * DAY + timedelta(seconds=1)
        assert audited.broken(late) - {"P1.5", "P6.4"} == {"P1.3"}
        world.clock.pass_(days=1)
        world.work("fetch_media")
        assert audited.broken(late) - {"P1.5", "P6.4"} == set()

    def test_P1_3_one_that_was_sent_stays(self, audited: Audit, number: MetaLine):
        world = audited.world
        upload = uploaded(world, number.organization_id)
        message = world.reply(number, thread(world, number, "+12025550177"), "Hello")
        world.execute(
            "UPDATE media SET message_id = %(message)s WHERE id = %(id)s", id=upload, message=message
        )
        late = world.clock.now + 9 * DAY
        assert audited.broken(late) - {"P1.5", "P6.4"} == set()
