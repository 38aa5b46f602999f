"""P7.2, E2: a lead that was left before an erasure brings nobody back; one that is left after it is somebody new."""

from datetime import timedelta

import pytest

from leadsrally import runtime
from leadsrally.messaging.leads import take
from leadsrally.messaging.leads.types import Lead
from leadsrally.privacy.erasure.ledger import entries_since
from leadsrally.privacy.erasure.replay import replay
from tests.api.conftest import person
from tests.erasure.conftest import Eraser, everything
from tests.fakes import answered
from tests.leads.conftest import FORM, LEAD, arrive, left, page, people, the_lead
from tests.world import START, MetaLine, Org, World, days

__all__ = ["page"]  # a fixture

PHONE, EMAIL = "+12025550161", "ada@lovelace.example"
OLD = "8000000000077"


@pytest.fixture
def eraser(world: World, org: Org) -> Eraser:
    return Eraser(world, org, person(world, org))


@pytest.fixture
def forgotten(world: World, page: MetaLine, eraser: Eraser) -> Lead:
    """Somebody has left two leads, we were told of one, and they were erased. Returns the other."""
    arrive(world, page, full_name="Ada Lovelace", phone_number=PHONE, email=EMAIL)
    world.clock.pass_(minutes=1)
    old = left(world, OLD, full_name="Ada Lovelace", phone_number=PHONE, email="Ada@Lovelace.example")
    world.clock.pass_(minutes=1)
    eraser.erase("contact", eraser.contact(PHONE))
    world.clock.pass_(minutes=1)
    return old


def told_of(world: World, page: MetaLine, lead: Lead) -> None:
    assert world.lead(page, lead.id, form_id=FORM).status == 200
    world.work("fetch_lead")


class TestLeftBefore:
    def test_E2_told_of_after_it_brings_nobody_back(self, world: World, page: MetaLine, forgotten: Lead):
        told_of(world, page, forgotten)
        assert people(world) == []
        row = the_lead(world, OLD)
        assert row["state"] == "refused_erased"
        assert row["answers"] is row["ticked"] is row["contact_id"] is None
        kept = everything(world)
        for secret in ("Ada", PHONE, EMAIL):
            assert secret not in kept

    def test_E2_found_by_reading_the_form_it_brings_nobody_back(
        self, world: World, page: MetaLine, forgotten: Lead
    ):
        world.rings("lead_catch_up")
        world.work("lead_catch_up")
        world.work("fetch_lead")
        assert people(world) == []
        assert {row["state"] for row in world.rows("SELECT state FROM leads")} == {"refused_erased"}

    def test_E2_the_one_that_made_them_does_not_either(self, world: World, page: MetaLine, forgotten: Lead):
        assert world.lead(page, LEAD, form_id=FORM).status == 200
        world.work("fetch_lead")
        assert people(world) == []

    def test_E2_one_that_was_waiting_to_be_fetched(self, world: World, page: MetaLine, eraser: Eraser):
        arrive(world, page, phone_number=PHONE)
        waiting = left(world, OLD, phone_number=PHONE)
        assert world.lead(page, waiting.id, form_id=FORM).status == 200
        world.clock.pass_(minutes=1)
        eraser.erase("contact", eraser.contact(PHONE))
        world.work("fetch_lead")
        assert people(world) == []
        assert the_lead(world, OLD)["state"] == "refused_erased"

    @pytest.mark.parametrize(
        "answers", [{"phone_number": PHONE}, {"email": EMAIL.upper()}], ids=["by number", "by address"]
    )
    def test_E2_either_address_is_enough(
        self, world: World, page: MetaLine, forgotten: Lead, answers: dict[str, str]
    ):
        lead = world.leads.add(Lead("8000000000088", FORM, forgotten.submitted_at, answered(**answers)))
        told_of(world, page, lead)
        assert people(world) == []

    def test_E2_somebody_else_is_taken(self, world: World, page: MetaLine, forgotten: Lead):
        answers = answered(phone_number="+12025550162")
        lead = world.leads.add(Lead("8000000000088", FORM, forgotten.submitted_at, answers))
        told_of(world, page, lead)
        assert [phone for _, phone, _ in people(world)] == ["+12025550162"]

    def test_E12_another_customer_knows_nothing_of_it(self, world: World, forgotten: Lead):
        rival = world.lead_page(world.organization("Rival"))
        told_of(world, rival, forgotten)
        assert [phone for _, phone, _ in people(world)] == [PHONE]

    def test_E2_erased_while_the_lead_is_taken(
        self, world: World, page: MetaLine, forgotten: Lead, monkeypatch: pytest.MonkeyPatch
    ):
        """The erasure came between the first look and the contact: nothing of it stands, and it is looked at again."""
        looks, really = iter((False, True)), take.erased_since
        with monkeypatch.context() as patched:
            patched.setattr(take, "erased_since", lambda *_: next(looks))
            assert world.lead(page, forgotten.id, form_id=FORM).status == 200
            world.ring("fetch_lead", world.due("fetch_lead"))
        assert people(world) == []
        assert the_lead(world, OLD)["state"] == "queued"
        assert take.erased_since is really
        world.clock.pass_(hours=1)
        world.work("fetch_lead")
        assert people(world) == []
        assert the_lead(world, OLD)["state"] == "refused_erased"


class TestLeftAfter:
    def test_E2_whoever_comes_again_is_somebody_new(self, world: World, page: MetaLine, forgotten: Lead):
        arrive(world, page, "8000000000099", full_name="Ada Lovelace", phone_number=PHONE)
        assert people(world) == [("Ada Lovelace", PHONE, "")]
        assert the_lead(world, "8000000000099")["state"] == "fetched"

    @pytest.mark.parametrize(
        ("apart", "state"),
        [
            (timedelta(seconds=-1), "refused_erased"),
            (timedelta(0), "fetched"),
            (timedelta(seconds=1), "fetched"),
        ],
    )
    def test_E2_the_instant_of_the_erasure_decides(
        self, world: World, page: MetaLine, forgotten: Lead, apart: timedelta, state: str
    ):
        erased_at = world.value("SELECT max(erased_at) FROM erased_addresses")
        lead = world.leads.add(Lead("8000000000088", FORM, erased_at + apart, answered(phone_number=PHONE)))
        told_of(world, page, lead)
        assert the_lead(world, lead.id)["state"] == state


class TestRestored:
    def test_E6_a_restored_backup_knows_it_too(
        self, world: World, page: MetaLine, forgotten: Lead, eraser: Eraser
    ):
        """What the database remembered is lost with it; the ledger says it again."""
        world.execute("DELETE FROM erased_addresses")
        world.execute("DELETE FROM lead_receipts")
        for entry in entries_since(eraser.storage, START - days(60)):
            replay(runtime.of("erase").db, entry)
        for lead_id in (LEAD, OLD):
            assert world.lead(page, lead_id, form_id=FORM).status == 200
        world.work("fetch_lead")
        assert people(world) == []
