"""Whose lead it is: one contact however the number is written, and nothing of what the customer has set is changed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from leadsrally import runtime
from leadsrally.contacts.fields import slot_of
from leadsrally.contacts.meet import Introduction, meet
from leadsrally.messaging.leads.mapping import sort_answers, suggest, target_of
from leadsrally.messaging.leads.types import Answer, Question
from tests.fakes import answered
from tests.leads.conftest import arrive, people, the_lead
from tests.world import MetaLine, Org, World


def known(world: World, org: Org, **columns: Any) -> UUID:
    now = world.clock.now
    contact_id = uuid4()
    values = {"organization_id": org.id, "id": contact_id, "created_at": now, "updated_at": now, **columns}
    world._insert("contacts", values)
    return contact_id


class TestSuggestions:
    @pytest.mark.parametrize(
        ("key", "label", "kind", "target"),
        [
            ("full_name", "Full name", "FULL_NAME", "name"),
            ("first_name", "First name", "FIRST_NAME", "first_name"),
            ("last_name", "Last name", "LAST_NAME", "last_name"),
            ("email", "Email", "EMAIL", "email"),
            ("phone_number", "Phone number", "PHONE", "phone"),
            ("work_phone_number", "Work phone", "WORK_PHONE_NUMBER", "phone"),
            ("vollständiger_name", "Vollständiger Name", "CUSTOM", "name"),
            ("vorname", "Vorname", "CUSTOM", "first_name"),
            ("telefonnummer", "Telefonnummer", "CUSTOM", "phone"),
            ("correo_electrónico", "Correo electrónico", "CUSTOM", "email"),
            ("nombre_completo", "Nombre completo", "CUSTOM", "name"),
            ("q1", "Seu telefone", "CUSTOM", "phone"),
            ("q1", "Adresse e-mail", "CUSTOM", "email"),
            ("q1", "What is your phone's brand?", "CUSTOM", None),
            ("q1", "Company name", "CUSTOM", None),
            ("q1", "Which bike?", "CUSTOM", None),
            ("date_of_birth", "Date of birth", "DOB", "birth_date"),
        ],
    )
    def test_a_question_says_where_its_answer_goes(self, key: str, label: str, kind: str, target: str | None):
        assert target_of(Question(key, label, kind)) == target

    def test_one_target_is_suggested_once(self):
        questions = [Question("phone_number", "Phone", "PHONE"), Question("q2", "Mobile number", "CUSTOM")]
        assert suggest(questions) == {"phone_number": "phone"}


class TestSorting:
    def test_two_names_are_joined_and_a_full_one_goes_before(self):
        mapping = {"f": "first_name", "l": "last_name", "n": "name"}
        assert sort_answers(mapping, answered(l="Lima", f="Ana"), "US").name == "Ana Lima"
        assert sort_answers(mapping, answered(f="Ana"), "US").name == "Ana"
        assert (
            sort_answers(mapping, answered(f="Ana", l="Lima", n="Dr. Ana  Lima"), "US").name == "Dr. Ana Lima"
        )

    @pytest.mark.parametrize(
        ("country", "given", "phone"),
        [
            ("US", "(202) 555-0171", "+12025550171"),
            ("US", "+44 20 7946 0018", "+442079460018"),
            ("DE", "030 901820", "+4930901820"),
            ("BR", "(11) 91234-5678", "+5511912345678"),
            ("US", "not a number", None),
            ("US", "12", None),
        ],
    )
    def test_a_number_is_read_in_its_country(self, country: str, given: str, phone: str | None):
        assert sort_answers({"p": "phone"}, answered(p=given), country).phone == phone

    def test_the_first_that_can_be_read_counts(self):
        mapping = {"a": "phone", "b": "phone", "c": "email", "d": "email"}
        told = sort_answers(mapping, answered(a="?", b="202 555 0171", c="nobody", d="a@b.test"), "US")
        assert (told.phone, told.email) == ("+12025550171", "a@b.test")

    @given(
        st.dictionaries(st.text(max_size=10), st.lists(st.text(max_size=60), max_size=3), max_size=6),
        st.dictionaries(
            st.text(max_size=10), st.sampled_from(["name", "first_name", "last_name", "phone", "email"])
        ),
    )
    def test_no_answer_breaks_anything(self, said: dict[str, list[str]], mapping: dict[str, str]):
        told = sort_answers(mapping, [Answer(key, tuple(values)) for key, values in said.items()], "US")
        assert len(told.name) <= 200
        assert told.name == told.name.strip()
        assert told.phone is None or told.phone.startswith("+")
        assert len(told.email) <= 320

    @given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=40))
    def test_no_question_breaks_anything(self, key: str, label: str, kind: str):
        assert isinstance(suggest([Question(key, label, kind)]), dict)


class TestOnePerson:
    @pytest.mark.parametrize(
        ("stored", "given"),
        [
            ("+551191234567", "+5511991234567"),
            ("+5511991234567", "+551191234567"),
            ("+5491123456789", "+541123456789"),
        ],
        ids=["brazil", "brazil as stored", "argentina"],
    )
    def test_both_ways_to_write_a_number_are_one_person_and_none_is_rewritten(
        self, world: World, org: Org, page: MetaLine, stored: str, given: str
    ):
        contact_id = known(world, org, phone=stored)
        world.execute("UPDATE organizations SET country = 'BR'")
        arrive(world, page, phone_number=given)
        assert the_lead(world)["contact_id"] == contact_id
        assert people(world) == [("", stored, "")]

    def test_somebody_who_wrote_by_whatsapp_is_the_same(self, world: World, org: Org, page: MetaLine):
        world.whatsapp(world.whatsapp_line(org), "Hello", sender="12025550171", name="Ana")
        arrive(world, page, phone_number="202 555 0171", email="ana@example.test")
        assert people(world) == [("Ana", "+12025550171", "ana@example.test")]

    def test_without_a_number_the_address_decides_whatever_its_case(self, world: World, page: MetaLine):
        arrive(world, page, email="Ana@Example.test", full_name="Ana")
        arrive(world, page, "8000000000002", email="ana@example.test")
        assert people(world) == [("Ana", None, "Ana@Example.test")]

    def test_a_number_is_learned_of_somebody_who_had_left_an_address(self, world: World, page: MetaLine):
        arrive(world, page, email="ana@example.test")
        arrive(world, page, "8000000000002", email="ana@example.test", phone_number="202 555 0171")
        assert people(world) == [("", "+12025550171", "ana@example.test")]

    def test_an_address_shared_by_two_numbers_is_two_people(self, world: World, page: MetaLine):
        arrive(world, page, email="family@example.test", phone_number="202 555 0171")
        arrive(world, page, "8000000000002", email="family@example.test", phone_number="202 555 0172")
        assert len(people(world)) == 2

    def test_what_the_customer_has_written_down_stays(self, world: World, org: Org, page: MetaLine):
        known(world, org, phone="+12025550171", name="Dr. Lima", email="lima@example.test")
        arrive(world, page, phone_number="202 555 0171", full_name="ana", email="other@example.test")
        assert people(world) == [("Dr. Lima", "+12025550171", "lima@example.test")]

    def test_a_restricted_person_is_not_written_to_in_the_record_either(
        self, world: World, org: Org, page: MetaLine
    ):
        known(world, org, phone="+12025550171", restricted_at=world.clock.now)
        arrive(world, page, phone_number="202 555 0171", full_name="Ana")
        assert people(world) == [("", "+12025550171", "")]

    def test_a_number_that_somebody_gave_up_is_somebody_elses(self, world: World, org: Org, page: MetaLine):
        """Product, 42: consent and history belong to the person who had it."""
        before = known(world, org, phone="+12025550171", name="Before")
        world._insert(
            "contact_identities",
            {
                "organization_id": org.id,
                "kind": "wa_id",
                "value": "12025550171",
                "contact_id": before,
                "created_at": world.clock.now,
                "retired_at": world.clock.now,
            },
        )
        arrive(world, page, phone_number="202 555 0171", full_name="Now")
        arrive(world, page, "8000000000002", phone_number="202 555 0171")
        assert sorted(name for name, _, _ in people(world)) == ["Before", "Now"]
        assert world.value("SELECT count(DISTINCT contact_id) FROM leads") == 1

    def test_ten_introductions_at_once_make_one_contact(self, world: World, org: Org):
        db, start = runtime.of("fetch_lead").db, threading.Barrier(4)

        def introduce(turn: int) -> UUID:
            if turn < 4:
                start.wait()
            with db.tenant(org.id) as tx:
                return meet(tx, org.id, Introduction(None, "ana@example.test", "Ana"), now=world.clock.now)

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(introduce, range(10)))) == 1

    def test_T9_the_same_person_at_two_tenants_is_two(self, world: World, page: MetaLine):
        arrive(world, page, phone_number="202 555 0171")
        theirs = world.lead_page(world.organization("Rival"))
        arrive(world, theirs, "8000000000002", phone_number="202 555 0171")
        assert len(people(world)) == 2


class TestFields:
    @pytest.fixture
    def bikes(self, world: World, org: Org) -> UUID:
        field_id = uuid4()
        values = {"organization_id": org.id, "id": field_id, "label": "Bikes", "created_at": world.clock.now}
        world._insert("contact_fields", {**values, "key": "bikes", "type": "number"})
        return field_id

    def mapped(self, world: World, page: MetaLine) -> None:
        arrive(world, page, "8000000000000", email="first@example.test", how_many="1")
        mapping = Jsonb({"email": "email", "how_many": "field:bikes"})
        world.execute("UPDATE lead_forms SET mapping = %(mapping)s", mapping=mapping)

    def test_an_answer_goes_into_a_field_of_the_customers_own(
        self, world: World, page: MetaLine, bikes: UUID
    ):
        self.mapped(world, page)
        arrive(world, page, email="ana@example.test", how_many="3")
        assert world.value("SELECT fields FROM contacts WHERE email = 'ana@example.test'") == {
            slot_of(bikes): 3
        }

    def test_what_does_not_fit_stays_with_the_lead_alone(self, world: World, page: MetaLine, bikes: UUID):
        self.mapped(world, page)
        arrive(world, page, email="ana@example.test", how_many="a few")
        assert world.value("SELECT fields FROM contacts WHERE email = 'ana@example.test'") == {}
        assert {"key": "how_many", "values": ["a few"]} in the_lead(world)["answers"]

    def test_a_value_that_is_there_stays(self, world: World, page: MetaLine, bikes: UUID):
        self.mapped(world, page)
        arrive(world, page, email="ana@example.test", how_many="3")
        arrive(world, page, "8000000000002", email="ana@example.test", how_many="4")
        assert world.value("SELECT fields FROM contacts WHERE email = 'ana@example.test'") == {
            slot_of(bikes): 3
        }
