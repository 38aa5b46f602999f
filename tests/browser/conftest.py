"""A browser against the real host and the simulators: one of each for the whole run.

Everything that a page must never do is watched in every test: a dialog, a request to elsewhere, a violation of the
content security policy, an error of a script.
"""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    expect,
    sync_playwright,
)

from infra.local.functions import PROJECT
from infra.local.postgres import erase
from tests.browser.stage import Stage
from tests.database import throwaway_directory
from tests.local.test_up import end, start

CHROMIUM = os.environ.get("LEADSRALLY_CHROMIUM") or shutil.which("chromium")
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def built() -> Path:
    """The front end, built from this tree."""
    node = shutil.which("node") and shutil.which("npm")
    if not node:
        pytest.skip("no Node with npm is installed, so there is no front end to test")
    with FileLock(PROJECT / "build" / "frontend.lock"):
        made = subprocess.run(["make", "frontend"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    if "not built" in made.stdout:
        pytest.skip(made.stdout.strip())
    return PROJECT / "build" / "frontend"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for one file: as long as it is there an event loop counts as running in this thread, and whatever
    else the thread would test of the API could not run its own.
    """
    if not CHROMIUM:
        pytest.skip("no chromium is installed (on Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stage(built: Path, free_port: int) -> Iterator[Stage]:
    """`leadsrally up` in a folder of its own."""
    folder = throwaway_directory()
    process = start(folder, free_port)
    made = Stage(folder / ".leadsrally" / "demo.json")
    try:
        yield made
    finally:
        made.close()
        end(process, signal.SIGINT)
        erase(folder / ".leadsrally" / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Watch:
    """What no page may do."""

    def __init__(self, home: str) -> None:
        self._home = home
        self.also = home  # an origin that a test itself plays
        self.seen: list[str] = []

    def over(self, context: BrowserContext) -> None:
        context.on("dialog", self._dialog)
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.seen.append(f"error: {error.error}"))

    def _dialog(self, dialog: Dialog) -> None:
        self.seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._home, self.also)):
            self.seen.append(f"foreign: {request.url[:80]}")

    def _console(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "TrustedHTML" in message.text:
            self.seen.append(f"policy: {message.text}")


@pytest.fixture
def watch(stage: Stage) -> Iterator[Watch]:
    made = Watch(stage.home)
    yield made
    assert made.seen == []


class People:
    """Opens browsers that share nothing."""

    def __init__(self, browser: Browser, stage: Stage, watch: Watch) -> None:
        self._browser = browser
        self._stage = stage
        self._watch = watch
        self._open: list[BrowserContext] = []

    def somebody(self, **options: Any) -> Page:
        usual = {"locale": "en-US", "timezone_id": "America/New_York"}
        context = self._browser.new_context(base_url=self._stage.home, **{**usual, **options})
        self._watch.over(context)
        self._open.append(context)
        return context.new_page()

    def owner(self, **options: Any) -> Page:
        """The demo organisation's owner, logged in."""
        page = self.somebody(**options)
        log_in(page, self._stage.demo["owner"]["email"], self._stage.demo["owner"]["password"])
        return page

    def agent(self, **options: Any) -> Page:
        """A colleague of the owner who answers conversations, invited once and logged in."""
        page = self.somebody(**options)
        log_in(page, *self._stage.agent())
        return page

    def close(self) -> None:
        for context in self._open:
            context.close()


@pytest.fixture
def people(chromium: Browser, stage: Stage, watch: Watch) -> Iterator[People]:
    made = People(chromium, stage, watch)
    yield made
    made.close()


def log_in(page: Page, email: str, password: str) -> None:
    page.goto("/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("navigation", name="Rooms")).to_be_visible()
