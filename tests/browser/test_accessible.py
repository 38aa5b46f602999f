"""axe-core finds nothing serious on any page, by day and by night, wide and narrow."""

import pytest
from playwright.sync_api import Page, expect

from infra.local.functions import PROJECT
from tests.browser.conftest import People
from tests.browser.pages import behind_the_log_in, for_everybody, furnish
from tests.browser.stage import Stage

AXE = PROJECT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


LOOKS = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical, by day and, of colours, by night: rule, how often, and where first."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(
        "axe.run({ resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })"
    )["violations"]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found += page.evaluate("axe.run({ resultTypes: ['violations'], runOnly: ['color-contrast'] })")[
        "violations"
    ]
    return [
        f"{page.url} {rule['id']} ×{len(rule['nodes'])}: {rule['nodes'][0]['html'][:120]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_pages_for_everybody(people: People, look: str):
    page = people.somebody(viewport=LOOKS[look])
    found: list[str] = []
    for path in for_everybody():
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        found += serious(page)
    assert found == []


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_of_the_router_behind_the_log_in(people: People, stage: Stage, look: str):
    things = furnish(stage)
    page = people.owner(viewport=LOOKS[look])
    found: list[str] = []
    for path in behind_the_log_in(things):
        page.goto(path)
        expect(page.get_by_role("main")).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        if path == f"/inbox/{things['/inbox']}":
            expect(page.get_by_role("log")).to_contain_text("of 100")
        found += serious(page)
    assert found == []


def test_a_page_of_one_thing_that_nobody_made_is_asked_for():
    with pytest.raises(AssertionError, match="make something for /inbox/:id"):
        behind_the_log_in({})
