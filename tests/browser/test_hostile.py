"""Whatever somebody writes is words: on every screen, with no dialog, no request to elsewhere and no word from the
content security policy (reliability: I3, I8). The fixtures watch.
"""

import re

import pytest
from playwright.sync_api import expect

from infra.local.functions import PROJECT
from tests.browser.conftest import People
from tests.browser.stage import Stage

PICTURE = PROJECT / "docs" / "phones.png"

CORPUS = {
    "an image with a handler": "<img src=x onerror=alert(1)> I8a",
    "a script": "<script>alert(document.cookie)</script> I8b",
    "a picture from elsewhere": '"><svg onload=alert(1)><image href="http://elsewhere.example/p.png"/> I8c',
    "a link that runs": "javascript:alert(1) [click](javascript:alert(1)) I8d",
    "a style": "<style>*{display:none}</style></textarea><link rel=stylesheet href=//elsewhere.example/x.css> I8e",
    "a template": "{{constructor.constructor('alert(1)')()}} ${alert(1)} I8f",
    "a frame": "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe><base href='//elsewhere.example/'> I8g",
    "another direction": "\u202eevil\u202c \u2066right\u2067 to left I3a",
    "joined emoji": "👩🏽\u200d🚀👨\u200d👩\u200d👧\u200d👦 I3b",
    "a thousand accents": "e" + "\u0301" * 900 + " I3c",
    "letters that look alike": "Раypаl support I3d",
    "one long word": "A" * 900 + " I3e",
}


@pytest.mark.parametrize(
    "viewport", [{"width": 1440, "height": 900}, {"width": 390, "height": 844}], ids=["desktop", "phone"]
)
def test_I3_I8_hostile_words_are_shown_as_they_are(people: People, stage: Stage, viewport: dict[str, int]):
    phones = {name: stage.phone() for name in CORPUS}
    for name, words in CORPUS.items():
        stage.text(phones[name], words)
    page = people.owner(viewport=viewport)
    page.goto("/inbox")
    last = re.compile(re.escape(list(phones.values())[-1]))
    expect(page.get_by_role("link", name=last)).to_be_visible()
    before = page.evaluate("document.querySelectorAll('*').length")
    assert (
        page.locator(".list script, .list iframe, .list style, .list link, .list base, .list img").count()
        == 0
    )
    assert before > 0
    for name, words in CORPUS.items():
        page.get_by_label("Search people and messages").fill(phones[name])
        page.get_by_role("link", name=re.compile(re.escape(phones[name]))).first.click()
        shown = page.get_by_role("log").get_by_label("Contact").last
        expect(shown.locator(".words")).to_have_text(words.strip(), use_inner_text=False)
        assert page.get_by_role("log").locator("script, iframe, style, link, base, img").count() == 0
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} makes the page {wide} pixels too wide"
        if viewport["width"] < 500:
            page.goto("/inbox")


def test_I8_hostile_names_of_people_and_files_are_words(people: People, stage: Stage):
    name = "<img src=x onerror=alert(1)> \u202eevil"
    stage.whatsapp(stage.phone(), name, "What is my name?")
    page = people.owner()
    page.goto("/inbox")
    page.get_by_role("link", name=re.compile("What is my name")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    file = {"name": '"><svg onload=alert(1)>.png', "mimeType": "image/png", "buffer": PICTURE.read_bytes()}
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text(file["name"])).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log").get_by_label("You").last).to_contain_text(file["name"])
    assert page.locator("svg[onload], img[onerror]").count() == 0


def test_I8_hostile_names_of_our_own_are_words_too(people: People, stage: Stage):
    name = "<img src=x onerror=alert(1)>{{7*7}}"
    page = people.owner()
    page.goto("/channels")
    page.get_by_role("link", name=re.compile("SMS")).click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.goto("/channels")
    expect(page.get_by_text(name)).to_be_visible()
    page.get_by_role("link", name=re.compile("SMS")).click()
    page.get_by_label("Name").fill("Sales")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sales")
