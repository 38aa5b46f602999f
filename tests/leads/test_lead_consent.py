"""What a lead permits, with the form's own words as proof, and what it never ends (S7, P3.2)."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally.messaging.leads.mapping import suggest_consents
from leadsrally.messaging.leads.types import Checkbox, Disclaimer, Form, Lead, Question
from tests.fakes import answered
from tests.leads.conftest import FORM, LEAD, people, the_lead
from tests.world import Line, MetaLine, World

PHONE = "+12025550171"
ASKED = tuple(Question(key, key, "CUSTOM") for key in ("phone_number", "email", "full_name"))
OFFERS = Checkbox("offers", "Harbour Bikes may text me or write to me by WhatsApp.", False, False)
NEWS = Checkbox("news", "Send me the e-mail newsletter.", False, False)
TERMS = Checkbox("terms", "I have read the terms.", True, False)
PRETICKED = Checkbox("pre", "I want SMS offers.", False, True)
LEGAL = Disclaimer("Offers", "About once a month. Reply STOP at any time.", (OFFERS, NEWS, TERMS, PRETICKED))


def shape(legal: Disclaimer | None = LEGAL) -> Form:
    return Form(FORM, "Test ride", "en_US", "active", ASKED, legal, "https://harbour.example/privacy")


def leave(
    world: World,
    page: MetaLine,
    *ticked: str,
    lead_id: str = LEAD,
    legal: Disclaimer | None = LEGAL,
    **answers: str,
) -> None:
    said = answered(**(answers or {"phone_number": PHONE, "email": "ana@example.test"}))
    world.leads.add(Lead(lead_id, FORM, world.clock.now, said, ticked=ticked), shape(legal))
    world.lead(page, lead_id)
    world.work("fetch_lead")


def standing(world: World) -> dict[tuple[str, str], str]:
    rows = world.rows("SELECT channel_kind, purpose, state FROM consent_states")
    return {(row["channel_kind"], row["purpose"]): row["state"] for row in rows}


ANSWER = {("sms", "service"): "granted", ("email", "service"): "granted"}


class TestAgreed:
    def test_a_tick_is_a_yes_by_the_channels_that_it_names(self, world: World, page: MetaLine):
        leave(world, page, "offers", "terms")
        assert standing(world) == {
            **ANSWER,
            ("sms", "marketing"): "granted",
            ("whatsapp", "marketing"): "granted",
            ("whatsapp", "service"): "granted",
        }

    def test_the_ledger_has_the_words_the_time_and_where_it_came_from(self, world: World, page: MetaLine):
        at = world.clock.now
        world.leads.add(Lead(LEAD, FORM, at, answered(phone_number=PHONE), ticked=("offers",)), shape())
        world.clock.pass_(hours=2)
        world.lead(page, LEAD)
        world.work("fetch_lead")
        event = world.row(
            """SELECT e.source, e.method, e.reference, e.occurred_at, e.recorded_at, w.words
                 FROM consent_events AS e JOIN consent_wordings AS w ON w.id = e.wording_id
                WHERE e.purpose = 'marketing' AND e.channel_kind = 'sms'"""
        )
        assert (event["source"], event["method"]) == ("lead_form", "lead_form")
        assert event["reference"] == f"lead {the_lead(world)['id']}"
        assert (event["occurred_at"], event["recorded_at"]) == (at, world.clock.now)
        assert event["words"] == (
            "Test ride\nOffers\nAbout once a month. Reply STOP at any time.\n"
            "[x] Harbour Bikes may text me or write to me by WhatsApp.\nhttps://harbour.example/privacy"
        )

    @pytest.mark.parametrize(
        "ticked", [(), ("terms",), ("pre",), ("unknown",)], ids=["none", "terms", "ticked before", "unknown"]
    )
    def test_without_such_a_tick_only_an_answer_is_asked_for(
        self, world: World, page: MetaLine, ticked: tuple[str, ...]
    ):
        leave(world, page, *ticked)
        assert standing(world) == ANSWER

    def test_a_form_without_legal_words_of_its_own_asks_for_an_answer(self, world: World, page: MetaLine):
        leave(world, page, "offers", legal=None)
        assert standing(world) == ANSWER

    def test_only_what_leads_to_the_person_counts(self, world: World, page: MetaLine):
        leave(world, page, "offers", "news", email="ana@example.test")
        assert standing(world) == {("email", "service"): "granted", ("email", "marketing"): "granted"}

    def test_the_customer_says_what_a_box_means(self, world: World, page: MetaLine):
        leave(world, page, lead_id="8000000000000", email="first@example.test")
        world.execute("""UPDATE lead_forms SET consents = '{"terms": ["sms"]}'""")
        leave(world, page, "offers", "terms", phone_number=PHONE)
        assert standing(world)[("sms", "marketing")] == "granted"
        assert ("whatsapp", "marketing") not in standing(world)

    def test_a_test_lead_permits_nothing(self, world: World, page: MetaLine):
        leave(world, page, "offers", full_name="<test lead: dummy data for full_name>", phone_number=PHONE)
        assert standing(world) == {}

    @pytest.mark.parametrize(
        ("text", "kinds"),
        [
            ("You may text me.", ["sms"]),
            ("Ich möchte Angebote per SMS, WhatsApp und E-Mail.", ["sms", "whatsapp", "email"]),
            ("Acepto recibir mensajes de texto.", ["sms"]),
            ("Aceito receber mensagens de texto e e-mails", ["sms", "email"]),
            ("I agree to the privacy policy.", []),
            ("I have read the text above.", []),
            ("Send me marketing texts", ["sms"]),
            ("I agree to be contacted.", []),
        ],
    )
    def test_suggested_is_what_the_wording_names(self, text: str, kinds: list[str]):
        box = Checkbox("x", text, required=False, ticked_before=False)
        assert suggest_consents(shape(Disclaimer("", "", (box,)))) == {"x": kinds}


class TestS7:
    """An opt-out is never loosened by a lead, however its number is written."""

    def stopped(self, world: World, line: Line) -> None:
        world.text(line, "STOP", sender=PHONE)
        world.clock.pass_(minutes=1)

    def test_S7_a_stop_stands_and_the_tick_is_kept_as_evidence(
        self, world: World, line: Line, page: MetaLine
    ):
        self.stopped(world, line)
        leave(world, page, "offers", phone_number=PHONE)
        assert standing(world)[("sms", "all")] == "revoked"
        assert ("sms", "marketing") not in standing(world)
        kept = world.rows(
            "SELECT purpose FROM consent_events WHERE source = 'lead_form' AND channel_kind = 'sms' ORDER BY purpose"
        )
        assert [row["purpose"] for row in kept] == ["marketing", "service"]
        conversation = world.conversation(line, sender=PHONE)
        for purpose in ("service", "marketing"):
            message = world.reply(line, conversation, "An offer", purpose=purpose)
            world.work("send_message")
            assert world.message(message)["verdict"]["rule"] == "opted_out_by_keyword"
        assert world.sender.texts == []

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.sampled_from(["{0}{1}{2}", "({0}) {1}-{2}", "+1 {0} {1} {2}", "1-{0}-{1}-{2}", "001 {0}.{1}.{2}"])
    )
    def test_S7_whichever_way_the_number_is_written(
        self, world: World, line: Line, page: MetaLine, form: str
    ):
        world.text(line, "STOP", sender=PHONE)
        world.clock.pass_(minutes=1)
        turn = world.value("SELECT count(*) FROM leads")
        leave(
            world,
            page,
            "offers",
            lead_id=f"81000000{turn:05d}",
            phone_number=form.format("202", "555", "0171"),
        )
        assert len(people(world)) == 1
        assert standing(world)[("sms", "all")] == "revoked"
        assert ("sms", "marketing") not in standing(world)

    def test_S7_an_opt_out_that_outlived_its_person_stands_too(
        self, world: World, line: Line, page: MetaLine
    ):
        self.stopped(world, line)
        world.execute("TRUNCATE contacts CASCADE")
        leave(world, page, "offers", phone_number=PHONE)
        assert ("sms", "marketing") not in standing(world)
        assert world.value("SELECT count(*) FROM suppressions WHERE purpose = 'all'") == 1

    def test_S11_offers_stopped_in_whatsapp_stay_stopped(self, world: World, page: MetaLine):
        number = world.whatsapp_line(_org(page))
        world.whatsapp(number, "Hello", sender=PHONE[1:])
        world.prefers(number, "stop", wa_id=PHONE[1:])
        world.clock.pass_(minutes=1)
        leave(world, page, "offers", phone_number=PHONE)
        assert standing(world)[("whatsapp", "marketing")] == "revoked"
        assert standing(world)[("sms", "marketing")] == "granted"

    def test_S9_a_stop_after_the_lead_wins(self, world: World, line: Line, page: MetaLine):
        leave(world, page, "offers", phone_number=PHONE)
        world.clock.pass_(minutes=1)
        self.stopped(world, line)
        assert standing(world)[("sms", "all")] == "revoked"


def _org(page: MetaLine) -> Any:
    from tests.world import Org

    return Org(page.organization_id, "theirs")
