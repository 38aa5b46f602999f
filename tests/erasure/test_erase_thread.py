"""P6.2: a customer deletes a conversation or one message; its files, its scores and its providers' copies go too."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally.messaging.copies.types import Gone, NotYet
from tests.api.conftest import problem
from tests.erasure.conftest import PHONE, Eraser, everything, files_of, picture_from
from tests.world import Line, MetaLine, World

SECRET = "Zebulon-4471"


class TestConversation:
    def test_P6_2_it_goes_and_its_person_stays(self, world: World, line: Line, eraser: Eraser):
        thread = world.conversation(line)
        world.text(line, SECRET)
        picture_from(world, line)
        world.score()
        world.reply(line, thread, f"About {SECRET}")
        world.work("send_message")
        shown = eraser.erase("conversation", thread)
        assert shown["counts"] == {"conversations": 1, "media": 1, "messages": 4}
        assert SECRET not in everything(world)
        assert list(eraser.storage.list(eraser.org.id, "media")) == []
        assert world.value("SELECT phone FROM contacts") == PHONE
        assert world.value("SELECT count(*) FROM scores") == 0
        problem(eraser.client.get(f"/v1/conversations/{thread}"), 404, "conversation_not_found")
        (entry,) = eraser.ledger()
        assert (entry.kind, entry.subject_id, entry.suppressed) == ("conversation", thread, ())

    def test_what_they_write_next_begins_another_one(self, world: World, line: Line, eraser: Eraser):
        thread = world.conversation(line)
        contact = eraser.contact()
        eraser.erase("conversation", thread)
        world.text(line, "Me again")
        assert eraser.contact() == contact
        assert world.conversation(line) != thread
        assert world.value("SELECT count(*) FROM messages") == 1

    def test_what_waited_in_it_is_not_sent(self, world: World, line: Line, eraser: Eraser):
        thread = world.conversation(line)
        world.reply(line, thread, SECRET)
        eraser.erase("conversation", thread)
        world.work("send_message")
        assert world.sender.texts == []
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []

    def test_a_report_and_an_edit_of_it_come_too_late(self, world: World, whatsapp: MetaLine, eraser: Eraser):
        world.whatsapp(whatsapp, "Hello", wamid="wamid.theirs")
        thread = world.rows("SELECT id FROM conversations")[0]["id"]
        world.sent_by_us(whatsapp, "wamid.ours")
        eraser.erase("conversation", thread)
        assert world.whatsapp_status(whatsapp, "wamid.ours", "read").status == 200
        edit = {"original_message_id": "wamid.theirs", "message": {"type": "text", "text": {"body": SECRET}}}
        world.whatsapp(whatsapp, type="edit", edit=edit)
        assert SECRET not in everything(world)


class TestMessage:
    def test_P6_2_one_goes_and_the_thread_shows_the_one_before(
        self, world: World, line: Line, eraser: Eraser
    ):
        thread = world.conversation(line)
        world.clock.pass_(minutes=1)
        world.text(line, SECRET)
        last = world.rows("SELECT id FROM messages ORDER BY said_at DESC")[0]["id"]
        shown = eraser.erase("message", last)
        assert shown["counts"] == {"messages": 1}
        assert SECRET not in everything(world)
        inbox = eraser.client.get(f"/v1/conversations/{thread}")[1]
        assert (inbox["preview"], inbox["unread_count"]) == ("Hello there", 1)

    def test_its_file_goes_with_it(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        picture_from(world, line)
        message = world.row("SELECT message_id FROM media")["message_id"]
        assert "bicycle" in files_of(eraser.storage)
        shown = eraser.erase("message", message)
        assert shown["counts"] == {"messages": 1, "media": 1}
        assert "bicycle" not in files_of(eraser.storage)

    def test_W9_a_repeat_of_its_webhook_is_a_repeat(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        world.text(line, SECRET, sid="SM" + "7" * 32)
        message = world.rows("SELECT id FROM messages WHERE body = %(body)s", body=SECRET)[0]["id"]
        eraser.erase("message", message)
        world.text(line, SECRET, sid="SM" + "7" * 32)
        assert SECRET not in everything(world)

    def test_the_only_one_leaves_an_empty_thread(self, world: World, line: Line, eraser: Eraser):
        thread = world.conversation(line)
        eraser.erase("message", world.rows("SELECT id FROM messages")[0]["id"])
        assert eraser.client.get(f"/v1/conversations/{thread}")[1]["preview"] == ""
        assert eraser.client.get(f"/v1/conversations/{thread}/messages")[1]["items"] == []


class TestProviders:
    """Copies that Twilio and Meta have."""

    def asked(self, world: World, line: Line, eraser: Eraser) -> UUID:
        thread = world.conversation(line)
        world.reply(line, thread, "We open at nine")
        world.work("send_message")
        return UUID(eraser.erase("conversation", thread)["id"])

    def told(self, eraser: Eraser, erasure_id: UUID) -> dict[str, Any]:
        (one,) = eraser.shown(erasure_id)["at_providers"]
        return one

    def test_P6_2_twilio_is_asked_for_both_directions(self, world: World, line: Line, eraser: Eraser):
        erasure_id = self.asked(world, line, eraser)
        assert self.told(eraser, erasure_id)["waiting"] == 2
        world.work("provider_delete")
        assert len(world.copies.deleted) == 2
        assert {what for what, _ in world.copies.deleted} == {"message"}
        told = {"provider": "twilio", "deleted": 2, "waiting": 0, "kept": 0, "kept_until": None}
        assert self.told(eraser, erasure_id) == told
        assert world.rows("SELECT 1 FROM provider_copies") == []

    def test_E5_one_that_is_not_final_is_asked_for_until_it_is(
        self, world: World, line: Line, eraser: Eraser
    ):
        erasure_id = self.asked(world, line, eraser)
        world.copies.answers = [NotYet("20009"), Gone(), *[NotYet("20009")] * 200]
        world.work("provider_delete")
        told = self.told(eraser, erasure_id)
        assert (told["deleted"], told["waiting"]) == (1, 1)
        for _ in range(14 * 4):  # at most every six hours, for fourteen days
            world.clock.pass_(hours=6, seconds=1)
            world.work("provider_delete")
        assert self.told(eraser, erasure_id)["waiting"] == 1
        world.copies.answers.clear()
        world.clock.pass_(hours=6)
        world.work("provider_delete")
        assert self.told(eraser, erasure_id)["deleted"] == 2

    @pytest.mark.parametrize(("tick", "kept"), [(timedelta(seconds=-1), 0), (timedelta(0), 2)])
    def test_E5_after_thirty_days_it_is_said_to_be_kept(
        self, world: World, line: Line, eraser: Eraser, tick: timedelta, kept: int
    ):
        erasure_id = self.asked(world, line, eraser)
        said = world.rows("SELECT ends_at, asked_at FROM provider_copies ORDER BY ends_at")
        world.copies.answers = [NotYet("20009")] * 10
        world.clock.now = said[0]["asked_at"] + timedelta(days=30) + tick
        world.work("provider_delete")
        told = self.told(eraser, erasure_id)
        assert (told["kept"], told["waiting"]) == (kept, 2 - kept)
        if kept:
            assert told["kept_until"] == said[-1]["ends_at"].isoformat().replace("+00:00", "Z")

    def test_what_cannot_be_asked_now_makes_all_wait(self, world: World, line: Line, eraser: Eraser):
        self.asked(world, line, eraser)
        world.copies.answers = [NotYet("20429", 90.0, everything=True)]
        world.work("provider_delete")
        assert world.copies.deleted == []
        world.clock.pass_(seconds=89)
        assert world.due("provider_delete") == []
        world.clock.pass_(minutes=2)
        world.work("provider_delete")
        assert len(world.copies.deleted) == 2

    def test_without_credentials_it_is_said_until_when_they_keep_it(
        self, world: World, line: Line, eraser: Eraser
    ):
        erasure_id = self.asked(world, line, eraser)
        world.execute(
            "UPDATE channels SET credentials = NULL, state = 'disconnected', disconnected_at = %(n)s",
            n=world.clock.now,
        )
        world.work("provider_delete")
        told = self.told(eraser, erasure_id)
        assert (told["kept"], told["deleted"]) == (2, 0)
        assert told["kept_until"] > (world.clock.now + timedelta(days=399)).isoformat()

    def test_meta_keeps_messages_for_thirty_days_and_deletes_files(
        self, world: World, whatsapp: MetaLine, eraser: Eraser
    ):
        world.whatsapp(whatsapp, "Hello")
        thread = world.rows("SELECT id FROM conversations")[0]["id"]
        message = world.sent_by_us(whatsapp, "wamid.ours")
        until = world.clock.now + timedelta(days=20)
        world.execute(
            """INSERT INTO media (organization_id, id, message_id, place, content_type, bytes, sha256, state, created_at,
                                  settled_at, provider_id, provider_until)
               VALUES (%(o)s, %(m)s, %(m)s, 0, 'image/png', 1, sha256('x'), 'stored', %(now)s, %(now)s, '777', %(until)s)""",
            o=eraser.org.id,
            m=message,
            now=world.clock.now,
            until=until,
        )
        erasure_id = UUID(eraser.erase("conversation", thread)["id"])
        world.work("provider_delete")
        assert world.copies.deleted == [("file", "777")]
        told = self.told(eraser, erasure_id)
        assert (told["provider"], told["deleted"], told["kept"]) == ("meta", 1, 2)
        assert told["kept_until"][:10] == (world.clock.now + timedelta(days=30)).date().isoformat()
