"""axe-core finds nothing serious on any page, by day and by night, wide and narrow."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from infra.local.functions import PROJECT
from tests.browser.conftest import People
from tests.browser.pictures import OPEN, ROOMS
from tests.browser.stage import Stage

AXE = PROJECT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical: rule, how often, and where first."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(
        "axe.run({ resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })"
    )
    return [
        f"{page.url} {rule['id']} ×{len(rule['nodes'])}: {rule['nodes'][0]['html'][:120]}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]


def test_pages_for_everybody(people: People):
    page = people.somebody(viewport={"width": 390, "height": 844})
    found: list[str] = []
    for path in OPEN:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        found += serious(page)
    assert found == []


@pytest.mark.parametrize(
    "look",
    [
        {"viewport": {"width": 1440, "height": 900}},
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    ],
    ids=["by day", "on a phone at night"],
)
def test_pages_behind_the_log_in(people: People, stage: Stage, look: dict[str, Any]):
    phone = stage.phone()
    stage.text(phone, "Hi! How much is the city bike?")
    page = people.owner(**look)
    found: list[str] = []
    for path in ROOMS:
        page.goto(path)
        expect(page.get_by_role("main")).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        found += serious(page)
    page.goto("/inbox")
    page.get_by_role("link", name=re.compile(re.escape(phone))).click()
    expect(page.get_by_role("log")).to_contain_text("interest 80 of 100")
    found += serious(page)
    assert found == []
