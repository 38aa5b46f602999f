"""P2.3 and P6.5: each thing that billing promises is broken once, and its clause says so."""

from datetime import UTC, date, datetime

import pytest

from leadsrally.kit.db import Database
from leadsrally.privacy.clauses.check_all import check_all
from tests.billing.invoices import an_invoice, at, close, used
from tests.world import Org, World


def states(world: World) -> dict[str, str]:
    db = Database(world.database.url("leadsrally_clauses"))
    with db.across() as tx:
        found = {
            result.clause.id: (result.state, result.sentence) for result in check_all(tx, world.clock.now)
        }
    db.close()
    assert found["P2.3"][0] != "not built"
    assert found["P6.5"][0] != "not built"
    return {clause: found[clause][0] for clause in ("P2.3", "P6.5")}


KEPT = {"P2.3": "kept", "P6.5": "kept"}
CHARGED_WRONG = {"P2.3": "broken", "P6.5": "kept"}
NOT_KEPT = {"P2.3": "kept", "P6.5": "broken"}


@pytest.fixture
def org(world: World) -> Org:
    """One that has used something in March and in April, and has its invoices."""
    world.clock.now = at(2027, 4, 1)
    org = world.organization(created_at=at(2027, 3, 1, 0))
    used(world, org, date(2027, 3, 3), quantity=2_100)
    close(world)
    used(world, org, date(2027, 4, 3), quantity=10)
    world.clock.now = at(2027, 5, 3)
    close(world)
    assert states(world) == KEPT
    return org


class TestBilling:
    def test_P2_3_a_month_that_is_not_closed(self, world: World, org: Org):
        world.clock.now = at(2027, 6, 1, 23)
        assert states(world) == KEPT  # it has a day
        world.clock.now = at(2027, 6, 2)
        assert states(world) == CHARGED_WRONG
        close(world)
        assert states(world) == KEPT

    def test_P2_3_usage_that_stands_on_no_invoice(self, world: World, org: Org):
        used(world, org, date(2027, 3, 31))
        assert states(world) == CHARGED_WRONG

    def test_P2_3_what_was_heard_of_late_has_until_the_next_closing(self, world: World, org: Org):
        used(world, org, date(2027, 3, 31), late=True)
        assert states(world) == KEPT

    @pytest.mark.parametrize(
        "change",
        [
            "DELETE FROM usage WHERE quantity = 2100",
            "UPDATE usage SET quantity = 2099 WHERE quantity = 2100",
            "UPDATE usage SET detail = 'other' WHERE quantity = 2100",
        ],
    )
    def test_P2_3_more_on_invoices_than_was_used(self, world: World, org: Org, change: str):
        world.execute(change)
        assert states(world) == CHARGED_WRONG

    def test_P2_3_of_an_organisation_that_leaves_the_usage_goes_first(self, world: World, org: Org):
        world.execute("UPDATE organizations SET charged_until = '2027-04-30'")
        world.execute("DELETE FROM usage")
        assert states(world) == KEPT


class TestCounted:
    @pytest.mark.parametrize(
        "change", ["DELETE FROM usage WHERE kind LIKE 'sms%%'", "DELETE FROM usage WHERE kind LIKE 'ai%%'"]
    )
    def test_P2_3_a_text_or_a_score_that_no_usage_counts(self, world: World, change: str):
        world.text(world.line(world.organization()), "What does it cost?")
        world.score()
        assert states(world) == KEPT
        world.execute(change)
        assert states(world) == CHARGED_WRONG


class TestKept:
    def test_P6_5_an_invoice_that_is_older_than_promised(self, world: World):
        """To the hour that the sweep has for it."""
        org = world.organization(created_at=at(2017, 1, 1), charged_until=date(2018, 1, 1))
        an_invoice(world, org, date(2016, 2, 1))
        world.clock.now = datetime(2023, 3, 1, 0, 59, tzinfo=UTC)
        assert states(world) == KEPT
        world.clock.now = datetime(2023, 3, 1, 1, tzinfo=UTC)
        assert states(world) == NOT_KEPT

    def test_P6_5_usage_that_is_older_than_promised(self, world: World):
        org = world.organization(created_at=at(2017, 1, 1), charged_until=date(2018, 1, 1))
        used(world, org, date(2016, 2, 29))
        world.clock.now = datetime(2023, 3, 1, 1, tzinfo=UTC)
        assert states(world) == NOT_KEPT

    def test_P6_5_a_number_that_nobody_has(self, world: World, org: Org):
        world.execute("UPDATE invoice_numbers SET last = last + 1")
        world.clock.now = at(2027, 6, 3)
        close(world)
        assert states(world) == NOT_KEPT

    @pytest.mark.parametrize(
        "change",
        [
            "ALTER TABLE invoices DISABLE TRIGGER stays",
            "ALTER TABLE invoice_lines DISABLE TRIGGER adds_up",
            "DROP TRIGGER stays ON invoice_lines",
            "GRANT UPDATE (total) ON invoices TO leadsrally_api",
            "GRANT DELETE ON invoice_lines TO leadsrally_billing_close",
            "ALTER TABLE invoices ADD FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE",
        ],
    )
    def test_P6_5_a_way_to_change_one_or_to_lose_it(self, world: World, org: Org, change: str):
        world.execute(change)
        assert states(world) == NOT_KEPT
