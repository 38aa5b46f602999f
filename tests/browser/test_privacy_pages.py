"""Settings → Privacy & Account: who was told what, the policy, and what is asked before it changes."""

import json
import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import People
from tests.browser.stage import Stage

COMING = {
    "dated": "2026-12-15",
    "summary": "Names <b>one</b> more subprocessor.",
    "published_at": "2026-11-24T09:00:00Z",
    "announced_for": "2026-12-15T00:00:00Z",
    "effective_at": None,
}


def with_a_coming_policy(page: Page) -> list[Any]:
    """As if a version had been announced, which nobody has accepted; returns what is accepted."""
    accepted: list[Any] = []

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            accepted.append(route.request.post_data_json)
            route.fulfill(status=201, json={})
            return
        policy: dict[str, Any] = route.fetch().json()
        told = {**policy, "coming": [COMING], "banner": not accepted}
        route.fulfill(body=json.dumps(told), content_type="application/json")

    page.route("**/v1/policy", answer)
    page.route("**/v1/policy/acceptances", answer)
    return accepted


def test_who_was_told_what_is_shown_by_kinds_and_never_by_content(people: People, stage: Stage):
    phone = stage.phone()
    stage.text(phone, "Only for your eyes")
    page = people.owner()
    page.goto("/inbox")
    page.get_by_text("Only for your eyes").first.click()
    page.get_by_label("Reply").fill("And for yours.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log").get_by_label("You").last).to_contain_text("delivered")
    page.goto("/settings/privacy")
    told = page.get_by_role("region", name="Who was told what")
    told.get_by_label("To whom").select_option("twilio")
    expect(told.get_by_role("row").nth(1)).to_contain_text("number, text")
    expect(told).not_to_contain_text("And for yours.")
    told.get_by_role("link", name="One contact").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_P10_1_a_coming_policy_is_a_banner_until_it_is_accepted(people: People):
    page = people.owner(viewport={"width": 390, "height": 844})
    accepted = with_a_coming_policy(page)
    page.goto("/contacts")
    banner = page.get_by_text("The privacy policy changes.")
    expect(banner).to_be_visible()
    expect(page.get_by_role("link", name="Read the new version")).to_have_attribute(
        "href", "/policy/versions/2026-12-15"
    )
    page.get_by_role("button", name="Accept it").click()
    expect(banner).to_have_count(0)
    assert accepted == [{"dated": "2026-12-15"}]
    page.goto("/settings/privacy")
    expect(page.get_by_text("Names <b>one</b> more subprocessor.")).to_be_visible()


def test_the_public_pages_are_a_link_away(people: People):
    page = people.owner()
    page.goto("/settings/privacy")
    for name, address in (
        ("What the checks found", "/policy/status"),
        ("The public list, with changes", "/subprocessors"),
    ):
        expect(page.get_by_role("link", name=name)).to_have_attribute("href", address)
        with page.context.expect_page() as opened:
            page.evaluate("address => window.open(address)", address)
        expect(opened.value.get_by_role("heading", level=1)).to_be_visible()


def test_usage_says_what_the_invoice_will(people: People, stage: Stage):
    phone = stage.phone()
    stage.text(phone, "How much do I cost you?")
    page = people.owner()
    page.goto("/settings/billing")
    expect(page.get_by_role("row", name=re.compile("Parts of texts that came in"))).to_be_visible()
    expect(page.get_by_text("The first invoice comes when this month is over.")).to_be_visible()
    page.get_by_text("Day by day").click()
    expect(
        page.get_by_role("row", name=re.compile(r"\d{4}-\d\d-\d\d Parts of texts that came in"))
    ).to_be_visible()


def test_how_long_things_are_kept_and_what_a_shorter_window_would_delete(people: People):
    page = people.owner()
    page.goto("/settings/privacy")
    kept = page.get_by_role("region", name="How long things are kept")
    expect(kept.get_by_role("row", name=re.compile("90 days"))).to_be_visible()
    kept.get_by_label("Notes").fill("30")
    kept.get_by_role("button", name="See what that would delete").click()
    expect(kept.get_by_text("At once, this would delete:")).to_be_visible()


def test_what_goes_on_is_asked_about_until_it_is_over(people: People):
    page = people.owner()
    one: dict[str, Any] = {
        "id": "00000000-0000-7000-8000-000000000001",
        "contact_id": None,
        "requested_by": None,
        "requested_at": "2026-11-24T09:00:00Z",
        "expires_at": None,
        "rows_total": 9,
        "parts": [],
    }
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        how_far = {"state": "building" if len(asked) < 3 else "failed", "rows_done": len(asked)}
        route.fulfill(json={"items": [{**one, **how_far}], "next": None})

    page.route("**/v1/exports*", answer)
    page.clock.install()
    page.goto("/settings/privacy")
    exports = page.get_by_role("region", name="Export")
    expect(exports.get_by_role("progressbar")).to_have_attribute("value", "1")
    page.clock.fast_forward(5_000)
    expect(exports.get_by_role("progressbar")).to_have_attribute("value", "2")
    page.clock.fast_forward(5_000)
    expect(exports).to_contain_text("failed")
    page.clock.fast_forward(600_000)
    page.evaluate("fetch('/v1/exports?last').then(() => null)")
    assert [url.endswith("?last") for url in asked] == [False, False, False, True]
