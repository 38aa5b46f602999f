"""The main job, by hand: sign up, connect a number, answer who writes, and stop when they say so."""

import re

from playwright.sync_api import Page, expect

from infra.local.functions import PROJECT
from tests.browser.conftest import People, Watch, log_in
from tests.browser.stage import Stage

PASSWORD = "seven lazy kettles whistle"


def sign_up(page: Page, stage: Stage, name: str, email: str) -> None:
    """As far as the first page behind the log-in."""
    page.goto("/signup")
    page.get_by_label("Name of your organisation").fill(name)
    page.get_by_label("E-mail at work").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    for attested in ("for business", "16 years", "I accept the terms"):
        page.get_by_label(attested).check()
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.goto(stage.link(email))
    expect(page).to_have_url(f"{stage.home}/verify")  # the token does not stay in the address bar
    page.get_by_role("button", name="Confirm the address").click()
    expect(page.get_by_text("You can log in now")).to_be_visible()
    log_in(page, email, PASSWORD)


def connect(page: Page, stage: Stage) -> str:
    """The spare number of the demo's Twilio account."""
    twilio = stage.demo["twilio"]
    page.get_by_role("link", name="Connect a channel").click()
    page.get_by_role("link", name="Connect a channel").first.click()
    page.get_by_label("Account SID").fill(twilio["account_sid"])
    page.get_by_label("Auth token").fill(twilio["auth_token"])
    page.get_by_label("Number", exact=True).fill(twilio["spare_number"])
    page.get_by_label("Name").fill("Sales")
    page.get_by_role("button", name="Connect it").click()
    expect(page.get_by_text("The token signs in passed")).to_be_visible()
    page.get_by_role("button", name="Send the texts here").click()
    expect(page.get_by_text("Its texts are sent here passed")).to_be_visible()
    return twilio["spare_number"]


def test_from_the_sign_up_to_a_delivered_answer_and_to_a_stop(people: People, stage: Stage):
    page = people.somebody()
    sign_up(page, stage, "Quay Kayaks", "ada@quay.example")
    expect(page.get_by_text("Nobody has written yet")).to_be_visible()
    number = connect(page, stage)

    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="AI and limits").click()
    for switch in ("Score incoming messages", "Suggest answers"):
        page.get_by_label(switch).check()
        expect(page.get_by_text("Switched on.").last).to_be_visible()

    page.get_by_role("link", name="Inbox").click()
    phone = stage.phone()
    stage.text(phone, "Hi! How much is the city bike?", to=number)
    row = page.get_by_role("link", name=re.compile(re.escape(phone)))
    expect(row).to_contain_text("How much is the city bike?")
    expect(row).to_contain_text("Price")
    row.click()

    thread = page.get_by_role("log")
    expect(thread).to_contain_text("interest 80 of 100")
    suggestion = page.get_by_role("group", name="Suggested answers").get_by_role("button").first
    words = suggestion.inner_text()
    suggestion.click()
    reply = page.get_by_label("Reply")
    expect(reply).to_have_value(words)
    reply.press("Control+Enter")
    expect(reply).to_have_value("")
    expect(thread.get_by_label("You").last).to_contain_text("delivered")
    assert stage.received(phone) == [words]

    stage.text(phone, "STOP", to=number)
    expect(page.get_by_text("They opted out. by a word such as STOP")).to_be_visible()
    expect(page.get_by_text("until they themselves write START")).to_be_visible()
    expect(reply).to_have_count(0)
    stage.text(phone, "START", to=number)
    expect(reply).to_be_visible()


