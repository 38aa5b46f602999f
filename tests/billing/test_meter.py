"""P2.3: what is used is counted by what causes it, once, whatever comes twice, late or in another order."""

import itertools
from datetime import date
from typing import Any, Final

import pytest

from leadsrally import runtime
from leadsrally.ai.types import Declined, ModelUnavailable, Scored
from leadsrally.messaging.media.send import queue_files
from leadsrally.sending.types import Accepted, NotProcessed, Rejected, Unclear
from tests.sending.whatsapp import thread
from tests.uploading import uploaded
from tests.world import Line, Org, World, days

SID = "SM" + "7" * 32
PICTURE = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/m", "MediaContentType0": "image/png"}
LONG = "a" * 400  # three parts of the plain alphabet


def used(world: World) -> list[tuple[str, str, int]]:
    """Kind, detail and units of every row, without what the person said who began the thread."""
    rows = world.rows("SELECT kind, detail, quantity FROM usage ORDER BY kind, detail, quantity")
    return [(row["kind"], row["detail"], row["quantity"]) for row in rows if row["kind"] != "sms_in"]


def came(world: World) -> list[tuple[str, int]]:
    rows = world.rows("SELECT kind, quantity FROM usage WHERE kind LIKE '%%_in' ORDER BY kind, quantity")
    return [(row["kind"], row["quantity"]) for row in rows]


class TestTextsThatCome:
    def test_a_text_counts_the_parts_that_twilio_names(self, world: World, line: Line):
        world.text(line, "short")
        world.text(line, LONG, NumSegments="3")
        world.text(line, "nothing said of parts", NumSegments="0")
        assert came(world) == [("sms_in", 1), ("sms_in", 1), ("sms_in", 3)]

    def test_one_with_files_is_one_mms(self, world: World, line: Line):
        world.text(line, None, **{**PICTURE, "NumSegments": "2"})
        assert came(world) == [("mms_in", 1)]

    def test_W8_a_repeat_counts_nothing(self, world: World, line: Line):
        for _ in range(3):
            world.text(line, "hello", sid=SID)
        assert came(world) == [("sms_in", 1)]

    def test_an_opt_out_is_a_text_too(self, world: World, line: Line):
        world.text(line, "STOP")
        assert came(world) == [("sms_in", 1)]

    def test_a_refused_call_counts_nothing(self, world: World, line: Line):
        assert world.post(line, "inbound", {"MessageSid": SID, "Body": "x"}, signature="no").status == 403
        assert came(world) == []

    def test_its_day_is_of_utc_and_its_cause_the_message(self, world: World, line: Line):
        world.clock.now = world.clock.now.replace(hour=23, minute=59, second=59)
        world.text(line, "late in the evening")
        row = world.row("SELECT u.*, m.id AS message FROM usage u JOIN messages m ON m.id = u.cause_id")
        assert (row["occurred_on"], row["late"]) == (world.clock.now.date(), False)


