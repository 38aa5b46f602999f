"""WhatsApp messages, from signed delivery to stored row: every kind, late, out of order, about other messages."""

import json
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.world import MetaLine, Org, World

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "cases" / "meta" / "messages.json").read_text("utf-8")
)
INBOUND = [case for case in CASES if "inbound" in case["expect"]]


@pytest.fixture
def number(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def stored(world: World) -> dict[str, Any]:
    return world.row("SELECT * FROM messages")


def thread(world: World) -> dict[str, Any]:
    return world.row("SELECT * FROM conversations")


class TestStore:
    def test_a_first_message_becomes_contact_conversation_message_and_scoring_job(
        self, world: World, number: MetaLine
    ):
        answer = world.whatsapp(number, "Does it come in another color?", wamid="wamid.1")
        assert (answer.status, answer.body) == (200, "")
        contact = world.row("SELECT phone, name FROM contacts")
        assert contact == {"phone": "+12025550101", "name": "Sheena Nelson"}
        message, conversation = stored(world), thread(world)
        assert (message["kind"], message["body"], message["status"]) == (
            "text",
            "Does it come in another color?",
            "received",
        )
        assert message["provider_message_id"] == "wamid.1"
        assert message["sent_at"] == message["said_at"] == world.clock.now
        assert conversation["last_message_id"] == message["id"]
        assert (conversation["address"], conversation["unread_count"]) == ("12025550101", 1)
        assert conversation["last_inbound_at"] == world.clock.now
        assert [queue for queue, _ in world.rung] == ["ai_score"]
        log = world.row("SELECT provider, kind, outcome, counts, message_id FROM delivery_log")
        assert log == {
            "provider": "meta",
            "kind": "delivery",
            "outcome": "stored",
            "counts": {"stored": 1},
            "message_id": message["id"],
        }

    @pytest.mark.parametrize("case", INBOUND, ids=lambda case: case["id"])
    def test_every_kind_is_kept_so_that_the_inbox_can_show_it(
        self, world: World, number: MetaLine, case: dict[str, Any]
    ):
        beside = {"contacts": case["contacts"]} if "contacts" in case else {}
        news = world.news(number, messages=[case["message"]], **beside, **case.get("value", {}))
        assert world.meta(number, news).status == 200
        told, message = case["expect"]["inbound"], stored(world)
        assert (message["kind"], message["body"], message["content"]) == (
            told["kind"],
            told["body"],
            told["content"],
        )
        assert message["altered"] is told.get("altered", False)
        assert thread(world)["preview_kind"] == told["kind"]
        files = world.rows("SELECT source, content_type, file_name FROM media ORDER BY place")
        assert [list(row.values()) for row in files] == told.get("media", [])

    def test_files_wait_to_be_fetched_by_their_id(self, world: World, number: MetaLine):
        picture = {"id": "65463453", "mime_type": "image/jpeg", "sha256": "x", "caption": "this one"}
        world.whatsapp(number, type="image", image=picture)
        assert world.row("SELECT source, state FROM media") == {"source": "65463453", "state": "pending"}
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'fetch_media'") == 1
        assert stored(world)["body"] == "this one"

    def test_what_has_no_words_is_not_scored(self, world: World, number: MetaLine):
        for kind in ("sticker", "audio"):
            world.whatsapp(number, type=kind, **{kind: {"id": "1", "mime_type": "x/y"}})
        world.whatsapp(number, type="unsupported", errors=[{"code": 131051}])
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'ai_score'") == 0
        world.whatsapp(number, type="image", image={"id": "1", "caption": "how much?"})
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'ai_score'") == 1

    def test_what_a_model_says_of_it_is_kept(self, world: World, number: MetaLine):
        world.whatsapp(number, "How much is the blue one?")
        world.score()
        assert world.value("SELECT intent FROM conversations") == "pricing"

    def test_ai_off_asks_nobody(self, world: World):
        number = world.whatsapp_line(world.organization("Quiet", ai_scoring=False, ai_suggestions=False))
        world.whatsapp(number, "How much is the blue one?")
        assert world.value("SELECT count(*) FROM jobs") == 0
        assert world.rung == []


class TestOrder:
    """W-cases of order: Meta promises none, and tries for seven days."""

    def test_the_newest_stands_whatever_comes_first(self, world: World, org: Org):
        start = world.clock.now - timedelta(hours=1)
        seen = set()
        for arrangement in permutations(range(3)):
            number = world.whatsapp_line(org)
            for n in arrangement:
                world.whatsapp(number, f"m{n}", wamid=f"wamid.{n}", at=start + timedelta(seconds=n))
            conversation = world.row("SELECT * FROM conversations WHERE channel_id = %(id)s", id=number.id)
            last = world.value(
                "SELECT body FROM messages WHERE id = %(id)s", id=conversation["last_message_id"]
            )
            seen.add(
                (
                    conversation["preview"],
                    last,
                    conversation["last_message_at"],
                    conversation["last_inbound_at"],
                )
            )
            said = world.rows(
                "SELECT body FROM messages WHERE conversation_id = %(id)s ORDER BY said_at",
                id=conversation["id"],
            )
            assert [row["body"] for row in said] == ["m0", "m1", "m2"]
        newest = start + timedelta(seconds=2)
        assert seen == {("m2", "m2", newest, newest)}

    def test_a_delivery_of_seven_days_ago_takes_its_place(self, world: World, number: MetaLine):
        world.whatsapp(number, "today")
        week_ago = world.clock.now - timedelta(days=7)
        world.whatsapp(number, "a week ago", at=week_ago)
        conversation = thread(world)
        assert (conversation["preview"], conversation["unread_count"]) == ("today", 2)
        assert conversation["last_inbound_at"] == world.clock.now

    def test_alone_it_opens_no_window_of_today(self, world: World, number: MetaLine):
        week_ago = world.clock.now - timedelta(days=7)
        world.whatsapp(number, "a week ago", at=week_ago)
        assert thread(world)["last_inbound_at"] == week_ago
        assert stored(world)["created_at"] == world.clock.now

    def test_a_clock_ahead_of_ours_says_nothing_of_the_future(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi", at=world.clock.now + timedelta(hours=3))
        assert thread(world)["last_inbound_at"] == stored(world)["said_at"] == world.clock.now

    def test_without_a_time_it_came_now_and_opens_no_window(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi", timestamp="yesterday")
        assert stored(world)["said_at"] == world.clock.now
        assert thread(world)["last_inbound_at"] is None


class TestReply:
    def test_it_names_the_message_of_ours_that_it_answers(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        ours = world.sent_by_us(number, "wamid.OURS")
        world.whatsapp(number, "yes", wamid="wamid.2", context={"from": "1", "id": "wamid.OURS"})
        assert world.value("SELECT reply_to FROM messages WHERE body = 'yes'") == ours

    def test_and_the_persons_own(self, world: World, number: MetaLine):
        world.whatsapp(number, "first", wamid="wamid.1")
        world.whatsapp(number, "that one", wamid="wamid.2", context={"id": "wamid.1"})
        first = world.value("SELECT id FROM messages WHERE body = 'first'")
        assert world.value("SELECT reply_to FROM messages WHERE body = 'that one'") == first

    def test_one_that_we_never_saw_stays_unnamed(self, world: World, number: MetaLine):
        world.whatsapp(number, "that one", context={"id": "wamid.long.ago"})
        assert stored(world)["reply_to"] is None

    def test_T8_never_one_of_another_tenant(self, world: World, number: MetaLine):
        rival = world.whatsapp_line(world.organization("Rival"))
        world.whatsapp(rival, "first", wamid="wamid.1")
        world.whatsapp(number, "that one", context={"id": "wamid.1"})
        assert world.value("SELECT reply_to FROM messages WHERE body = 'that one'") is None


def at(world: World, seconds: int) -> Any:
    return world.clock.now + timedelta(seconds=seconds - 1_000)


def amendments() -> dict[str, dict[str, Any]]:
    return {
        "edit-1": {"type": "edit", "edit": edited("first edit"), "second": 10},
        "edit-2": {"type": "edit", "edit": edited("second edit"), "second": 20},
        "love": {"type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": "\u2764"}, "second": 15},
        "gone": {"type": "reaction", "reaction": {"message_id": "wamid.1"}, "second": 25},
    }


def edited(words: str) -> dict[str, Any]:
    message = {"type": "text", "text": {"body": words}}
    return {"original_message_id": "wamid.1", "message": message}


REVOKE = {"type": "revoke", "revoke": {"original_message_id": "wamid.1"}}


class TestAmendments:
    """Reactions, edits and revocations change the message that they speak of."""

    def send(self, world: World, number: MetaLine, name: str, second: int, **message: Any) -> None:
        assert world.whatsapp(number, wamid=f"wamid.{name}", at=at(world, second), **message).status == 200

    def test_a_reaction_is_shown_at_its_message(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        ours = world.sent_by_us(number, "wamid.OURS")
        reaction = {"message_id": "wamid.OURS", "emoji": "\U0001f44d"}
        world.whatsapp(number, type="reaction", reaction=reaction)
        assert world.message(ours)["reaction"] == "\U0001f44d"
        assert world.value("SELECT count(*) FROM messages") == 2
        assert thread(world)["unread_count"] == 1

    def test_an_edit_replaces_the_words_here_and_in_the_inbox(self, world: World, number: MetaLine):
        self.send(world, number, "1", 0, body="helo")
        self.send(world, number, "e", 5, type="edit", edit=edited("hello"))
        message = stored(world)
        assert (message["body"], message["edited_at"]) == ("hello", at(world, 5))
        assert thread(world)["preview"] == "hello"
        assert world.value("SELECT outcome FROM delivery_log WHERE message_id IS NULL") == "applied"

    def test_a_revoked_message_is_empty_everywhere(self, world: World, number: MetaLine):
        picture = {"id": "65463453", "mime_type": "image/jpeg", "caption": "my secret"}
        self.send(world, number, "1", 0, type="image", image=picture, context={"forwarded": True})
        world.score()
        assert world.value("SELECT count(*) FROM scores") == 1
        self.send(world, number, "r", 5, **REVOKE)
        message = stored(world)
        assert (message["body"], message["content"], message["revoked_at"]) == ("", None, at(world, 5))
        assert thread(world)["preview"] == ""
        assert world.value("SELECT count(*) FROM scores") == 0
        media = world.row("SELECT id, state, reason, source FROM media")
        assert (media["state"], media["reason"], media["source"]) == ("gone", "erased", None)
        jobs = world.rows("SELECT payload FROM jobs WHERE queue = 'fetch_media' AND kind = 'discard'")
        assert [job["payload"] for job in jobs] == [{"media_id": str(media["id"])}]

    def test_W10_every_order_of_edits_and_reactions_comes_to_the_same(self, world: World, org: Org):
        results = set()
        for arrangement in permutations(["message", *amendments()]):
            number = world.whatsapp_line(org)
            for name in arrangement:
                if name == "message":
                    self.send(world, number, "1", 0, body="original")
                else:
                    message = amendments()[name]
                    self.send(world, number, name, message.pop("second"), **message)
            row = world.row(
                """SELECT m.body, m.reaction, m.edited_at, c.preview FROM messages m
                     JOIN conversations c ON c.id = m.conversation_id WHERE c.channel_id = %(id)s""",
                id=number.id,
            )
            results.add(tuple(row.values()))
        assert results == {("second edit", None, at(world, 20), "second edit")}
        assert world.value("SELECT count(*) FROM early_amendments") == 0

    @pytest.mark.parametrize("arrangement", list(permutations(["message", "edit", "revoke"])))
    def test_W10_a_revocation_is_final_whatever_comes_first(
        self, world: World, number: MetaLine, arrangement: tuple[str, ...]
    ):
        for name in arrangement:
            match name:
                case "message":
                    self.send(world, number, "1", 0, body="secret words")
                case "edit":
                    self.send(world, number, "e", 20, type="edit", edit=edited("edited secret"))
                case _:
                    self.send(world, number, "r", 10, **REVOKE)
        message = stored(world)
        assert (message["body"], message["revoked_at"]) == ("", at(world, 10))
        assert world.value("SELECT count(*) FROM early_amendments") == 0
        assert thread(world)["preview"] == ""

    def test_the_door_may_die_between_the_message_and_what_came_before_it(
        self, world: World, number: MetaLine, monkeypatch: pytest.MonkeyPatch
    ):
        """The retry finds the message stored and applies what waits."""
        from leadsrally.kit.errors import Unavailable
        from leadsrally.messaging import amend

        def dies(*_: Any, **__: Any) -> None:
            raise Unavailable("away", code="database")

        self.send(world, number, "r", 10, **REVOKE)
        monkeypatch.setattr(amend, "apply_early", dies)
        assert world.whatsapp(number, "secret words", wamid="wamid.1", at=at(world, 0)).status == 503
        assert stored(world)["body"] == "secret words"
        monkeypatch.undo()
        assert world.whatsapp(number, "secret words", wamid="wamid.1", at=at(world, 0)).status == 200
        assert stored(world)["body"] == ""

    def test_W9_a_repeat_of_an_edit_changes_nothing(self, world: World, number: MetaLine):
        self.send(world, number, "1", 0, body="one")
        self.send(world, number, "e", 5, type="edit", edit=edited("two"))
        world.execute("UPDATE messages SET body = 'three'")
        self.send(world, number, "e", 5, type="edit", edit=edited("two"))
        assert stored(world)["body"] == "three"

    def test_nobody_takes_back_what_we_said(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        ours = world.sent_by_us(number, "wamid.1")
        self.send(world, number, "r", 10, **REVOKE)
        self.send(world, number, "e", 10, type="edit", edit=edited("we owe you a million"))
        assert world.message(ours)["body"] == "We open at nine"

    def test_T8_nor_what_was_said_to_another_number_or_tenant(self, world: World, org: Org, number: MetaLine):
        for other in (world.whatsapp_line(org), world.whatsapp_line(world.organization("Rival"))):
            world.whatsapp(other, "theirs", wamid="wamid.1")
        self.send(world, number, "r", 10, **REVOKE)
        assert {row["body"] for row in world.rows("SELECT body FROM messages")} == {"theirs"}
        assert (
            world.value("SELECT outcome FROM delivery_log WHERE channel_id = %(id)s", id=number.id)
            == "parked"
        )

    def test_what_waits_holds_the_newest_of_its_kind(self, world: World, number: MetaLine):
        self.send(world, number, "b", 20, type="edit", edit=edited("newer"))
        self.send(world, number, "a", 10, type="edit", edit=edited("older"))
        assert world.row("SELECT body, action FROM early_amendments") == {"body": "newer", "action": "edit"}


class TestReports:
    """Statuses: found by id alone, ranked, never backwards."""

    @pytest.fixture
    def ours(self, world: World, number: MetaLine) -> UUID:
        world.whatsapp(number, "hi")
        return world.sent_by_us(number, "wamid.OURS")

    def test_each_advances_the_message(self, world: World, number: MetaLine, ours: UUID):
        for status in ("sent", "delivered", "read", "played"):
            world.clock.pass_(seconds=10)
            assert world.whatsapp_status(number, "wamid.OURS", status).status == 200
            assert world.message(ours)["status"] == status
        message = world.message(ours)
        waits = [message[name] - message["sent_at"] for name in ("delivered_at", "read_at")]
        assert waits == [timedelta(seconds=10), timedelta(seconds=20)]

    def test_W10_every_order_ends_at_the_highest(self, world: World, org: Org):
        statuses = ["sent", "delivered", "read", "failed"]
        for arrangement in permutations(statuses):
            number = world.whatsapp_line(org)
            world.whatsapp(number, "hi")
            ours = world.sent_by_us(number, f"wamid.{number.id}")
            for status in arrangement:
                world.whatsapp_status(number, f"wamid.{number.id}", status)
            assert world.message(ours)["status"] == "read", arrangement

    def test_W10_in_every_order_the_times_are_the_same(self, world: World, org: Org):
        start = int(world.clock.now.timestamp()) - 3_600
        said = {"sent": start + 1, "delivered": start + 5, "read": start + 10}
        for arrangement in permutations(said):
            number = world.whatsapp_line(org)
            world.whatsapp(number, "hi")
            ours = world.sent_by_us(number, f"wamid.{number.id}")
            for status in arrangement:
                world.whatsapp_status(number, f"wamid.{number.id}", status, timestamp=str(said[status]))
            message = world.message(ours)
            times = [message[name].timestamp() for name in ("sent_at", "delivered_at", "read_at")]
            assert times == list(said.values()), arrangement

    def test_delivered_may_follow_failed(self, world: World, number: MetaLine, ours: UUID):
        world.whatsapp_status(number, "wamid.OURS", "failed", errors=[{"code": 131026}])
        assert world.message(ours)["error_code"] == "131026"
        world.whatsapp_status(number, "wamid.OURS", "delivered")
        message = world.message(ours)
        assert (message["status"], message["error_code"]) == ("delivered", None)

    def test_times_are_metas(self, world: World, number: MetaLine, ours: UUID):
        said = int(world.clock.now.timestamp()) - 3_600
        world.whatsapp_status(number, "wamid.OURS", "read", timestamp=str(said))
        assert world.message(ours)["read_at"].timestamp() == said

    def test_what_it_costs_is_kept(self, world: World, number: MetaLine, ours: UUID):
        price = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}
        world.whatsapp_status(number, "wamid.OURS", "sent", pricing=price)
        world.whatsapp_status(number, "wamid.OURS", "read")
        assert world.message(ours)["pricing"] == {
            "billable": True,
            "model": "PMP",
            "type": "regular",
            "category": "marketing",
        }

    def test_W10_one_that_comes_before_our_own_record_waits(self, world: World, number: MetaLine):
        world.whatsapp_status(number, "wamid.EARLY", "delivered", pricing={"billable": False})
        row = world.row("SELECT status, pricing, reported_at FROM early_reports")
        assert row == {"status": "delivered", "pricing": {"billable": False}, "reported_at": world.clock.now}
        assert world.value("SELECT outcome FROM delivery_log") == "parked"

    def test_our_own_id_in_it_finds_the_message_before_meta_named_it(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        ours = world.sent_by_us(number, None)
        world.whatsapp_status(number, "wamid.NEW", "delivered", biz_opaque_callback_data=str(ours))
        message = world.message(ours)
        assert (message["status"], message["provider_message_id"]) == ("delivered", "wamid.NEW")

    def test_T8_a_report_of_another_tenants_message_moves_nothing(
        self, world: World, number: MetaLine, ours: UUID
    ):
        rival = world.whatsapp_line(world.organization("Rival"))
        world.whatsapp_status(rival, "wamid.OURS", "read", biz_opaque_callback_data=str(ours))
        assert world.message(ours)["status"] == "accepted"

    def test_what_else_the_recipient_is_called_is_learned(self, world: World, number: MetaLine, ours: UUID):
        """So an answer under the hidden number's other name lands in the same thread."""
        world.whatsapp_status(
            number, "wamid.OURS", "sent", recipient_id="12025550101", recipient_user_id="US.9"
        )
        world.whatsapp(number, "it is me", sender=None, from_user_id="US.9")
        assert world.value("SELECT count(*) FROM contacts") == 1
        assert world.value("SELECT count(*) FROM conversations") == 1

    def test_statuses_of_many_messages_in_one_delivery(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        ours = [world.sent_by_us(number, f"wamid.{n}") for n in range(20)]
        said = str(int(world.clock.now.timestamp()))
        statuses = [
            {"id": f"wamid.{n}", "status": status, "timestamp": said}
            for n in range(20)
            for status in ("read", "sent")
        ]
        world.clock.pass_(seconds=1)
        world.meta(number, world.news(number, statuses=statuses))
        assert {world.message(message)["status"] for message in ours} == {"read"}
        assert world.rows("SELECT counts FROM delivery_log ORDER BY id")[-1]["counts"] == {"applied": 40}
