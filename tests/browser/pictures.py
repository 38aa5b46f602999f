"""Pictures of every page, by day and by night, wide and narrow, to look at: `python -m tests.browser.pictures [FOLDER]`.

Needs a running `make up` in the present folder and Debian's chromium. Writes into build/pictures unless told otherwise.
"""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from infra.local.functions import PROJECT
from tests.browser.pages import behind_the_log_in, for_everybody, furnish
from tests.browser.stage import Stage

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "spanish": {"viewport": {"width": 390, "height": 844}, "locale": "es-ES"},
}


def settle(page: Page, path: str) -> None:
    page.goto(path)
    if path != "/parts":  # which shows what loading looks like
        expect(page.get_by_role("status", name=re.compile("Loading|Cargando"))).to_have_count(0)
    page.wait_for_timeout(400)


def pictures(page: Page, folder: Path, look: str, paths: list[str]) -> Iterator[Path]:
    for path in paths:
        settle(page, path)
        yield taken(page, folder, look, _UUID.sub("one", path))


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
    things = furnish(stage)
    owner = json.loads(demo.read_text("utf-8"))["owner"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for look, options in LOOKS.items():
            usual = {"base_url": stage.home, "locale": "en-US"}
            page = browser.new_context(**{**usual, **options}).new_page()
            for made in pictures(page, folder, look, for_everybody()):
                sys.stdout.write(f"{made}\n")
            page.goto("/login")
            page.locator("input[type=email]").fill(owner["email"])
            page.locator("input[type=password]").fill(owner["password"])
            page.locator("form button[type=submit]").click()
            page.locator("nav.rail, .rail").first.wait_for()
            for made in pictures(page, folder, look, behind_the_log_in(things)):
                sys.stdout.write(f"{made}\n")
        browser.close()
    stage.close()


if __name__ == "__main__":
    main()
