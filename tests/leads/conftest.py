"""A page, and what people leave in its forms."""

from typing import Any

import pytest

from leadsrally.messaging.leads.types import Answer, Lead
from tests.fakes import answered
from tests.world import MetaLine, Org, World

FORM = "9000000000001"
LEAD = "8000000000001"


@pytest.fixture
def page(world: World, org: Org) -> MetaLine:
    return world.lead_page(org)


def left(world: World, lead_id: str = LEAD, form_id: str = FORM, **answers: str) -> Lead:
    """Somebody has left a lead, and the word of it has not come yet."""
    return world.leads.add(Lead(lead_id, form_id, world.clock.now, answered(**answers)))


def arrive(world: World, page: MetaLine, lead_id: str = LEAD, form_id: str = FORM, **answers: str) -> None:
    """A lead is left, told of, and fetched."""
    left(world, lead_id, form_id, **answers)
    assert world.lead(page, lead_id, form_id=form_id).status == 200
    world.work("fetch_lead")


def the_lead(world: World, lead_id: str = LEAD) -> dict[str, Any]:
    return world.row("SELECT * FROM leads WHERE provider_lead_id = %(id)s", id=lead_id)


def people(world: World) -> list[tuple[str, str | None, str]]:
    rows = world.rows("SELECT name, phone, email FROM contacts ORDER BY created_at, id")
    return [(row["name"], row["phone"], row["email"]) for row in rows]


def values(*given: Answer) -> list[dict[str, Any]]:
    return [{"key": one.key, "values": list(one.values)} for one in given]
