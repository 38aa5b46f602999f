"""The inbox in a browser over 100,000 conversations: scrolling, jumping and filtering, by the browser's own clock.

The real host with the built front end, and Debian's chromium without a window. A frame that takes more than 50 ms is
one that a person sees as a jerk. Beside the frames of the list stand those of a page that scrolls an empty box of the
same height; beside a filter, from the press to the rows that fit it, what the API took to answer by the browser's
own account of the request.
"""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench.figures import Figure, alone, beside, percentile
from infra.local.postgres import erase

_CONVERSATIONS = 100_000
_JERK = 50.0  # milliseconds; what the browser itself calls a long task

_CONTACTS = """
INSERT INTO contacts (organization_id, id, phone, name, created_at, updated_at)
SELECT ch.organization_id, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
       '+1302' || lpad(n::text, 7, '0'), 'Person ' || n, now(), now()
  FROM channels AS ch, generate_series(1, %(count)s) AS n
 WHERE ch.kind = 'sms'
"""
_THREADS = """
INSERT INTO conversations (organization_id, id, contact_id, channel_id, last_message_at, last_message_id, preview,
                           unread_count, intent, interest, created_at)
SELECT ch.organization_id, ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid,
       ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, ch.id, now() - n * interval '1 minute',
       gen_random_uuid(), 'How much is bicycle number ' || n || ', and is it there on Saturday?',
       CASE WHEN n %% 20 = 0 THEN 2 ELSE 0 END,
       (ARRAY['pricing', 'booking', 'support', 'other'])[1 + n %% 4], n %% 101, now()
  FROM channels AS ch, generate_series(1, %(count)s) AS n
 WHERE ch.kind = 'sms'
"""

# Scrolls `box` by `step` a frame until `frames` have passed, and returns how long each took.
_SCROLL = """async ([selector, step, frames]) => {
    const box = document.querySelector(selector)
    const took = []
    let before = await new Promise(requestAnimationFrame)
    for (let frame = 0; frame < frames; frame += 1) {
        box.scrollTop += step
        const now = await new Promise(requestAnimationFrame)
        took.push(now - before)
        before = now
    }
    return took
}"""
# To a place far away, and the time until its row is there.
_JUMP = """async ([share]) => {
    const box = document.querySelector('.list .scroll')
    const began = performance.now()
    box.scrollTop = Math.floor((box.scrollHeight - box.clientHeight) * share)
    const seen = () => [...box.querySelectorAll('li')].some((row) => {
        const { top, bottom } = row.getBoundingClientRect()
        return top < innerHeight && bottom > 200
    })
    while (!seen()) await new Promise(requestAnimationFrame)
    return performance.now() - began
}"""
# Presses a filter, waits for rows that fit, and returns that time beside the request's own.
_FILTER = """async () => {
    const button = [...document.querySelectorAll('.pill')].find((one) => one.textContent === 'Unread')
    const wanted = button.getAttribute('aria-pressed') === 'false'
    performance.clearResourceTimings()
    const began = performance.now()
    button.click()
    const rows = () => [...document.querySelectorAll('.list li')]
    const fit = () => rows().length > 0 && rows().slice(0, 5).every((row) => !wanted || row.querySelector('.fresh'))
    await new Promise(requestAnimationFrame)
    while (!fit() || !asked()) await new Promise(requestAnimationFrame)
    return [performance.now() - began, asked().duration]
    function asked() {
        return performance.getEntriesByType('resource').find((one) => one.name.includes('/v1/conversations?'))
    }
}"""