class TestTextsThatGo:
    @pytest.fixture
    def go(self, world: World, line: Line) -> Any:
        conversation = world.conversation(line)

        def send(body: str = "We open at nine", **options: Any) -> Any:
            message_id = world.reply(line, conversation, body, **options)
            world.work("send_message")
            return message_id

        return send

    @pytest.mark.parametrize(
        ("body", "parts"),
        [("We open at nine", 1), (LONG, 3), ("é" * 160, 1), ("漢" * 71, 2)],
        ids=["one part", "three", "a full one", "of another alphabet"],
    )
    def test_a_text_counts_the_parts_that_its_composer_was_shown(
        self, world: World, go: Any, body: str, parts: int
    ):
        """Whatever Twilio makes of it: a number that picks its sender later says 0 at first."""
        world.sender.outcomes = [Accepted(SID, None)]
        message_id = go(body)
        assert used(world) == [("sms_out", "", parts)]
        assert world.message(message_id)["segments"] == parts

    def test_the_parts_that_twilio_names_are_shown_with_the_message(self, world: World, go: Any):
        world.sender.outcomes = [Accepted(SID, 2)]
        assert world.message(go())["segments"] == 2

    def test_one_with_a_file_is_one_mms(self, world: World, line: Line):
        conversation, upload = world.conversation(line), uploaded(world, line.organization_id)
        with runtime.of("api").db.tenant(line.organization_id) as tx:
            queue_files(tx, line.organization_id, conversation, [upload], LONG, now=world.clock.now)
        world.sender.outcomes = [Accepted(SID, 1)]
        world.work("send_message")
        assert used(world) == [("mms_out", "", 1)]
        world.execute(
            "DELETE FROM media"
        )  # a window of the customer's own may be shorter than a report takes
        world.report(line, SID, "delivered")
        assert used(world) == [("mms_out", "", 1)]

    @pytest.mark.parametrize(
        "outcome", [Rejected("21211"), NotProcessed("busy", 3600.0)], ids=["no", "later"]
    )
    def test_what_twilio_did_not_take_counts_nothing(self, world: World, go: Any, outcome: Any):
        world.sender.outcomes = [outcome]
        go()
        assert used(world) == []

    def test_what_the_gate_refuses_counts_nothing(self, world: World, line: Line, go: Any):
        world.text(line, "STOP")
        world.work("send_message")
        go()
        assert all(kind != "sms_out" for kind, _, _ in used(world))

    def test_Q2_one_whose_fate_is_unknown_counts_when_it_is_found(self, world: World, go: Any):
        world.sender.outcomes = [Unclear("timeout")]
        go(LONG)
        assert used(world) == []
        world.sender.at_provider = (SID,)
        world.clock.pass_(minutes=1)
        world.work("send_message")
        assert used(world) == [("sms_out", "", 3)]

    def test_Q2_or_when_a_report_says_so_and_not_again(self, world: World, line: Line, go: Any):
        world.sender.outcomes = [Unclear("timeout")]
        message_id = go(LONG)
        world.report(line, SID, "sent", message_id=message_id)
        assert used(world) == [("sms_out", "", 3)]
        world.sender.at_provider = (SID,)
        world.clock.pass_(minutes=1)
        world.work("send_message")
        assert used(world) == [("sms_out", "", 3)]

    def test_Q3_a_report_that_comes_before_the_answer(self, world: World, line: Line, go: Any):
        world.sender.on_send = lambda text: (
            world.report(line, SID, "sent", message_id=text.message_id) and None
        )
        world.sender.outcomes = [Accepted(SID, 1)]
        go(LONG)
        assert used(world) == [("sms_out", "", 3)]

    def test_Q3_one_that_is_parked_until_the_answer(self, world: World, line: Line, go: Any):
        world.sender.on_send = lambda _text: world.report(line, SID, "delivered") and None
        world.sender.outcomes = [Accepted(SID, 1)]
        go()
        assert world.value("SELECT status FROM messages WHERE direction = 'outbound'") == "delivered"
        assert used(world) == [("sms_out", "", 1)]

    @pytest.mark.parametrize(
        "order", list(itertools.permutations(["sent", "delivered", "failed"])), ids="-".join
    )
    def test_Q3_reports_in_any_order_and_twice_count_once(
        self, world: World, line: Line, go: Any, order: tuple[str, ...]
    ):
        world.sender.outcomes = [Unclear("timeout")]
        message_id = go()
        for status in (*order, *order):
            world.report(line, SID, status, message_id=message_id)
        assert used(world) == [("sms_out", "", 1)]

    def test_it_belongs_to_the_day_of_the_claim_however_late_it_is_heard_of(
        self, world: World, line: Line, go: Any
    ):
        claimed = world.clock.now
        world.sender.outcomes = [Unclear("timeout")]
        message_id = go()
        world.execute(
            "UPDATE messages SET claimed_at = claimed_at - interval '40 days' WHERE claimed_at IS NOT NULL"
        )
        for _ in range(2):
            world.report(line, SID, "delivered", message_id=message_id)
        row = world.row("SELECT occurred_on, late FROM usage WHERE kind = 'sms_out'")
        assert row == {"occurred_on": (claimed - days(40)).date(), "late": True}


