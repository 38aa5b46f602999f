"""A person from being written down to what may be sent to them."""

from playwright.sync_api import expect

from tests.browser.conftest import People
from tests.browser.stage import Stage


def test_a_person_is_written_down_found_and_asked_nothing_twice(people: People, stage: Stage):
    name, phone = "<b>Ada</b> Lovelace", stage.phone()
    page = people.owner()
    page.goto("/contacts")
    page.get_by_role("link", name="Add a contact").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Number", exact=True).fill(phone)
    page.get_by_role("button", name="Add a contact").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)

    page.get_by_label("Add a tag").fill("vip")
    page.get_by_label("Add a tag").press("Enter")
    page.get_by_role("button", name="Remove vip").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Remove vip")).to_be_visible()

    expect(page.get_by_text("SMS · marketing not permitted")).to_be_visible()
    page.get_by_role("button", name="They agreed elsewhere").click()
    page.get_by_label("In which words").fill("I agree to get offers by text.")
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_text("SMS · marketing permitted")).to_be_visible()
    page.get_by_text("What it rests on").click()
    expect(page.get_by_text("I agree to get offers by text.")).to_be_visible()

    page.goto("/contacts")
    page.get_by_label("Search by name, number or address").fill(phone[-4:])
    expect(page.get_by_role("link", name=name)).to_be_visible()