def measure(*, quick: bool) -> list[Figure]:
    """Scroll through the list while it loads, then about in it; the quick form loads five pages of a hundred."""
    pages, jumps, filters = (100, 20, 6) if quick else (_CONVERSATIONS // 50, 100, 30)
    with _host() as demo, sync_playwright() as playwright:
        _stuff(demo["database_url"])
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            still = _empty(browser)
            page = _inbox(browser, demo)
            loading = _scrolled_in(page, pages)
            loaded = page.evaluate("document.querySelector('.list ul').style.height").removesuffix("px")
            account = page.context.new_cdp_session(page)
            account.send("Performance.enable", {"timeDomain": "threadTicks"})
            busy = _busy(account)
            frames = page.evaluate(_SCROLL, [".list .scroll", -400, 300])
            work = (_busy(account) - busy) / len(frames)
            jumped = [page.evaluate(_JUMP, [(place * 0.618) % 1]) for place in range(jumps)]
            filtered = [page.evaluate(_FILTER) for _ in range(filters)]
        finally:
            browser.close()
    rows = f"{int(float(loaded)) // 80:,} of {_CONVERSATIONS:,} conversations loaded"
    return [
        beside(
            "inbox_page frame p50",
            [median(frames)],
            "ms",
            [median(still)],
            "an empty box, scrolled",
            note=rows,
        ),
        beside(
            "inbox_page frame p99",
            [percentile(frames, 0.99)],
            "ms",
            [percentile(still, 0.99)],
            "an empty box",
            at_most=2,
        ),
        alone(
            "inbox_page work",
            work,
            "ms a frame",
            at_most=8,
            note="processor time of script, style and layout, by the browser",
        ),
        alone(
            "inbox_page jerks",
            _share(frames),
            "% of frames over 50 ms",
            at_most=1,
            note=f"{len(frames)} frames",
        ),
        alone(
            "inbox_page jerks while it loads",
            _share(loading),
            "% of frames over 50 ms",
            at_most=5,
            note=f"{len(loading)} frames",
        ),
        alone("inbox_page filter p99", percentile([took for took, _ in filtered], 0.99), "ms", at_most=150),
        alone("inbox_page jump p99", percentile(jumped, 0.99), "ms", at_most=100),
        beside(
            "inbox_page filter p50",
            [took for took, _ in filtered],
            "ms",
            [request for _, request in filtered],
            "the API's answer",
        ),
    ]


def _busy(account: CDPSession) -> float:
    """Milliseconds of processor time that the page has spent on script, style and layout so far."""
    told = {one["name"]: one["value"] for one in account.send("Performance.getMetrics")["metrics"]}
    return 1000 * (told["ScriptDuration"] + told["RecalcStyleDuration"] + told["LayoutDuration"])


def _share(frames: list[float]) -> float:
    return 100 * sum(took > _JERK for took in frames) / len(frames)


def _empty(browser: Browser) -> list[float]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_content(
        '<div id="box" style="height:800px;overflow:auto"><div style="height:8000000px"></div></div>'
    )
    took: list[float] = page.evaluate(_SCROLL, ["#box", 400, 300])
    page.close()
    return took


def _inbox(browser: Browser, demo: dict[str, Any]) -> Page:
    page = browser.new_page(
        base_url=demo["base_url"], viewport={"width": 1440, "height": 900}, locale="en-US"
    )
    page.goto("/login")
    page.get_by_label("E-mail").fill(demo["owner"]["email"])
    page.get_by_label("Password").fill(demo["owner"]["password"])
    page.get_by_role("button", name="Log in").click()
    page.locator(".list li").first.wait_for()
    return page


def _scrolled_in(page: Page, pages: int) -> list[float]:
    """Scroll to the end again and again, as fast as the API gives more."""
    took: list[float] = []
    height = 0
    while height < pages * 50 * 80:
        took += page.evaluate(_SCROLL, [".list .scroll", 4000, 30])
        height = page.evaluate("document.querySelector('.list ul').offsetHeight")
    return took


def _stuff(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CONTACTS, {"count": _CONVERSATIONS})
        connection.execute(_THREADS, {"count": _CONVERSATIONS})
        connection.execute("VACUUM ANALYZE")


@contextmanager
def _host() -> Iterator[dict[str, Any]]:
    """`leadsrally up` in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="leadsrally-bench-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local.command", "up", "--port", str(port)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        if not any("ready" in line for line in process.stdout):
            raise RuntimeError("the host did not start")
        yield json.loads((folder / ".leadsrally" / "demo.json").read_text("utf-8"))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        erase(folder / ".leadsrally" / "postgres")
        shutil.rmtree(folder, ignore_errors=True)