def test_a_draft_is_kept_and_the_keys_work(people: People, stage: Stage):
    page = people.owner()
    first, second = stage.phone(), stage.phone()
    stage.text(first, "Is the shop open on Sunday?")
    stage.text(second, "Do you repair e-bikes?")
    page.goto("/inbox")
    expect(page.get_by_role("link", name=re.compile(re.escape(first)))).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text(second)
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text(first)
    expect(page.get_by_label("Reply")).to_be_visible()
    page.keyboard.press("r")
    page.keyboard.type("We open at “ten”")
    expect(page.get_by_text("1 part, 16 characters")).to_be_visible()
    page.get_by_role("button", name="Use plain signs").click()
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_label("Reply")).to_have_value('We open at "ten"')
    page.keyboard.press("/")
    page.keyboard.type("e-bikes")
    expect(page.get_by_role("link", name=re.compile("Do you repair e-bikes"))).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name=re.compile(re.escape(first)))).to_be_visible()


def test_what_does_not_reach_the_server_says_so_and_is_not_sent_twice(people: People, stage: Stage):
    page = people.owner()
    phone = stage.phone()
    stage.text(phone, "Are you there?")
    page.goto("/inbox")
    page.get_by_role("link", name=re.compile(re.escape(phone))).click()
    reply = page.get_by_label("Reply")
    reply.fill("Yes, until six.")
    # The request arrives, and its answer does not.
    page.route(
        "**/messages",
        lambda route: (route.fetch(), route.abort()) if route.request.method == "POST" else route.continue_(),
    )
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Not sent.")).to_be_visible()
    page.unroute("**/messages")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Not sent.")).to_have_count(0)
    expect(page.get_by_role("log").get_by_label("You").last).to_contain_text("delivered")
    assert stage.received(phone) == ["Yes, until six."]


def test_a_file_goes_along(people: People, stage: Stage):
    page = people.owner()
    phone = stage.phone()
    stage.text(phone, "Do you have a picture of it?")
    page.goto("/inbox")
    page.get_by_role("link", name=re.compile(re.escape(phone))).click()
    page.locator("input[type=file]").set_input_files(PROJECT / "docs" / "phones.png")
    expect(page.get_by_text("phones.png")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    sent = page.get_by_role("log").get_by_label("You").last
    expect(sent).to_contain_text("delivered")
    expect(sent.get_by_role("img", name="Picture")).to_be_visible()
    assert len(stage.received(phone)) == 1


def test_T1_two_tenants_in_two_browsers_see_only_their_own(people: People, stage: Stage):
    phone = stage.phone()
    stage.text(phone, "Only for Harbour Bikes")
    owner, stranger = people.owner(), people.somebody()
    sign_up(stranger, stage, "Other House", "eve@other.example")
    owner.goto("/inbox")
    owner.get_by_role("link", name=re.compile(re.escape(phone))).click()
    expect(owner.get_by_role("log")).to_contain_text("Only for Harbour Bikes")
    expect(stranger.get_by_text("Nobody has written yet")).to_be_visible()
    stranger.goto(owner.url)
    expect(stranger.get_by_role("alert")).to_contain_text("There is no such conversation")
    stranger.get_by_label("Search people and messages").fill("Harbour")
    expect(stranger.get_by_text("No message holds all these words.")).to_be_visible()


def test_A10_no_other_site_uses_the_cookie(people: People, stage: Stage, watch: Watch):
    page = people.owner()
    other = stage.home.replace("127.0.0.1", "localhost")
    watch.also = other
    page.context.route(
        f"{other}/**", lambda route: route.fulfill(body="<title>elsewhere</title>", content_type="text/html")
    )
    foreign = page.context.new_page()
    foreign.goto(f"{other}/")
    for mode in ("cors", "no-cors"):
        outcome = foreign.evaluate(
            """async ([address, mode]) => {
                const asked = { method: 'POST', credentials: 'include', mode }
                return fetch(address, asked).then((answer) => answer.type + answer.status, () => 'refused')
            }""",
            [f"{stage.home}/v1/auth/refresh", mode],
        )
        assert outcome in ("refused", "opaque0")
    page.reload()
    expect(page.get_by_role("navigation", name="Rooms")).to_be_visible()


def test_logging_out_leaves_nothing_behind(people: People, stage: Stage):
    page = people.owner()
    page.goto("/settings/you")
    page.get_by_role("button", name="Log out", exact=True).first.click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.goto("/inbox")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
