"""E10: when an organisation is erased its invoices stay, without anybody's name, and nothing else of its billing does."""

from collections.abc import Iterator
from datetime import date

import pytest

from leadsrally import runtime
from leadsrally.billing.close import final_invoices, stop_charging
from leadsrally.billing.pseudonymise import forget_usage, pseudonymise
from leadsrally.kit.db import Database
from tests.billing.invoices import at, close, used
from tests.world import Org, World

CANARY = "Zebediah Canaryname, Harbour Bikes"
# As an accountant needs them: everything but the name.
TAX_FIELDS = "number, month, plan, currency, seller, customer_country, total, lines, issued_at, kept_until"


@pytest.fixture
def org(world: World) -> Org:
    world.clock.now = at(2027, 5, 10)
    return world.organization(CANARY, country="DE", created_at=at(2027, 3, 1, 0))


@pytest.fixture
def db(world: World) -> Iterator[Database]:
    """As the function that erases."""
    database = Database(world.database.url("leadsrally_erase"))
    yield database
    database.close()


def erase(world: World, db: Database, org: Org) -> int:
    with db.tenant(org.id) as tx:
        return pseudonymise(tx, org.id, now=world.clock.now)


class TestPseudonymise:
    def test_E10_the_name_and_the_id_go_and_the_rest_stays(self, world: World, db: Database, org: Org):
        used(world, org, date(2027, 3, 3), quantity=2_500)
        close(world)
        before = world.rows(f"SELECT {TAX_FIELDS} FROM invoices ORDER BY number")
        amounts = world.rows(
            "SELECT place, month, kind, detail, quantity, price, amount FROM invoice_lines ORDER BY 2, 1"
        )
        assert world.value("SELECT count(*) FROM invoices WHERE customer_name = %(name)s", name=CANARY) == 2
        assert erase(world, db, org) == 3  # the present month is issued with it
        after = world.rows(f"SELECT {TAX_FIELDS} FROM invoices ORDER BY number")
        assert after[:2] == before
        kept = world.rows(
            "SELECT place, month, kind, detail, quantity, price, amount FROM invoice_lines ORDER BY 2, 1"
        )
        assert kept[: len(amounts)] == amounts
        (pseudonym,) = {row["id"] for row in world.rows("SELECT organization_id AS id FROM invoices")}
        assert pseudonym != org.id
        assert world.rows("SELECT DISTINCT organization_id AS id FROM invoice_lines") == [{"id": pseudonym}]
        assert world.rows("SELECT DISTINCT customer_name AS name FROM invoices") == [{"name": ""}]

    def test_E10_no_canary_is_left(self, world: World, db: Database, org: Org):
        used(world, org, date(2027, 3, 3))
        close(world)
        erase(world, db, org)
        for table in ("usage", "invoices", "invoice_lines", "invoice_numbers"):
            told = str(world.rows(f"SELECT t::text FROM {table} AS t"))
            assert "Canary" not in told, table
            assert str(org.id) not in told, table

    def test_E10_what_was_open_is_charged_first(self, world: World, db: Database, org: Org):
        """Asked for on 10 April: nobody pays for the days since."""
        close(world)
        with runtime.of("api").db.tenant(org.id) as tx:
            stop_charging(tx, org.id, now=at(2027, 4, 10))
        used(world, org, date(2027, 4, 9), quantity=2_100, late=True)
        erase(world, db, org)
        last = world.row("SELECT * FROM invoices ORDER BY number DESC LIMIT 1")
        assert (last["number"], last["total"]) == ("2027-000003", 30)
        told = world.rows("SELECT payload ->> 'invoice_id' AS id FROM jobs WHERE kind = 'invoice_ready'")
        assert str(last["id"]) not in {row["id"] for row in told}  # whom to tell is gone

    def test_the_organisation_can_go_then(self, world: World, db: Database, org: Org):
        """No key of a billing record holds it, and none goes with it."""
        close(world)
        erase(world, db, org)
        world.execute("DELETE FROM jobs")
        world.execute("DELETE FROM organizations WHERE id = %(id)s", id=org.id)
        assert world.value("SELECT count(*) FROM invoices") == 3

    def test_again_it_changes_nothing_and_no_month_is_closed_for_it(
        self, world: World, db: Database, org: Org
    ):
        used(world, org, date(2027, 3, 3), quantity=9)
        close(world)
        erase(world, db, org)
        world.execute("UPDATE organizations SET state = 'erased', name = 'erased'")  # as its row stays
        first = world.rows("SELECT organization_id, number FROM invoices ORDER BY number")
        assert erase(world, db, org) == 0
        world.clock.now = at(2027, 8)
        assert close(world) == {"organizations": 0, "invoices": 0, "whole": True}
        assert world.rows("SELECT organization_id, number FROM invoices ORDER BY number") == first

    def test_E6_a_restored_backup_is_made_to_forget_it_too(self, world: World, db: Database, org: Org):
        """It knows the invoices under the organisation's own id and name."""
        close(world)
        erase(world, db, org)
        world.execute(
            "UPDATE invoices SET organization_id = %(id)s, customer_name = %(name)s", id=org.id, name=CANARY
        )
        assert erase(world, db, org) == 3
        assert CANARY not in str(world.rows("SELECT * FROM invoices"))

    def test_E12_nobody_elses_are_touched(self, world: World, db: Database, org: Org):
        rival = world.organization("Rival", created_at=at(2027, 3, 1, 0))
        for one in (org, rival):
            used(world, one, date(2027, 3, 3))
        close(world)
        theirs = "SELECT * FROM {} WHERE organization_id = %(id)s ORDER BY 1, 2"
        before = [world.rows(theirs.format(t), id=rival.id) for t in ("usage", "invoices", "invoice_lines")]
        erase(world, db, org)
        assert [
            world.rows(theirs.format(t), id=rival.id) for t in ("usage", "invoices", "invoice_lines")
        ] == before


class TestBites:
    def test_E4_usage_goes_in_bites_and_is_not_charged_again(self, world: World, db: Database, org: Org):
        for _ in range(5):
            used(world, org, date(2027, 5, 2), quantity=1_000)
        with db.tenant(org.id) as tx:
            assert final_invoices(tx, org.id, now=world.clock.now) == 3
        taken = []
        for _ in range(3):
            with db.tenant(org.id) as tx:
                taken.append(forget_usage(tx, org.id, limit=2))
            assert close(world)["invoices"] == 0  # an hour passes in between
        assert taken == [2, 2, 1]
        assert erase(world, db, org) == 3
        assert world.value("SELECT sum(quantity)::int FROM invoice_lines WHERE kind = 'sms_out'") == 5_000
