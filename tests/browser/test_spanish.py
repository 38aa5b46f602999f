"""The main job in Spanish: the language of the browser is taken, and no English is left on any page."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import People
from tests.browser.pages import behind_the_log_in, furnish
from tests.browser.stage import Stage

# Words of the English files that no Spanish page of ours holds. What the API says stays in its language.
ENGLISH = re.compile(
    r"\b(Inbox|Contacts|Settings|Channels|Templates|Notices|Search|Remove|Save|Cancel|Download|Everybody|Reply|Send)\b"
)

# Without what people, forms and files have said, which is set apart by its element.
OURS = """(() => {
    const body = document.body.cloneNode(true)
    for (const theirs of body.querySelectorAll('bdi, code, script')) theirs.remove()
    return body.textContent
})()"""


def in_spanish(page: Page, stage: Stage) -> None:
    page.goto("/login")
    page.get_by_label("Correo").fill(stage.demo["owner"]["email"])
    page.get_by_label("Contraseña").fill(stage.demo["owner"]["password"])
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("navigation").first).to_be_visible()


def test_a_text_is_answered_in_spanish(people: People, stage: Stage):
    page = people.somebody(locale="es-ES")
    in_spanish(page, stage)
    phone = stage.phone()
    stage.text(phone, "¿Cuánto cuesta la bici?")
    page.get_by_role("link", name=re.compile(re.escape(phone))).click()
    page.get_by_label("Respuesta", exact=True).fill("Son 20 euros.")
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.get_by_role("log").get_by_label("Usted").last).to_contain_text("entregado")
    page.get_by_role("button", name="¿Por qué se envió?").click()
    expect(page.get_by_role("log")).to_contain_text("Entonces no había dicho nada del permiso.")
    assert stage.received(phone) == ["Son 20 euros."]


def test_no_page_says_it_in_english(people: People, stage: Stage):
    page = people.somebody(locale="es-ES")
    in_spanish(page, stage)
    found: list[str] = []
    for path in behind_the_log_in(furnish(stage)):
        page.goto(path)
        expect(page.get_by_role("main")).to_be_visible()
        expect(page.get_by_role("status", name="Cargando")).to_have_count(0)
        expect(page.locator("html")).to_have_attribute("lang", "es")
        found += [f"{path}: {word}" for word in ENGLISH.findall(page.evaluate(OURS))]
    assert found == []
