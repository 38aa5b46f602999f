"""Leaving, and staying after all; and one person erased for good."""

import re
from datetime import date

from playwright.sync_api import Page, expect

from tests.browser.conftest import People
from tests.browser.stage import Stage
from tests.browser.test_journeys import PASSWORD, sign_up


def shown_who(page: Page, password: str) -> None:
    """Where it is asked for: a log-in of the last ten minutes is enough."""
    dialog = page.get_by_role("dialog", name="Is it you?")
    if dialog.is_visible():
        dialog.get_by_label("Password").fill(password)
        dialog.get_by_role("button", name="Confirm").click()


def day(iso: str) -> str:
    """As English writes it: "Dec 24, 2026"."""
    at = date.fromisoformat(iso)
    return f"{at:%b} {at.day}, {at.year}"


def test_P6_1_the_account_is_deleted_and_had_back(people: People, stage: Stage):
    page = people.somebody()
    sign_up(page, stage, "Leaving Soon", "zoe@leaving.example")
    page.goto("/settings/privacy")
    page.get_by_role("button", name="Delete the account").click()
    dialog = page.get_by_role("dialog", name="Delete the account?")
    button = dialog.get_by_role("button", name="Delete the account")
    expect(button).to_be_disabled()
    dialog.get_by_label("Type Leaving Soon").fill("Leaving Soon")
    button.click()
    shown_who(page, PASSWORD)
    leaving = page.get_by_role("region", name="Delete account")
    expect(leaving).to_contain_text(re.compile("(29|30) days left to undo it"))
    page.reload()
    leaving.get_by_role("button", name="Keep the account").click()
    shown_who(page, PASSWORD)
    expect(leaving.get_by_role("button", name="Delete the account")).to_be_visible()


def test_P7_2_one_person_is_erased_for_good(people: People, stage: Stage):
    phone = stage.phone()
    stage.text(phone, "Forget me")
    page = people.owner()
    page.goto("/inbox")
    page.get_by_role("link", name=re.compile(re.escape(phone))).click()
    expect(page.get_by_role("log")).to_contain_text("Forget me")
    thread = page.url
    page.get_by_role("button", name="About this person").click()
    page.get_by_role("complementary").get_by_role("link").first.click()
    page.get_by_role("button", name="Erase this person").click()
    dialog = page.get_by_role("dialog")
    broken = {"status": 503, "code": "resting", "detail": "Try again in a minute."}
    page.route("**/v1/erasures", lambda route: route.fulfill(status=503, json=broken), times=1)
    dialog.get_by_role("button", name="Erase for good").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Try again in a minute.")
    with page.expect_response("**/v1/erasures") as begun:
        dialog.get_by_role("button", name="Erase for good").click()
    expect(page).to_have_url(re.compile("/contacts$"))
    by = begun.value.json()["answer_by"]
    answer = f"Answer by {day(by['as_a_rule'])} (with a reason given, by {day(by['put_off'])})."
    expect(page.get_by_role("status").filter(has_text="They are being erased")).to_contain_text(answer)
    page.goto(thread)
    expect(page.get_by_role("alert")).to_contain_text("There is no such conversation")
    page.goto("/settings/privacy")
    erased = page.get_by_role("region", name="Erased for good")
    expect(erased.get_by_role("row").nth(1)).to_contain_text("done")
    expect(erased.get_by_role("row").nth(1)).to_contain_text(answer)
    expect(erased).not_to_contain_text(phone)