class TestWhatsApp:
    @pytest.fixture
    def sent(self, world: World, org: Org) -> Any:
        number = world.whatsapp_line(org)
        world.meta_sender.outcomes = [Accepted("wamid.1")]
        world.reply(number, thread(world, number), "We open at nine")
        world.work("send_message")
        return number

    PRICING: Final = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}

    def test_a_message_counts_with_the_report_that_names_its_category(self, world: World, sent: Any):
        assert used(world) == []
        world.whatsapp_status(sent, "wamid.1", "sent", pricing=self.PRICING)
        assert used(world) == [("whatsapp_out", "marketing", 1)]

    def test_free_ones_too(self, world: World, sent: Any):
        free = {
            "billable": False,
            "pricing_model": "PMP",
            "type": "free_customer_service",
            "category": "service",
        }
        world.whatsapp_status(sent, "wamid.1", "delivered", pricing=free)
        assert used(world) == [("whatsapp_out", "service", 1)]

    @pytest.mark.parametrize(
        "order", list(itertools.permutations(["sent", "delivered", "read"])), ids="-".join
    )
    def test_Q3_reports_in_any_order_and_twice_count_once(
        self, world: World, sent: Any, order: tuple[str, ...]
    ):
        for status in (*order, *order):
            pricing = {} if status == "read" else {"pricing": self.PRICING}
            world.whatsapp_status(sent, "wamid.1", status, **pricing)
        assert used(world) == [("whatsapp_out", "marketing", 1)]

    def test_one_that_failed_has_no_price(self, world: World, sent: Any):
        world.whatsapp_status(sent, "wamid.1", "failed", errors=[{"code": 131026}])
        assert used(world) == []

    def test_a_report_that_is_parked_counts_when_its_message_is_known(self, world: World, org: Org):
        number = world.whatsapp_line(org)
        world.meta_sender.on_send = lambda _text: (
            world.whatsapp_status(number, "wamid.2", "sent", pricing=self.PRICING) and None
        )
        world.meta_sender.outcomes = [Accepted("wamid.2")]
        world.reply(number, thread(world, number), "We open at nine")
        world.work("send_message")
        assert used(world) == [("whatsapp_out", "marketing", 1)]

    def test_what_is_no_word_is_another_category(self, world: World, sent: Any):
        told = {"billable": True, "category": "Call me at +1 202 555 0101"}
        world.whatsapp_status(sent, "wamid.1", "sent", pricing=told)
        assert used(world) == [("whatsapp_out", "other", 1)]

    def test_inbound_messages_are_not_counted(self, world: World, org: Org):
        world.whatsapp(world.whatsapp_line(org), "hello")
        assert world.rows("SELECT 1 FROM usage") == []


class TestTokens:
    def test_a_score_counts_what_the_model_took_by_model(self, world: World, line: Line):
        world.text(line, "What does it cost?")
        world.scorer.results = [Scored(world.scorer.answer, "claude-haiku-5-5", 1000, 20, 700, 250)]
        world.score()
        assert used(world) == [
            ("ai_cache_read", "claude-haiku-5-5", 700),
            ("ai_cache_write", "claude-haiku-5-5", 250),
            ("ai_input", "claude-haiku-5-5", 50),
            ("ai_output", "claude-haiku-5-5", 20),
        ]

    def test_an_answer_that_is_none_took_tokens_too(self, world: World, line: Line):
        world.text(line, "What does it cost?")
        world.scorer.results = [Declined("refusal", "m", 30, 1)]
        world.score()
        assert used(world) == [("ai_input", "m", 30), ("ai_output", "m", 1)]

    def test_no_answer_counts_nothing_and_the_next_try_once(self, world: World, line: Line):
        world.text(line, "What does it cost?")
        world.scorer.results = [ModelUnavailable(None)]
        world.score()
        assert used(world) == []
        world.clock.pass_(hours=1)
        world.work("ai_score")
        assert [kind for kind, _, _ in used(world)] == ["ai_input", "ai_output"]

    def test_Q18_nothing_is_counted_for_what_is_not_kept(self, world: World, line: Line):
        """Two calls about one message: the second answer is dropped, and so are its tokens."""
        world.text(line, "What does it cost?")
        world.clock.pass_(seconds=3)
        ids = world.due("ai_score")

        def erased(_shown: str) -> None:
            world.execute("UPDATE messages SET id = gen_random_uuid()")

        world.scorer.on_score = erased
        world.ring("ai_score", ids)
        assert used(world) == []


class TestRows:
    def test_they_hold_ids_and_counts(self, world: World, line: Line):
        """G4: nothing that was said, and nobody's number."""
        world.text(line, "canary", sender="+12025550177")
        world.score()
        (columns,) = {tuple(sorted(row)) for row in world.rows("SELECT * FROM usage")}
        assert columns == (
            "cause_id",
            "detail",
            "kind",
            "late",
            "occurred_on",
            "organization_id",
            "quantity",
        )
        told = str(world.rows("SELECT * FROM usage"))
        assert "canary" not in told
        assert "2025550177" not in told

    def test_they_outlive_the_message_that_they_count(self, world: World, line: Line):
        world.text(line, "hello")
        world.execute("DELETE FROM messages")
        assert came(world) == [("sms_in", 1)]

    @pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "UTC"])
    def test_R2_the_day_is_the_same_in_every_session_zone(self, world: World, line: Line, zone: str):
        """By its own clock the database would name another day for half of the world."""
        world.clock.now = world.clock.now.replace(hour=23, minute=30)
        world.execute(
            f"ALTER ROLE leadsrally_webhook_twilio IN DATABASE {world.database.name} SET timezone = '{zone}'"
        )
        world.sender.outcomes = [Unclear("timeout")]
        message_id = world.reply(line, world.conversation(line), "We open at nine")
        world.work("send_message")
        world.report(line, SID, "sent", message_id=message_id)
        found: set[date] = {row["occurred_on"] for row in world.rows("SELECT occurred_on FROM usage")}
        assert found == {world.clock.now.date()}
