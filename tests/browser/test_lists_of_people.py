"""Many people at once: a file with mistakes, put right and taken back; segments, numbers never written to, pairs."""

import csv
import re
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import People
from tests.browser.stage import Stage
from tests.browser.test_journeys import sign_up

ROWS = 10_000
HOSTILE = '<img src=x onerror=alert(1)>"><svg onload=alert(1)>'


def a_list(path: Path) -> Path:
    """Ten thousand people, of whom every hundredth has a number with a digit too many."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["Mobile", "Full name", "Internal"])
        for place in range(ROWS):
            wrong = place % 100 == 50
            name = f"Person {place} {HOSTILE if wrong else ''}"
            rows.writerow([f"(212) 736-{place:04d}{'7' * wrong}", name, "-"])
    return path


def upload(page: Page, path: Path) -> None:
    page.goto("/contacts/imports")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_role("heading", level=1)).to_have_text(path.name)


def tally(page: Page, name: str) -> str:
    return page.locator(".tally div", has_text=name).locator("dd").inner_text()


def test_ten_thousand_rows_with_mistakes_are_put_right_and_taken_back(
    people: People, stage: Stage, tmp_path: Path
):
    page = people.somebody(viewport={"width": 1280, "height": 900})
    sign_up(page, stage, "Ten Thousand", "ten@thousand.example")
    upload(page, a_list(tmp_path / "people.csv"))

    # What it looks like to us is suggested, and nothing is imported without a word about permission.
    expect(page.get_by_label("Mobile becomes")).to_have_value("phone")
    expect(page.get_by_label("Full name becomes")).to_have_value("name")
    expect(page.get_by_label("Internal becomes")).to_have_value("")
    expect(page.get_by_role("button", name="Import it")).to_be_disabled()
    page.get_by_label("Country of numbers").fill("US")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="What would become of it")).to_be_visible(timeout=60_000)
    assert (tally(page, "New"), tally(page, "Not taken")) == ("9,900", "100")

    page.get_by_label("They gave none that I can show").check()
    page.get_by_role("button", name="Import it").click()
    expect(page.get_by_role("heading", name="What it came to")).to_be_visible(timeout=120_000)
    assert (tally(page, "New"), tally(page, "Not taken")) == ("9,900", "100")
    with page.expect_download() as download:
        page.get_by_role("button", name="Rows with problems, as CSV").click()
    first = page.url

    # The list of mistakes, put right, is a file to import.
    download.value.save_as(tmp_path / "problems.csv")
    with (tmp_path / "problems.csv").open(newline="", encoding="utf-8-sig") as file:
        wrong = list(csv.DictReader(file))
    assert len(wrong) == ROWS // 100
    with (tmp_path / "fixed.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["Mobile", "Full name"])
        rows.writerows([[one["Mobile"][:-1], one["Full name"]] for one in wrong])
    upload(page, tmp_path / "fixed.csv")
    page.get_by_label("They gave permission, and I can show it").check()
    page.get_by_label("SMS · service").check()
    page.get_by_role("textbox", name="In which words").fill("Text me when my bike is ready.")
    page.get_by_role("textbox", name="Where the proof is").fill("CRM, form 7")
    page.get_by_role("button", name="Import it").click()
    expect(page.get_by_role("heading", name="What it came to")).to_be_visible(timeout=60_000)
    assert (tally(page, "New"), tally(page, "Permissions recorded")) == ("100", "100")
    page.get_by_role("link", name="All imports").click()
    expect(page.get_by_role("row")).to_have_count(3)

    page.goto(first)
    page.get_by_role("button", name="Undo the import").click()
    expect(page.get_by_role("heading", name="It was taken back")).to_be_visible(timeout=60_000)
    assert tally(page, "Removed") == "9,900"
    page.goto("/contacts")
    expect(page.get_by_role("row", name=re.compile("Person 9950 "))).to_contain_text(HOSTILE)
    expect(page.get_by_role("link", name="Person 9951", exact=True)).to_have_count(0)


def test_I8_a_hostile_file_is_words(people: People, stage: Stage, tmp_path: Path):
    path = tmp_path / "'><script>alert(1)</script>.csv".replace("/", "")
    path.write_text(f'{HOSTILE},"=cmd|calc"\n{stage.phone()},"<b>Ada</b> {{{{7*7}}}}"\n', "utf-8")
    page = people.owner()
    upload(page, path)
    expect(page.get_by_role("row").nth(1)).to_contain_text("<")
    assert page.locator("main script, main img, main svg[onload]").count() == 0
    page.goto("/contacts/imports")
    expect(page.get_by_role("link", name=path.name)).to_be_visible()


def test_a_segment_counts_while_it_is_put_together(people: People, stage: Stage):
    page = people.owner()
    phone = stage.phone()
    stage.text(phone, "How much is the city bike?")
    page.goto("/contacts/segments")
    page.get_by_role("link", name="Make a segment").first.click()
    page.get_by_label("Name", exact=True).fill(f"Wrote lately {HOSTILE}")
    page.get_by_label("What is asked about").select_option("phone")
    page.get_by_label("How it is compared").select_option("equal")
    expect(page.get_by_text("Fill in every condition")).to_be_visible()
    page.get_by_label("Value").fill(phone)
    expect(page.get_by_text("One person")).to_be_visible()
    page.get_by_role("button", name="Add a group").click()
    inner = page.get_by_role("group", name="At least one of these")
    inner.get_by_label("What is asked about").select_option("unread")
    inner.get_by_label("Value").select_option("no")
    expect(page.get_by_text("0 people")).to_be_visible()
    page.get_by_label("not").nth(1).check()
    expect(page.get_by_text("One person")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Wrote lately {HOSTILE}")
    expect(page.get_by_role("row", name=re.compile(re.escape(phone)))).to_be_visible()
    page.reload()  # what was saved is the form again
    expect(page.get_by_label("not").nth(1)).to_be_checked()
    expect(page.get_by_label("Value").first).to_have_value(phone)


def test_a_number_is_listed_refused_taken_away_as_a_file_and_taken_off(
    people: People, stage: Stage, tmp_path: Path
):
    page = people.owner()
    phone = stage.phone()
    stage.text(phone, "Hello?")
    page.goto("/contacts/suppressions")
    page.get_by_label("Number", exact=True).fill(phone)
    page.get_by_label("WhatsApp").uncheck()
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("row", name=re.compile(re.escape(phone)))).to_contain_text("you listed it")

    page.goto("/inbox")
    page.get_by_role("link", name=re.compile(re.escape(phone))).click()
    page.get_by_label("Reply").fill("Hello!")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Why was it not sent?").click()
    expect(page.get_by_role("log")).to_contain_text("They had said nothing about permission then.")
    assert stage.received(phone) == []

    page.goto("/contacts/suppressions")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "list.csv")
    assert phone in (tmp_path / "list.csv").read_text("utf-8-sig")
    row = page.get_by_role("row", name=re.compile(re.escape(phone)))
    row.get_by_role("button", name="Take it off").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()


def test_two_records_are_made_one_and_taken_apart(people: People, stage: Stage):
    page = people.owner()
    for name in ("Grace Hopper", "G. Hopper"):
        page.goto("/contacts/new")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Number", exact=True).fill(stage.phone())
        page.get_by_label("E-mail").fill("grace@navy.example")
        page.get_by_role("button", name="Add a contact").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.goto("/contacts/duplicates")
    # Other people of this organisation may be alike too.
    keep = page.get_by_role("button", name="Keep this one: Grace Hopper")
    expect(keep).to_be_visible()
    expect(page.get_by_text("the same address", exact=True).first).to_be_visible()
    keep.click()
    expect(page.get_by_text("The two are one now.")).to_be_visible()
    expect(keep).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(keep).to_be_visible()


def test_many_are_tagged_at_once_taken_back_and_written_to_a_file(
    people: People, stage: Stage, tmp_path: Path
):
    page = people.owner()
    phones = [stage.phone() for _ in range(2)]
    for phone in phones:
        stage.text(phone, "Tag me")
    page.goto("/contacts")
    page.get_by_label("Search by name").fill(phones[0][-4:])
    expect(page.get_by_role("row", name=re.compile(re.escape(phones[0])))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile(re.escape(phones[1])))).to_have_count(0)
    page.get_by_text("With everybody in this list").click()
    page.get_by_label("A tag for all of them").fill("wave")
    page.get_by_role("button", name="Tag them", exact=True).click()
    recent = page.get_by_role("region", name="Done with many in the last day")
    expect(recent.get_by_text("1 done, 0 were so already.")).to_be_visible()
    # For a day, whatever is searched for and wherever one has been in between.
    page.get_by_label("Search by name").fill("nobody is called this")
    expect(page.get_by_text("With everybody in this list")).to_have_count(0)
    expect(recent.get_by_role("button", name="Undo")).to_be_visible()
    page.reload()
    recent.get_by_role("button", name="Undo").click()
    expect(recent.get_by_text("Taken back for 1.")).to_be_visible()
    expect(recent.get_by_role("button", name="Undo")).to_have_count(0)
    page.get_by_label("Search by name").fill(phones[0][-4:])
    expect(page.get_by_role("row", name=re.compile(re.escape(phones[1])))).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile(re.escape(phones[0])))).to_be_visible()
    page.get_by_text("With everybody in this list").click()
    page.get_by_role("button", name="Write them to a CSV file").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "contacts.csv")
    written = (tmp_path / "contacts.csv").read_text("utf-8-sig")
    assert phones[0] in written
    assert phones[1] not in written


def test_a_next_page_that_does_not_come_is_told_of(people: People, stage: Stage):
    stage.text(phone := stage.phone(), "Still here")
    page = people.owner()
    broken = {"status": 503, "code": "resting", "detail": "Try again in a minute."}

    def answer(route: Route) -> None:
        if "cursor=" in route.request.url:
            route.fulfill(status=503, json=broken, content_type="application/problem+json")
        else:
            route.fulfill(json={**route.fetch().json(), "next": "more"})

    page.route("**/v1/contacts?*", answer)
    page.goto("/contacts")
    row = page.get_by_role("row", name=re.compile(re.escape(phone)))
    expect(row).to_be_visible()
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("alert")).to_contain_text("Try again in a minute.")
    expect(row).to_be_visible()
    page.unroute("**/v1/contacts?*")
    page.route("**/v1/contacts?*", lambda route: route.fulfill(json={"items": [], "next": None}))
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("button", name="More")).to_have_count(0)
    expect(row).to_be_visible()


def test_a_person_is_written_to_first(people: People, stage: Stage):
    page = people.owner()
    phone = stage.phone()
    page.goto("/contacts/new")
    page.get_by_label("Name", exact=True).fill("Written First")
    page.get_by_label("Number", exact=True).fill(phone)
    page.get_by_role("button", name="Add a contact").click()
    page.get_by_role("button", name="Write to them").click()
    page.get_by_role("dialog").get_by_label("Text").fill("Your bike is ready.")
    page.get_by_role("dialog").get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Written First")
    expect(page.get_by_role("log").get_by_label("You").last).to_contain_text("Your bike is ready.")
