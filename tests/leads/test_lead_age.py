"""P9.1: whoever says that they are, or may be, under sixteen is not taken, and nothing of it is kept."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.messaging.leads.age import (
    YOUNGEST,
    about_age,
    may_be_under_age,
    youngest_by_age,
    youngest_by_birth,
)
from leadsrally.messaging.leads.types import Answer, Form, Lead, Question
from tests.fakes import answered
from tests.leads.conftest import FORM, LEAD, people, the_lead
from tests.world import MetaLine, World

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("said", "youngest"),
    [
        ("15", 15),
        ("16", 16),
        (" 15 years old ", 15),
        ("15.9", 15),
        ("15 años", 15),
        ("13-15", 13),
        ("13 – 17", 13),
        ("from 18 to 24", 18),
        ("25_to_34", 25),
        ("65+", 65),
        ("16+", 16),
        ("15+", 15),
        ("over 15", 16),
        ("> 15", 16),
        ("über 15", 16),
        ("más de 15", 16),
        ("under 16", 0),
        ("<16", 0),
        ("under 18", 0),
        ("unter 16", 0),
        ("menor de 16", 0),
        ("moins de 16 ans", 0),
        ("at least 18", 18),
        ("１５", 15),
        ("", None),
        ("old enough", None),
        ("2012", None),
        ("+12025550171", None),
    ],
)
def test_an_age_is_read_as_the_youngest_that_it_leaves_open(said: str, youngest: int | None):
    assert youngest_by_age(said.strip().casefold()) == youngest


@pytest.mark.parametrize(
    ("said", "age"),
    [
        ("2010-11-24", 16),
        ("2010-11-25", 15),
        ("11/24/2010", 16),
        ("11/25/2010", 15),
        ("24.11.2010", 16),
        ("25.11.2010", 15),
        ("25/11/2010", 15),
        ("01/12/2010", 15),  # 12 January, or 1 December: the younger one counts
        ("12/01/2010", 15),
        ("3/4/11", 15),
        ("3/4/85", 41),
        ("2010", 15),  # on the last day of that year
        ("2009", 16),
        ("2010-11-24T00:00:00", 16),
        ("02/29/2008", 18),
        ("02/30/2010", None),
        ("yesterday", None),
        ("1800-01-01", None),
        ("2027-01-01", 0),
    ],
)
def test_a_date_of_birth_is_read_as_the_youngest_that_it_leaves_open(said: str, age: int | None):
    assert youngest_by_birth(said, TODAY) == age


@pytest.mark.parametrize(
    ("key", "label", "kind", "about"),
    [
        ("date_of_birth", "Date of birth", "DATE_OF_BIRTH", "birth_date"),
        ("q1", "When were you born?", "CUSTOM", "birth_date"),
        ("geburtsdatum", "Geburtsdatum", "CUSTOM", "birth_date"),
        ("q1", "Fecha de nacimiento", "CUSTOM", "birth_date"),
        ("age", "Age", "CUSTOM", "age"),
        ("how_old_are_you?", "How old are you?", "CUSTOM", "age"),
        ("q1", "Wie alt bist du?", "CUSTOM", "age"),
        ("edad", "¿Cuál es tu edad?", "CUSTOM", "age"),
        ("q1", "Are you 16 or older?", "CUSTOM", None),
        ("q1", "Are you over 16?", "CUSTOM", "age"),
        ("q1", "Are you at least 16 years old?", "CUSTOM", "age"),
        ("q1", "How old is your child?", "CUSTOM", None),
        ("q1", "Wie alt sind Ihre Kinder?", "CUSTOM", None),
        ("q1", "Wie alt sind Sie?", "CUSTOM", "age"),
        ("q1", "How old is your car?", "CUSTOM", None),
        ("full_name", "Full name", "FULL_NAME", None),
        ("q1", "What is your favourite language?", "CUSTOM", None),
        ("q1", "Which package?", "CUSTOM", None),
        ("message", "Leave a message", "CUSTOM", None),
        ("email", "E-mail", "EMAIL", None),
    ],
)
def test_questions_about_age_are_known_wherever_they_are_asked(
    key: str, label: str, kind: str, about: str | None
):
    assert about_age(Question(key, label, kind)) == about


class TestProperties:
    @given(st.integers(0, 130), st.sampled_from(["{}", " {} ", "{} years", "I am {}", "{} J.", "{},5"]))
    def test_a_number_is_under_age_exactly_below_sixteen(self, age: int, wording: str):
        answer = Answer("age", (wording.format(age),))
        assert may_be_under_age("age", "How old are you?", answer, TODAY) == (age < YOUNGEST)

    @given(st.dates(date(1900, 1, 1), TODAY), st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"]))
    def test_a_clear_date_is_under_age_until_the_sixteenth_birthday(self, born: date, form: str):
        answer = Answer("dob", (born.strftime(form),))
        under = may_be_under_age("birth_date", "", answer, TODAY)
        try:
            sixteenth = born.replace(year=born.year + YOUNGEST)
        except ValueError:  # born on 29 February
            sixteenth = date(born.year + YOUNGEST, 3, 1)
        assert under == (sixteenth > TODAY)

    @given(
        st.dates(date(1900, 1, 1), TODAY), st.sampled_from(["%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m/%d/%y"])
    )
    def test_a_date_with_two_readings_never_makes_anybody_older(self, born: date, form: str):
        found = youngest_by_birth(born.strftime(form), TODAY)
        assert found is not None
        whole = TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))
        if form != "%m/%d/%y":  # which says the century not at all
            assert found <= whole

    @given(st.integers(0, 99), st.integers(0, 99))
    def test_a_range_is_as_young_as_its_lower_end(self, one: int, other: int):
        assert youngest_by_age(f"{one}-{other}") == min(one, other)

    @given(st.text(max_size=200), st.sampled_from(["age", "birth_date"]), st.text(max_size=50))
    def test_no_text_breaks_anything(self, said: str, about: str, question: str):
        assert may_be_under_age(about, question, Answer("q", (said,)), TODAY) in (True, False)  # type: ignore[arg-type]


CANARIES = ("Canary Child", "canary@child.example", "12025550177", "canary words")
CHILD = answered(
    full_name=CANARIES[0], email=CANARIES[1], phone_number="+1" + CANARIES[2][1:], why_a_bike=CANARIES[3]
)


def everything(world: World) -> str:
    """All text of all rows of all tables."""
    names = world.rows(
        """SELECT c.relname AS name FROM pg_class AS c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""
    )
    return "\n".join(
        row["t"] or ""
        for found in names
        for row in world.rows(f'SELECT t::text AS t FROM "{found["name"]}" AS t')
    )


