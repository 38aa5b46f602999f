"""Every page there is, read out of the front end's own router, with something to see on each.

A page that is added there is looked at without a word here. One of a single thing (`:id`) needs that thing made by
`furnish`; until then whoever asks for the pages is told so.
"""

import re
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx

from infra.local.functions import PROJECT
from tests.browser.stage import Stage

_SOURCE = PROJECT / "frontend" / "src"
_ROUTE = re.compile(r'<Route path="([^"]+)" component=\{(\w+)\} />')  # what leads elsewhere has no name
_ANY_ROUTE = re.compile(r"<Route path=")
_ELSEWHERE = re.compile(r"component=\{\(\) => <Elsewhere ")
_SECTIONS = re.compile(r"const SECTIONS = \{\n(.*?)\n\}", re.DOTALL)
_SECTION = re.compile(r"^  '?([a-z-]+)'?: lazy\(", re.MULTILINE)
_FROM_A_MAIL = ("/verify", "/reset", "/invite", "/email")  # which read a token behind the address

_PEOPLE = "Mobile;Full name;City\n(212) 736-5000;Ada Lovelace;London\n(212) 736-500;Too Short;Paris\n"


def router() -> tuple[list[str], list[str]]:
    """The routes for everybody, and those behind the log-in with each section of the settings."""
    source = (_SOURCE / "shell" / "app.tsx").read_text("utf-8")
    everybody, rooms = source.split("function Rooms()")
    named = len(_ROUTE.findall(source)) + len(_ELSEWHERE.findall(source))
    assert named == len(_ANY_ROUTE.findall(source)), "a route is written in a way that is not read here"
    found = _SECTIONS.search((_SOURCE / "settings" / "settings.tsx").read_text("utf-8"))
    assert found, "the sections of the settings are not found"
    sections = _SECTION.findall(found[1])
    assert len(sections) == len(found[1].splitlines()), "a section is written in a way that is not read here"
    behind = [path for path, _ in _ROUTE.findall(rooms) if path != "/settings/:section?"]
    return [path for path, _ in _ROUTE.findall(everybody)], [
        *behind,
        *(f"/settings/{one}" for one in sections),
    ]


def for_everybody() -> list[str]:
    paths, _ = router()
    return ["/login", *(f"{path}#x" if path in _FROM_A_MAIL else path for path in paths)]


def behind_the_log_in(things: Mapping[str, str]) -> list[str]:
    """Each address; `things` holds the id of one thing for each route that shows one."""
    _, routes = router()
    found: list[str] = []
    for route in routes:
        path, _, optional = route.partition("/:id")
        if path == route or optional == "?":
            found.append(path)
        if path != route:
            assert path in things, f"make something for {route} in tests/browser/pages.py"
            found.append(f"{path}/{things[path]}")
    return [*found, "/no-such-page"]


def furnish(stage: Stage) -> dict[str, str]:
    """Something to see in every room of the demo organisation; ids by the path of the list that leads to them."""
    phone = stage.phone()
    stage.text(phone, "Hi! How much is the city bike?")
    stage.whatsapp(stage.phone(), "Zoë Ångström", "Is the red one still there on Saturday?")
    stage.lead(phone_number=stage.phone(), full_name="Ana Lima", email="ana@example.test")
    conversation = _found(stage, "/v1/conversations", lambda one: one["phone"] == phone and one["interest"])
    condition = {"on": "name", "is": "empty", "value": True}
    segment = stage.ask(
        "POST", "/v1/segments", {"name": f"Nameless {uuid4().hex[:8]}", "condition": condition}
    )
    stage.ask("POST", "/v1/suppressions", {"phone": stage.phone(), "channels": ["sms", "whatsapp"]})
    return {
        "/inbox": conversation["id"],
        "/contacts": conversation["contact_id"],
        "/contacts/imports": _import(stage),
        "/contacts/segments": segment["id"],
        "/channels": _found(stage, "/v1/channels", lambda one: one["kind"] == "lead_ads")["id"],
        "/leads": _found(stage, "/v1/leads", lambda one: one["contact_id"])["id"],
    }


def _import(stage: Stage) -> str:
    """A file that was looked at and waits for a word on its columns and on permission."""
    file = _PEOPLE.encode()
    begun = stage.ask(
        "POST", "/v1/imports", {"bytes": len(file), "file_name": "autumn fair, list of people.csv"}
    )
    upload = begun["upload"]
    with httpx.Client(trust_env=False) as http:
        http.put(upload["url"], content=file, headers=upload["headers"]).raise_for_status()
    stage.ask("POST", f"/v1/imports/{begun['id']}/look", {})
    _found(stage, "/v1/imports", lambda one: one["id"] == begun["id"] and one["columns"])
    return begun["id"]


def _found(stage: Stage, path: str, fits: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    deadline = monotonic() + 30
    while not (fitting := [one for one in stage.ask("GET", path)["items"] if fits(one)]):
        assert monotonic() < deadline, f"nothing fits in {path}"
        sleep(0.1)
    return fitting[0]
