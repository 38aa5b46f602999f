"""/policy, /policy/status and /subprocessors as the running house shows them: read by anybody, on any screen."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import People
from tests.browser.test_accessible import serious

PAGES = {"/policy": "Privacy policy", "/policy/status": "Is it kept?", "/subprocessors": "Subprocessors"}
LOOKS: list[dict[str, Any]] = [
    {"viewport": {"width": 1280, "height": 900}},
    {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},
]


@pytest.mark.parametrize("look", LOOKS, ids=["on a desk", "on a small phone at night"])
def test_they_are_readable_and_fit(people: People, look: dict[str, Any]):
    page = people.somebody(**look)
    found: list[str] = []
    for path, title in PAGES.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
        found += serious(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
    assert found == []


def test_the_checks_have_run_when_the_house_is_open_and_each_mark_leads_to_its_finding(people: People):
    page = people.somebody()
    page.goto("/policy")
    expect(page.get_by_text("Last updated 17 April 2026")).to_be_visible()
    passwords = page.get_by_role("listitem").filter(has_text="stored as bcrypt hashes")
    expect(passwords).to_contain_text("✓ Kept, checked")
    passwords.get_by_role("link", name="Details of P8.2").click()
    expect(page.get_by_role("listitem").filter(has_text="Passwords with bcrypt")).to_contain_text(
        "The check found: 0 passwords not stored with bcrypt"
    )
    page.get_by_role("link", name="Subprocessors").click()
    expect(page.get_by_role("heading", name="Twilio Inc.")).to_be_visible()
