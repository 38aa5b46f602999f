"""Templates on their way out: when they may go, what stops them, and what Meta's refusals make of them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.messaging.compose_interactive import Buttons, Choice, ChoiceList, Section, interactive_draft
from leadsrally.messaging.templates.compose import QueuedTemplate, TemplateWanted, queue_template
from leadsrally.messaging.templates.sync import take_news
from leadsrally.messaging.templates.values import Values
from leadsrally.messaging.types import Button, TemplateForm, TemplateNews, Wording
from leadsrally.providers.meta.outbound import body_of
from leadsrally.sending.types import Accepted, NotProcessed, Rejected
from tests.sending.test_gate import at
from tests.sending.whatsapp import contact_of, thread
from tests.world import Line, MetaLine, Org, World

READY = TemplateNews(
    "11",
    "ready",
    "en_US",
    "utility",
    "approved",
    None,
    "green",
    TemplateForm(Wording.of("Hi {{1}}, your {{2}} is ready.")),
)
LISTA = replace(
    READY, provider_id="12", language="es", form=TemplateForm(Wording.of("Hola {{1}}, tu {{2}} está lista."))
)
SALE = TemplateNews(
    "13",
    "sale",
    "en_US",
    "marketing",
    "approved",
    None,
    "green",
    TemplateForm(
        Wording.of("{{1}}, 20 % off"),
        buttons=(Button("url", "See", "https://harbour.example/{{1}}", wants_value=True),),
    ),
)
ANA = Values({"1": "Ana", "2": "bike"})
FOR_SALE = Values({"1": "Ana"}, buttons={0: "city"})
THEIRS = "+12025550111"  # of whoever has a thread


@pytest.fixture
def wa(world: World, org: Org) -> MetaLine:
    line = world.whatsapp_line(org)
    have(world, line, READY, LISTA, SALE)
    return line


def have(world: World, line: MetaLine, *news: TemplateNews) -> None:
    """What Meta has now."""
    with runtime.of("template_sync").db.tenant(line.organization_id) as tx:
        take_news(tx, line.organization_id, line.waba_id or "", list(news), now=world.clock.now)


def send(
    world: World,
    line: Line | MetaLine,
    conversation: UUID,
    name: str = "ready",
    values: Values = ANA,
    language: str | None = "en_US",
    **options: Any,
) -> QueuedTemplate:
    with runtime.of("api").db.tenant(line.organization_id) as tx:
        wanted = TemplateWanted(name, language, values)
        return queue_template(tx, line.organization_id, conversation, wanted, now=world.clock.now, **options)


class TestOutsideTheWindow:
    def test_a_template_goes_where_free_text_does_not(self, world: World, wa: MetaLine):
        conversation = thread(world, wa, wrote=timedelta(days=30))
        text = world.reply(wa, conversation, "Hello")
        queued = send(world, wa, conversation)
        world.work("send_message")
        assert world.message(text)["verdict"]["rule"] == "window_closed"
        stored = world.message(queued.message_id)
        assert (stored["status"], stored["kind"], stored["purpose"]) == ("accepted", "template", "service")
        assert stored["body"] == "Hi Ana, your bike is ready."

    def test_the_refusal_of_free_text_names_what_could_be_sent(self, world: World, wa: MetaLine):
        have(world, wa, READY, LISTA, replace(SALE, state="paused"))
        message_id = world.reply(wa, thread(world, wa, wrote=None), "Hello")
        world.work("send_message")
        verdict = world.message(message_id)["verdict"]
        assert (verdict["rule"], verdict["templates"]) == ("window_closed", ["ready (en_US)", "ready (es)"])

    def test_what_meta_gets(self, world: World, wa: MetaLine):
        send(world, wa, thread(world, wa, wrote=None), "sale", FOR_SALE)
        world.agrees(wa, THEIRS)
        world.clock.now = world.clock.now.replace(hour=15)
        world.work("send_message")
        (message,) = world.meta_sender.texts
        assert body_of(message)["template"] == {
            "name": "sale",
            "language": {"code": "en_US", "policy": "deterministic"},
            "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "Ana"}]},
                {
                    "type": "button",
                    "sub_type": "url",
                    "index": "0",
                    "parameters": [{"type": "text", "text": "city"}],
                },
            ],
        }


class TestCompose:
    @pytest.mark.parametrize(
        ("name", "values", "language", "error", "code"),
        [
            ("absent", ANA, None, NotFound, "template_not_found"),
            ("ready", Values({"1": "Ana"}), None, Invalid, "template_values"),
            ("ready", Values({"1": "Ana", "2": "a\nb"}), None, Invalid, "template_values"),
            ("sale", Values({"1": "Ana"}), None, Invalid, "template_values"),
        ],
    )
    def test_what_would_fail_is_not_queued(
        self,
        world: World,
        wa: MetaLine,
        name: str,
        values: Values,
        language: str | None,
        error: type[Exception],
        code: str,
    ):
        conversation = thread(world, wa)
        with pytest.raises(error) as refused:
            send(world, wa, conversation, name, values, language)
        assert refused.value.code == code  # type: ignore[attr-defined]
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []

    @pytest.mark.parametrize("state", ["paused", "rejected", "disabled", "pending", "in_appeal"])
    def test_what_is_not_approved(self, world: World, wa: MetaLine, state: Any):
        have(world, wa, replace(READY, state=state))
        with pytest.raises(Conflict, match=state):
            send(world, wa, thread(world, wa))

    def test_what_is_deleted_is_not_there(self, world: World, wa: MetaLine):
        have(world, wa)
        with pytest.raises(NotFound):
            send(world, wa, thread(world, wa))

    @pytest.mark.parametrize(
        ("wanted", "spoken", "house", "language"),
        [
            ("es", None, "en", "es"),
            ("es_MX", None, "en", "es"),
            ("de", None, "en", "en_US"),
            (None, None, "en", "en_US"),
            (None, None, "es", "es"),
            (None, "es", "en", "es"),
            ("en", "es", "es", "en_US"),
            (None, "ja", "en", "en_US"),
        ],
    )
    def test_the_language(
        self,
        world: World,
        org: Org,
        wa: MetaLine,
        wanted: str | None,
        spoken: str | None,
        house: str,
        language: str,
    ):
        world.execute("UPDATE organizations SET language = %(house)s", house=house)
        conversation = thread(world, wa)
        if spoken:
            earlier = world.reply(wa, conversation, "Hola")
            world._insert(
                "scores",
                {
                    "organization_id": org.id,
                    "id": earlier,
                    "message_id": earlier,
                    "outcome": "scored",
                    "intent": "other",
                    "interest": 1,
                    "language": spoken,
                    "model": "m",
                    "prompt_version": "score.v1",
                    "input_tokens": 1,
                    "output_tokens": 1,
                    "created_at": world.clock.now,
                },
            )
        assert send(world, wa, conversation, language=wanted).language == language

    def test_a_language_that_there_is_not(self, world: World, wa: MetaLine):
        have(world, wa, LISTA)
        with pytest.raises(Conflict, match="It is in es"):
            send(world, wa, thread(world, wa), language="de")

    def test_another_accounts_template_is_none_of_this_channel(self, world: World, org: Org, wa: MetaLine):
        other = world.whatsapp_line(org)
        with pytest.raises(NotFound):
            send(world, other, thread(world, other))

    def test_T8_another_tenants_template_is_not_there(self, world: World, wa: MetaLine):
        rival = world.whatsapp_line(world.organization("Rival"))
        world.execute("UPDATE channels SET waba_id = %(waba)s", waba=wa.waba_id)
        with pytest.raises(NotFound):
            send(world, rival, thread(world, rival))

    def test_sms_has_no_templates(self, world: World, org: Org, wa: MetaLine):
        line = world.line(org)
        conversation = world.conversation(line)
        with pytest.raises(Invalid, match="WhatsApp only"):
            send(world, line, conversation)

    def test_Q16_the_same_key_is_the_same_message(self, world: World, wa: MetaLine):
        conversation = thread(world, wa)
        first = send(world, wa, conversation, idempotency_key="k")
        assert send(world, wa, conversation, idempotency_key="k") == first
        with pytest.raises(Conflict):
            send(world, wa, conversation, values=Values({"1": "Ben", "2": "bike"}), idempotency_key="k")
        world.work("send_message")
        assert len(world.meta_sender.texts) == 1


class TestStopped:
    """What became of a template after the message was queued decides at the claim."""

    def _held(self, world: World, wa: MetaLine, **how: Any) -> UUID:
        """A message that waits for its turn."""
        until = world.clock.now + timedelta(minutes=5)
        world.execute("UPDATE channels SET quiet_until = %(until)s", until=until)
        queued = send(world, wa, thread(world, wa), **how)
        world.work("send_message")
        assert world.message(queued.message_id)["status"] == "queued"
        return queued.message_id

    @pytest.mark.parametrize(
        ("news", "rule"),
        [
            ([replace(READY, state="paused")], "template_paused"),
            ([replace(READY, state="disabled")], "template_disabled"),
            ([replace(READY, state="rejected")], "template_rejected"),
            ([], "template_deleted"),
            ([replace(READY, category="marketing")], "template_recategorised"),
            ([replace(READY, form=TemplateForm(Wording.of("Hi {{1}}")))], "template_changed"),
            ([replace(READY, form=TemplateForm(Wording.of("{{1}} {{2}} {{3}}")))], "template_changed"),
            ([READY], "permitted"),
            ([replace(READY, form=TemplateForm(Wording.of("Dear {{1}}, {{2}}!")))], "permitted"),
            ([replace(READY, quality="red")], "permitted"),
        ],
        ids=lambda given: given if isinstance(given, str) else "",
    )
    def test_what_is_queued_is_stopped(self, world: World, wa: MetaLine, news: list[TemplateNews], rule: str):
        message_id = self._held(world, wa)
        have(world, wa, *news)
        world.clock.pass_(minutes=6)
        world.work("send_message")
        assert world.message(message_id)["verdict"]["rule"] == rule
        assert len(world.meta_sender.texts) == (rule == "permitted")

    @pytest.mark.parametrize(
        ("code", "state"), [("132015", "paused"), ("132016", "disabled"), ("132001", "deleted")]
    )
    def test_metas_refusal_stops_the_others_and_tells_the_owners(
        self, world: World, wa: MetaLine, code: str, state: str
    ):
        first, second = send(world, wa, thread(world, wa)), send(world, wa, thread(world, wa, "+12025550112"))
        other = send(world, wa, thread(world, wa, "+12025550113"), language="es")
        world.meta_sender.outcomes = [Rejected(code)]
        world.work("send_message")
        assert world.message(first.message_id)["error_code"] == code
        assert world.message(second.message_id)["verdict"]["rule"] == f"template_{state}"
        assert world.message(other.message_id)["status"] == "accepted"
        told = world.rows("SELECT payload FROM jobs WHERE kind = 'template_stopped'")
        stopped = world.value("SELECT id FROM templates WHERE state = %(state)s", state=state)
        assert [row["payload"] for row in told] == [{"template_id": str(stopped)}]

    def test_a_refusal_of_its_values_has_our_copy_renewed(self, world: World, wa: MetaLine):
        send(world, wa, thread(world, wa))
        world.meta_sender.outcomes = [Rejected("132000")]
        world.work("send_message")
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'template_sync'") == 1

    def test_the_same_word_as_a_late_status(self, world: World, wa: MetaLine):
        queued = send(world, wa, thread(world, wa))
        world.meta_sender.outcomes = [Accepted("wamid.late")]
        world.work("send_message")
        world.whatsapp_status(wa, "wamid.late", "failed", errors=[{"code": 132015}])
        assert world.message(queued.message_id)["status"] == "failed"
        assert {
            row["state"] for row in world.rows("SELECT state FROM templates WHERE language = 'en_US'")
        } == {
            "paused",
            "approved",
        }

    def test_W10_the_same_status_again_does_not_stop_a_template_that_was_approved_meanwhile(
        self, world: World, wa: MetaLine
    ):
        send(world, wa, thread(world, wa))
        world.meta_sender.outcomes = [Accepted("wamid.late")]
        world.work("send_message")
        world.whatsapp_status(wa, "wamid.late", "failed", errors=[{"code": 132015}])
        world.execute("UPDATE templates SET state = 'approved'")
        world.clock.pass_(hours=2)
        assert world.whatsapp_status(wa, "wamid.late", "failed", errors=[{"code": 132015}]).status == 200
        assert world.rows("SELECT DISTINCT state FROM templates") == [{"state": "approved"}]


class TestMarketing:
    def test_a_marketing_template_is_marketing_whatever_it_is_used_for(self, world: World, wa: MetaLine):
        queued = send(world, wa, thread(world, wa), "sale", FOR_SALE)
        assert world.message(queued.message_id)["purpose"] == "marketing"

    def test_S12_it_waits_for_the_morning(self, world: World, org: Org, wa: MetaLine):
        world.execute("UPDATE organizations SET time_zone = 'America/New_York'")
        world.clock.now = at("2026-11-23T22:00:00-05:00")
        conversation = thread(world, wa)
        world.agrees(wa, THEIRS)
        queued = send(world, wa, conversation, "sale", FOR_SALE, lifetime=timedelta(days=1))
        answer = send(world, wa, conversation)
        world.work("send_message")
        assert world.message(queued.message_id)["verdict"]["rule"] == "quiet_hours"
        assert world.message(answer.message_id)["status"] == "accepted"

    @pytest.fixture
    def sold(self, world: World, wa: MetaLine) -> UUID:
        """One marketing template was accepted and is known by its id."""
        world.clock.now = world.clock.now.replace(hour=15)
        world.execute("UPDATE organizations SET time_zone = 'UTC'")
        send(world, wa, thread(world, wa, "+12025550101", address="12025550101"), "sale", FOR_SALE)
        world.agrees(wa)
        world.meta_sender.outcomes = [Accepted("wamid.sold")]
        world.work("send_message")
        return world.value("SELECT id FROM conversations")

    def _rule(self, world: World, wa: MetaLine, conversation: UUID, name: str, values: Values) -> str:
        queued = send(world, wa, conversation, name, values, lifetime=timedelta(days=3))
        world.work("send_message")
        return world.message(queued.message_id)["verdict"]["rule"]

    def test_131050_is_the_persons_word_about_marketing_and_nothing_else(
        self, world: World, wa: MetaLine, sold: UUID
    ):
        world.whatsapp_status(wa, "wamid.sold", "failed", errors=[{"code": 131050}])
        assert self._rule(world, wa, sold, "sale", FOR_SALE) == "opted_out_by_provider_error"
        assert self._rule(world, wa, sold, "ready", ANA) == "permitted"
        world.clock.pass_(seconds=1)
        assert world.prefers(wa, "resume").status == 200  # only the person can undo it
        assert self._rule(world, wa, sold, "sale", FOR_SALE) == "permitted"

    def test_131050_as_the_answer_itself(self, world: World, wa: MetaLine, sold: UUID):
        world.meta_sender.outcomes = [Rejected("131050")]
        assert self._rule(world, wa, sold, "sale", FOR_SALE) == "permitted"
        assert self._rule(world, wa, sold, "sale", FOR_SALE) == "opted_out_by_provider_error"

    def test_131049_waits_for_a_day_and_holds_back_nothing_but_marketing(
        self, world: World, wa: MetaLine, sold: UUID
    ):
        failed_at: datetime = world.clock.now
        world.whatsapp_status(wa, "wamid.sold", "failed", errors=[{"code": 131049}])
        world.clock.pass_(hours=1)
        assert self._rule(world, wa, sold, "ready", ANA) == "permitted"
        queued = send(world, wa, sold, "sale", FOR_SALE, lifetime=timedelta(days=3))
        world.work("send_message")
        verdict = world.message(queued.message_id)["verdict"]
        assert verdict["rule"] == "withheld_by_whatsapp"
        assert datetime.fromisoformat(verdict["until"]) == failed_at.replace(microsecond=0) + timedelta(
            hours=24
        )
        somebody = thread(world, wa, "+12025550199")
        world.agrees(wa, "+12025550199")
        assert self._rule(world, wa, somebody, "sale", FOR_SALE) == "permitted"
        world.clock.now = failed_at + timedelta(hours=24, seconds=1)
        world.work("send_message")
        assert world.message(queued.message_id)["status"] == "accepted"

    def test_131026_ends_the_message_and_nothing_else(self, world: World, wa: MetaLine, sold: UUID):
        world.whatsapp_status(wa, "wamid.sold", "failed", errors=[{"code": 131026}])
        assert self._rule(world, wa, sold, "sale", FOR_SALE) == "permitted"


class TestChannelTrouble:
    def test_owners_are_told_once_and_it_ends_with_the_first_message_that_passes(
        self, world: World, wa: MetaLine
    ):
        conversation = thread(world, wa)
        world.meta_sender.outcomes = [NotProcessed("error 190", 900.0, trouble="190")] * 2
        queued = send(world, wa, conversation)
        world.work("send_message")
        world.clock.pass_(minutes=16)
        world.work("send_message")
        assert world.value("SELECT count(*) FROM jobs WHERE kind = 'channel_trouble'") == 1
        world.clock.pass_(minutes=16)
        world.work("send_message")
        assert world.message(queued.message_id)["status"] == "accepted"
        assert world.row("SELECT trouble, trouble_since FROM channels") == {
            "trouble": None,
            "trouble_since": None,
        }

    def test_a_late_status_can_say_it_too(self, world: World, wa: MetaLine):
        send(world, wa, thread(world, wa))
        world.meta_sender.outcomes = [Accepted("wamid.unpaid")]
        world.work("send_message")
        world.whatsapp_status(wa, "wamid.unpaid", "failed", errors=[{"code": 131042}])
        assert world.value("SELECT trouble FROM channels") == "131042"


class TestInteractive:
    def test_buttons_and_lists_as_meta_wants_them(self):
        draft = interactive_draft(
            Buttons("Which?", [Choice("a", "One"), Choice("b", "Two")], header="Bikes", footer="Harbour")
        )
        assert draft.kind == "interactive"
        assert draft.content == {
            "interactive": {
                "header": "Bikes",
                "footer": "Harbour",
                "buttons": [{"id": "a", "title": "One"}, {"id": "b", "title": "Two"}],
            }
        }
        draft = interactive_draft(
            ChoiceList("When?", "Choose", [Section([Choice("s", "Saturday", "10 to 12")])])
        )
        assert draft.content is not None
        assert draft.content["interactive"]["sections"][0]["rows"][0]["description"] == "10 to 12"

    @pytest.mark.parametrize(
        "asked",
        [
            Buttons("", [Choice("a", "One")]),
            Buttons("x" * 1025, [Choice("a", "One")]),
            Buttons("Which?", []),
            Buttons("Which?", [Choice(str(n), str(n)) for n in range(4)]),
            Buttons("Which?", [Choice("a", "x" * 21)]),
            Buttons("Which?", [Choice("x" * 201, "One")]),
            Buttons("Which?", [Choice("a", "One"), Choice("a", "Two")]),
            Buttons("Which?", [Choice("a", "One"), Choice("b", "One")]),
            Buttons("Which?", [Choice("a", " ")]),
            Buttons("Which?", [Choice("a", "One")], header="x" * 61),
            Buttons("Which?", [Choice("a", "One")], footer="x" * 61),
            ChoiceList("When?", "", [Section([Choice("a", "One")])]),
            ChoiceList("When?", "Choose", []),
            ChoiceList("When?", "Choose", [Section([])]),
            ChoiceList("When?", "Choose", [Section([Choice(str(n), str(n)) for n in range(11)])]),
            ChoiceList("When?", "Choose", [Section([Choice("a", "x" * 25)])]),
            ChoiceList("When?", "Choose", [Section([Choice("a", "One", "x" * 73)])]),
            ChoiceList(
                "When?", "Choose", [Section([Choice("a", "One")]), Section([Choice("b", "Two")], "B")]
            ),
        ],
    )
    def test_what_whatsapp_would_refuse(self, asked: Buttons | ChoiceList):
        with pytest.raises(Invalid) as wrong:
            interactive_draft(asked)
        assert wrong.value.code == "interactive"

    def test_the_longest_of_everything_goes(self):
        rows = [Choice(f"{n}" + "i" * 199, f"{n}" + "t" * 23, "d" * 72) for n in range(10)]
        interactive_draft(ChoiceList("x" * 1024, "b" * 20, [Section(rows, "s" * 24)], "h" * 60, "f" * 60))


def test_the_contact_is_the_same_on_both_channels(world: World, org: Org, wa: MetaLine):
    line = world.line(org)
    world.conversation(line, "+12025550111")
    thread(world, wa, "+12025550111")
    assert world.value("SELECT count(*) FROM contacts") == 1
    assert contact_of(world, org.id, "+12025550111")