class TestRefused:
    @pytest.mark.parametrize(
        ("question", "said"),
        [
            (Question("age", "Your age", "CUSTOM"), "15"),
            (Question("q7", "How old are you?", "CUSTOM"), "13-15"),
            (Question("date_of_birth", "Date of birth", "DATE_OF_BIRTH"), "11/25/2015"),
            (Question("q7", "Are you over 16?", "CUSTOM"), "No"),
        ],
        ids=["number", "range", "birth", "no"],
    )
    def test_P9_1_nothing_is_kept_but_that_there_was_one(
        self, world: World, page: MetaLine, question: Question, said: str
    ):
        asked = (*(Question(one.key, one.key, "CUSTOM") for one in CHILD), question)
        form = Form(FORM, "Test ride", "en_US", "active", asked, None, None)
        answers = (*CHILD, Answer(question.key, (said,)))
        world.leads.add(Lead(LEAD, FORM, world.clock.now, answers), form)
        world.lead(page, LEAD, ad_id="77")
        world.work("fetch_lead")

        lead = the_lead(world)
        assert lead["state"] == "refused_age"
        kept = {name for name, value in lead.items() if value is not None}
        assert kept == {
            *(
                "organization_id",
                "id",
                "channel_id",
                "provider_lead_id",
                "provider_form_id",
                "page_id",
                "form_id",
            ),
            *("state", "found_by", "backfilled", "test", "submitted_at", "received_at", "fetched_at"),
        }
        assert people(world) == []
        assert world.rows("SELECT 1 FROM consent_events") == []
        text = everything(world)
        assert not [canary for canary in CANARIES if canary in text]

    def test_P9_1_telling_the_answer_to_go_nowhere_hides_no_age(self, world: World, page: MetaLine):
        world.leads.add(Lead("8000000000000", FORM, world.clock.now, answered(age="40", email="a@b.test")))
        world.lead(page, "8000000000000")
        world.work("fetch_lead")
        world.execute("""UPDATE lead_forms SET mapping = '{"age": "ignore", "email": "email"}'""")
        world.leads.add(Lead(LEAD, FORM, world.clock.now, answered(age="12", email="canary@child.example")))
        world.lead(page, LEAD)
        world.work("fetch_lead")
        assert the_lead(world)["state"] == "refused_age"
        assert people(world) == [("", None, "a@b.test")]

    def test_P9_1_reading_the_form_again_does_not_bring_it_back(self, world: World, page: MetaLine):
        world.leads.add(Lead(LEAD, FORM, world.clock.now, (*CHILD, Answer("age", ("15",)))))
        for _ in range(2):
            world.functions["lead_catch_up"].handler()({}, _context(world))
            world.work("lead_catch_up")
            world.clock.pass_(hours=1)
        assert the_lead(world)["state"] == "refused_age"
        assert not [canary for canary in CANARIES if canary in everything(world)]

    @pytest.mark.parametrize(("age", "state"), [("15", "refused_age"), ("16", "fetched"), ("99", "fetched")])
    def test_P9_1_the_boundary(self, world: World, page: MetaLine, age: str, state: str):
        world.leads.add(Lead(LEAD, FORM, world.clock.now, answered(age=age, email="a@b.test")))
        world.lead(page, LEAD)
        world.work("fetch_lead")
        assert the_lead(world)["state"] == state

    def test_P9_1_counted_is_the_day_on_which_the_form_was_filled_in(self, world: World, page: MetaLine):
        """Somebody who was fifteen then is not taken because the word came late."""
        then = world.clock.now
        born = (then + timedelta(days=1)).date().replace(year=then.year - 16)
        world.leads.add(Lead(LEAD, FORM, then, answered(date_of_birth=born.isoformat(), email="a@b.test")))
        world.clock.pass_(days=5)
        world.execute("SELECT delivery_log_make_day((%(at)s::timestamptz)::date)", at=world.clock.now)
        world.lead(page, LEAD, at=then)
        world.work("fetch_lead")
        assert the_lead(world)["state"] == "refused_age"


def _context(world: World) -> object:
    from infra.local.context import Context

    return Context(world.functions["lead_catch_up"])
