"""Pictures of every page, by day and by night, wide and narrow, to look at: `python -m tests.browser.pictures [FOLDER]`.

Needs a running `make up` in the present folder and Debian's chromium. Writes into build/pictures unless told otherwise.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from infra.local.functions import PROJECT
from tests.browser.stage import Stage

LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
}
OPEN = ("/login", "/signup", "/forgot", "/verify#x", "/reset#x", "/invite#x", "/email#x", "/parts")
ROOMS = (
    "/inbox",
    "/contacts",
    "/contacts/new",
    "/contacts/segments",
    "/contacts/segments/new",
    "/contacts/imports",
    "/contacts/suppressions",
    "/contacts/duplicates",
    "/leads",
    "/channels",
    "/channels/connect",
    "/channels/numbers",
    "/templates",
    "/notices",
    "/settings/you",
    "/settings/organization",
    "/settings/ai",
    "/settings/members",
    "/settings/permissions",
    "/settings/api-keys",
    "/settings/log",
    "/settings/deliveries",
    "/settings/billing",
    "/settings/privacy",
    "/no-such-page",
)
# Rooms whose list leads to a page for each of its lines.
BEHIND = ("/inbox", "/contacts", "/contacts/imports", "/contacts/segments", "/leads", "/channels")


def settle(page: Page, path: str) -> None:
    page.goto(path)
    if path != "/parts":  # which shows what loading looks like
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    page.wait_for_timeout(400)


def pictures(page: Page, folder: Path, look: str, paths: tuple[str, ...]) -> Iterator[Path]:
    for path in paths:
        settle(page, path)
        yield taken(page, folder, look, path)
        first = page.locator(f"main a[href^='{path}/']:not([href$='/new']):not(.tabs a)")
        if path in BEHIND and first.count():
            settle(page, first.first.get_attribute("href") or path)
            yield taken(page, folder, look, f"{path}/one")


def taken(page: Page, folder: Path, look: str, path: str) -> Path:
    """The whole page, for which the part that scrolls is given the room it wants."""
    name = path.strip("/").split("#")[0].replace("/", "-") or "index"
    to = folder / f"{name}.{look}.png"
    size = page.viewport_size or {"width": 1440, "height": 900}
    wanted = page.evaluate("document.querySelector('.page')?.scrollHeight ?? 0")
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(wanted + 60, 2600))})
    page.wait_for_timeout(100)
    page.screenshot(path=to)
    page.set_viewport_size(size)
    return to


def main() -> None:
    demo = Path(".leadsrally/demo.json")
    if not demo.is_file():
        sys.exit("Start `make up` first, and run this in the same folder.")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "build" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    stage = Stage(demo)
    owner = json.loads(demo.read_text("utf-8"))["owner"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for look, options in LOOKS.items():
            page = browser.new_context(base_url=stage.home, locale="en-US", **options).new_page()
            for made in pictures(page, folder, look, OPEN):
                sys.stdout.write(f"{made}\n")
            page.goto("/login")
            page.get_by_label("E-mail").fill(owner["email"])
            page.get_by_label("Password").fill(owner["password"])
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("navigation", name="Rooms")).to_be_visible()
            for made in pictures(page, folder, look, ROOMS):
                sys.stdout.write(f"{made}\n")
        browser.close()
    stage.close()


if __name__ == "__main__":
    main()
