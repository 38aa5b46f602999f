"""Files of ours on their way: left with WhatsApp before the claim, fetched by Twilio after it, never sent twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from leadsrally import runtime
from leadsrally.kit.errors import Conflict, Invalid, Unavailable
from leadsrally.messaging.compose_interactive import Buttons, Choice, queue_interactive
from leadsrally.messaging.media.send import queue_files
from leadsrally.messaging.templates.compose import TemplateWanted, queue_template
from leadsrally.messaging.templates.values import Values
from leadsrally.providers.meta.outbound import body_of
from leadsrally.sending.leave_files import KEPT
from leadsrally.sending.types import Accepted, NotProcessed, OutboundFile, Rejected, Unclear
from tests.sending.test_whatsapp import stop
from tests.sending.whatsapp import contact_of, thread
from tests.uploading import MP3, PDF, PNG, media, uploaded
from tests.world import Line, MetaLine, Org, World

WAMID = "wamid.HBgLMTIwMjU1NTAxMTEVAgARGBI="


@pytest.fixture
def wa(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def queue(world: World, line: MetaLine | Line, conversation: UUID, *uploads: UUID, body: str = "") -> UUID:
    with runtime.of("api").db.tenant(line.organization_id) as tx:
        return queue_files(tx, line.organization_id, conversation, uploads, body, now=world.clock.now)


def picture(world: World, line: MetaLine, **told: Any) -> UUID:
    """A message with one file, in a thread of somebody who has just written."""
    upload = uploaded(world, line.organization_id, **told)
    return queue(world, line, thread(world, line), upload)


class TestLeaving:
    def test_left_once_then_sent_by_its_id(self, world: World, wa: MetaLine):
        message_id = picture(world, wa, content=PDF, told="application/pdf", name="offer.exe")
        world.work("send_message")
        assert world.depot.kept == [(wa.phone_number_id, "offer.exe", "application/pdf", PDF)]
        (message,) = world.meta_sender.texts
        assert body_of(message)["document"] == {"id": "9000000000000001", "filename": "offer.pdf"}
        stored = world.message(message_id)
        assert (stored["kind"], stored["status"]) == ("document", "accepted")
        (row,) = media(world)
        assert (row["provider_id"], row["provider_until"]) == ("9000000000000001", world.clock.now + KEPT)
        told = world.rows("SELECT subprocessor, data_kinds FROM disclosures ORDER BY cardinality(data_kinds)")
        assert [(row["subprocessor"], row["data_kinds"]) for row in told] == [
            ("meta", ["file"]),
            ("meta", ["phone", "message_text", "file"]),
        ]

    def test_while_it_is_left_nothing_is_claimed(self, world: World, wa: MetaLine):
        message_id = picture(world, wa)
        seen: list[str] = []
        world.depot.on_leave = lambda: seen.append(world.message(message_id)["status"])
        world.work("send_message")
        assert seen == ["queued"]

    def test_S4_a_stop_that_comes_meanwhile_counts(self, world: World, wa: MetaLine):
        message_id = picture(world, wa)
        contact = contact_of(world, wa.organization_id, "+12025550111")
        world.depot.on_leave = lambda: stop(world, wa, contact)
        world.work("send_message")
        assert world.meta_sender.texts == []
        assert world.message(message_id)["verdict"]["rule"] == "opted_out_by_keyword"

    def test_G1_who_has_opted_out_is_not_even_prepared_for(self, world: World, wa: MetaLine):
        picture(world, wa)
        stop(world, wa, contact_of(world, wa.organization_id, "+12025550111"))
        world.work("send_message")
        assert world.depot.kept == []
        assert world.value("SELECT count(*) FROM disclosures") == 0

    def test_Q1_killed_while_leaving_it_starts_afresh_and_sends_once(self, world: World, wa: MetaLine):
        message_id = picture(world, wa)

        def die() -> None:
            world.depot.on_leave = lambda: None
            raise MemoryError

        world.depot.on_leave = die
        world.work("send_message")
        assert world.message(message_id)["status"] == "queued"
        world.clock.pass_(minutes=1)
        world.work("send_message")
        assert (len(world.depot.kept), len(world.meta_sender.texts)) == (2, 1)

    def test_Q4_a_rate_limit_waits(self, world: World, wa: MetaLine):
        world.depot.outcomes = [NotProcessed("error 130429", 60.0)]
        message_id = picture(world, wa)
        world.work("send_message")
        assert world.message(message_id)["status"] == "queued"
        assert world.value("SELECT quiet_until FROM channels") == world.clock.now + timedelta(minutes=1)
        world.clock.pass_(minutes=1)
        world.work("send_message")
        assert world.message(message_id)["status"] == "accepted"

    def test_Q5_what_meta_refuses_is_final_and_explained(self, world: World, wa: MetaLine):
        world.depot.outcomes = [Rejected("131053")]
        message_id = picture(world, wa)
        world.work("send_message")
        stored = world.message(message_id)
        assert (stored["status"], stored["error_code"]) == ("failed", "131053")
        assert world.meta_sender.texts == []

    def test_a_retry_of_the_call_leaves_no_second_copy(self, world: World, wa: MetaLine):
        world.meta_sender.outcomes = [NotProcessed("no connection")]
        picture(world, wa)
        world.work("send_message")
        world.clock.pass_(minutes=1)
        world.work("send_message")
        assert (len(world.depot.kept), len(world.meta_sender.texts)) == (1, 2)

    @pytest.mark.parametrize(("left", "copies"), [(timedelta(hours=1), 1), (timedelta(minutes=59), 2)])
    def test_a_copy_that_soon_ends_is_left_again(
        self, world: World, wa: MetaLine, left: timedelta, copies: int
    ):
        """Meta keeps it for thirty days."""
        world.meta_sender.outcomes = [NotProcessed("no connection")]
        picture(world, wa)
        world.work("send_message")
        world.clock.pass_(minutes=1)
        world.execute("UPDATE media SET provider_until = %(until)s", until=world.clock.now + left)
        world.work("send_message")
        assert len(world.depot.kept) == copies

    def test_Q3_an_unclear_answer_is_never_repeated(self, world: World, wa: MetaLine):
        world.meta_sender.outcomes = [Unclear("no answer")]
        message_id = picture(world, wa)
        world.work("send_message")
        for _ in range(10):
            world.clock.pass_(minutes=2)
            world.work("send_message")
        assert len(world.meta_sender.texts) == 1
        assert world.message(message_id)["status"] == "unknown"

    def test_a_file_that_is_lost_fails_its_message(self, world: World, wa: MetaLine):
        message_id = picture(world, wa)
        storage = runtime.of("send_message").storage
        (held,) = storage.list(wa.organization_id, "media")
        storage.delete(held.key)
        world.work("send_message")
        assert (world.message(message_id)["status"], world.message(message_id)["error_code"]) == (
            "failed",
            "file_missing",
        )


class TestAway:
    """Storage or keys that are away: nothing was sent, so nothing is in doubt and nothing is lost."""

    def unavailable(self, *_: Any, **__: Any) -> Any:
        raise Unavailable("The storage does not answer. Try again.", code="storage")

    def test_Q4_a_storage_that_is_away_for_hours_loses_no_file(
        self, world: World, wa: MetaLine, monkeypatch: pytest.MonkeyPatch
    ):
        message_id = picture(world, wa)
        with monkeypatch.context() as patched:
            patched.setattr(runtime.of("send_message").storage, "open", self.unavailable)
            for _ in range(12):
                world.work("send_message")
                assert world.message(message_id)["status"] == "queued"
                world.clock.pass_(minutes=30)
        world.work("send_message")
        assert world.message(message_id)["status"] == "accepted"
        assert len(world.meta_sender.texts) == 1

    def test_Q2_an_mms_whose_address_cannot_be_made_is_not_in_doubt(
        self, world: World, line: Line, monkeypatch: pytest.MonkeyPatch
    ):
        upload = uploaded(world, line.organization_id)
        message_id = queue(world, line, world.conversation(line), upload)
        links = runtime.of("send_message").post.files().links
        with monkeypatch.context() as patched:
            patched.setattr(type(links), "link", self.unavailable)
            for _ in range(12):
                world.work("send_message")
                assert world.message(message_id)["status"] == "queued"
                world.clock.pass_(minutes=30)
        world.work("send_message")
        assert world.message(message_id)["status"] == "accepted"
        assert len(world.sender.texts) == 1


class TestAbove:
    """A file above a template, and above buttons."""

    def template(self, world: World, line: MetaLine, kind: str = "image") -> None:
        form = {
            "body": {"text": "Hi {{1}}", "values": ["1"]},
            "header": {"kind": kind, "wording": {"text": "", "values": []}},
            "footer": "",
            "buttons": [],
            "named": False,
        }
        now = world.clock.now
        world._insert(
            "templates",
            {
                **dict.fromkeys(("created_at", "changed_at", "synced_at"), now),
                "organization_id": line.organization_id,
                "id": UUID(int=1),
                "waba_id": line.waba_id,
                "provider_id": "1",
                "name": "sale",
                "language": "en_US",
                "category": "utility",
                "state": "approved",
                "form": Jsonb(form),
            },
        )

    def ask(self, world: World, line: MetaLine, upload: UUID | None) -> UUID:
        with runtime.of("api").db.tenant(line.organization_id) as tx:
            wanted = TemplateWanted("sale", None, Values(body={"1": "Ada"}), upload)
            conversation = thread(world, line, wrote=None)
            now = world.clock.now
            return queue_template(tx, line.organization_id, conversation, wanted, now=now).message_id

    def test_a_template_with_its_picture(self, world: World, wa: MetaLine):
        self.template(world, wa)
        message_id = self.ask(world, wa, uploaded(world, wa.organization_id))
        world.work("send_message")
        assert world.message(message_id)["status"] == "accepted"
        components = body_of(world.meta_sender.texts[0])["template"]["components"]
        assert components[0] == {
            "type": "header",
            "parameters": [{"type": "image", "image": {"id": "9000000000000001"}}],
        }

    @pytest.mark.parametrize(
        ("content", "told", "sentence"),
        [
            (None, "", "wants a file of the kind image"),
            (PDF, "application/pdf", "wants a file of the kind image"),
            (MP3, "audio/mpeg", "picture, a film or a document"),
        ],
        ids=["none", "another kind", "a sound"],
    )
    def test_a_template_without_it(
        self, world: World, wa: MetaLine, content: bytes | None, told: str, sentence: str
    ):
        self.template(world, wa)
        upload = None if content is None else uploaded(world, wa.organization_id, content, told)
        with pytest.raises(Invalid, match=sentence):
            self.ask(world, wa, upload)

    def test_buttons_under_a_document(self, world: World, wa: MetaLine):
        upload = uploaded(world, wa.organization_id, PDF, "application/pdf", "offer.pdf")
        asked = Buttons("Shall we?", [Choice("y", "Yes")], upload=upload)
        with runtime.of("api").db.tenant(wa.organization_id) as tx:
            queue_interactive(tx, wa.organization_id, thread(world, wa), asked, now=world.clock.now)
        world.work("send_message")
        assert body_of(world.meta_sender.texts[0])["interactive"]["header"] == {
            "type": "document",
            "document": {"id": "9000000000000001", "filename": "offer.pdf"},
        }

    def test_words_or_a_file(self, world: World, wa: MetaLine):
        asked = Buttons("Shall we?", [Choice("y", "Yes")], header="Hi", upload=UUID(int=5))
        with (
            runtime.of("api").db.tenant(wa.organization_id) as tx,
            pytest.raises(Invalid, match="words or a file"),
        ):
            queue_interactive(tx, wa.organization_id, thread(world, wa), asked, now=world.clock.now)


class TestBySms:
    def test_Q3_an_unclear_MMS_is_looked_for_by_its_words_and_its_files(self, world: World, line: Line):
        world.sender.outcomes = [Unclear("no answer")]
        upload = uploaded(world, line.organization_id)
        message_id = queue(world, line, world.conversation(line), upload)
        world.work("send_message")
        sought: list[Any] = []
        world.sender.find = lambda text, _since: sought.append(text) or ("MM1",)  # type: ignore[method-assign]
        world.clock.pass_(minutes=1)
        world.work("send_message")
        assert world.message(message_id)["provider_message_id"] == "MM1"
        assert (sought[0].body, sought[0].files) == ("", (OutboundFile(""),))

    def test_an_address_is_never_printed(self, world: World, line: Line):
        upload = uploaded(world, line.organization_id)
        queue(world, line, world.conversation(line), upload)
        world.work("send_message")
        (message,) = world.sender.texts
        assert "/files/" in message.files[0].place
        assert "/files/" not in repr(message)

    def test_two_messages_want_one_upload(self, world: World, line: Line):
        """Both are asked for in the same moment; one has it."""
        upload = uploaded(world, line.organization_id)
        conversation = world.conversation(line)
        queue(world, line, conversation, upload)
        with pytest.raises(Conflict):
            queue(world, line, conversation, upload)
        world.sender.outcomes = [Accepted("MM1")]
        world.work("send_message")
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 1


def test_a_picture_is_known_by_its_bytes(world: World, wa: MetaLine) -> None:
    """WhatsApp is told what the file is, not what its sender called it."""
    picture(world, wa, content=PNG, told="image/jpeg")
    world.work("send_message")
    assert world.depot.kept[0][2] == "image/png"
