"""Two people at one inbox, and what a reply would be before it is sent."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import People
from tests.browser.stage import Stage


def test_two_people_see_each_other_and_whose_it_is(people: People, stage: Stage):
    wide = {"viewport": {"width": 1440, "height": 900}}
    owner, agent = people.owner(**wide), people.agent(**wide)
    phone = stage.phone()
    stage.text(phone, "Who of you is there?")
    owner.goto("/inbox")
    owner.get_by_role("link", name=re.compile(re.escape(phone))).click()
    expect(owner.get_by_role("log")).to_contain_text("Who of you is there?")
    agent.goto(owner.url)
    expect(agent.get_by_text("is looking at this, too")).to_be_visible()
    owner.get_by_label("Reply").fill("I am!")
    expect(agent.get_by_text("is writing an answer")).to_be_visible()

    details = agent.get_by_role("complementary", name="About this person")
    details.get_by_role("button", name="Take it").click()
    expect(details.get_by_label("Assigned to")).not_to_have_value("")
    details.get_by_label("A note for your colleagues").fill("Likes red. <b>I8</b>")
    details.get_by_role("button", name="Add the note").click()
    expect(details.get_by_text("Likes red. <b>I8</b>")).to_be_visible()

    for page, whose, there in ((agent, "me", 1), (owner, "me", 0), (owner, "nobody", 0)):
        page.goto("/inbox")
        page.get_by_role("group", name="Filters").get_by_label("Assigned to").select_option(whose)
        row = page.get_by_role("link", name=re.compile(re.escape(phone)))
        expect(row).to_have_count(there)


def test_a_person_takes_over_from_the_model_and_a_colleague_sees_it(people: People, stage: Stage):
    wide = {"viewport": {"width": 1440, "height": 900}}
    owner, agent = people.owner(**wide), people.agent(**wide)
    phone = stage.phone()
    stage.text(phone, "How much is the city bike?")
    owner.goto("/inbox")
    owner.get_by_role("link", name=re.compile(re.escape(phone))).click()
    suggested = owner.get_by_role("group", name="Suggested answers")
    expect(suggested).to_be_visible()
    expect(owner.get_by_text("AI reads along")).to_be_visible()
    agent.goto(owner.url)
    owner.get_by_role("button", name="Take over").focus()
    owner.keyboard.press("Enter")
    expect(owner.get_by_text("You took over")).to_be_visible()
    expect(suggested).to_have_count(0)
    expect(agent.get_by_text(re.compile(r"@.* took over"))).to_be_visible()
    expect(agent.get_by_role("group", name="Suggested answers")).to_have_count(0)
    stage.text(phone, "And the red one?")
    expect(owner.get_by_role("log")).to_contain_text("And the red one?")
    expect(owner.get_by_role("button", name="Give it back to the AI")).to_be_focused()
    owner.keyboard.press("Enter")
    expect(owner.get_by_text("AI reads along")).to_be_visible()
    expect(agent.get_by_text("AI reads along")).to_be_visible()
    stage.text(phone, "How much is the red one?")
    expect(suggested).to_be_visible()


def test_a_filter_asks_the_api_and_is_taken_away_again(people: People, stage: Stage):
    page = people.owner()
    mute, keen = stage.phone(), stage.phone()
    stage.text(keen, "How much is the city bike?")
    stage.whatsapp(mute, "Zoe", "Hello from WhatsApp")
    page.goto("/inbox")
    expect(page.get_by_role("link", name=re.compile(re.escape(keen)))).to_be_visible()
    filters = page.get_by_role("group", name="Filters")
    filters.get_by_label("Channel").select_option("whatsapp")
    expect(page.get_by_role("link", name=re.compile("Zoe"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(re.escape(keen)))).to_have_count(0)
    filters.get_by_label("Interest").select_option("70")
    filters.get_by_role("button", name="Clear the filters").click()
    expect(page.get_by_role("link", name=re.compile(re.escape(keen)))).to_be_visible()


def test_a_reply_shows_its_words_parts_and_price(people: People, stage: Stage):
    page = people.owner()
    phone = stage.phone()
    stage.text(phone, "Hi")
    page.goto("/inbox")
    page.get_by_role("link", name=re.compile(re.escape(phone))).click()
    page.get_by_label("Reply").fill("Hi {{first_name|there}}, we’ll be open")
    expect(page.get_by_text("It will read: Hi there, we’ll be open")).to_be_visible()
    expect(page.get_by_text("Fewer characters fit because of ’")).to_be_visible()
    expect(page.get_by_text("about $0.0083")).to_be_visible()
    page.get_by_label("Reply").fill("Hi {{no_such_thing}}")
    expect(page.get_by_role("alert")).to_be_visible()
