"""What everyone may read: /policy, /policy/status and /subprocessors, as pages and as data."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

import leadsrally.privacy.policy.text as source
from leadsrally import runtime
from leadsrally.disclosures.subprocessors import SUBPROCESSORS
from leadsrally.privacy.clauses.check_all import CLAUSES
from tests.policy.conftest import FIRST, SECOND, House
from tests.privacy.test_clauses import looked_after
from tests.world import Answer, World

PAGES = ["/policy", "/policy/status", "/subprocessors", "/policy/versions/2026-04-17"]


def page(world: World, path: str, **headers: str) -> Answer:
    return world.call(path, method="GET", headers={"host": "api.example.test", **headers})


def data(world: World, path: str) -> Any:
    answer = page(world, path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return json.loads(answer.body)


class Outline(HTMLParser):
    """Headings, ids and links of a page, which has to close what it opens."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.attributes |= told.keys()
        if tag != "meta":
            self.open.append(tag)
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
        if "id" in told:
            self.ids.append(str(told["id"]))
        if tag == "a":
            self.links.append(str(told["href"]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def checked(house: House) -> House:
    """All is looked after, and the checks have run once."""
    looked_after(house.world)
    house.world.rings("clauses")
    return house


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_a_page_is_whole_and_needs_nothing_from_anywhere(self, checked: House, path: str):
        answer = page(checked.world, path)
        assert answer.status == 200
        outline = Outline(answer.body)
        assert outline.headings[0] == 1
        assert outline.headings.count(1) == 1
        assert all(
            later - earlier <= 1
            for earlier, later in zip(outline.headings, outline.headings[1:], strict=False)
        )
        assert len(outline.ids) == len(set(outline.ids))
        assert not {name for name in outline.attributes if name.startswith("on") or name == "style"}
        assert "<script" not in answer.body
        assert "<img" not in answer.body
        assert '<html lang="en">' in answer.body
        own = [link for link in outline.links if link.startswith("#")]
        assert {link[1:] for link in own} <= set(outline.ids)

    @pytest.mark.parametrize("path", PAGES)
    def test_its_policy_lets_in_its_own_style_and_nothing_else(self, checked: House, path: str):
        answer = page(checked.world, path)
        (style,) = re.findall(r"<style>(.*?)</style>", answer.body, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert answer.headers["content-security-policy"] == (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize("path", PAGES)
    def test_head_and_json(self, checked: House, path: str):
        head = checked.world.call(path, method="HEAD", headers={"host": "x"})
        assert head.status == 200
        asked = page(checked.world, path, accept="application/json")
        assert asked.headers["content-type"] == "application/json"
        assert json.loads(asked.body)
        browser = "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"
        assert page(checked.world, path, accept=browser).headers["content-type"].startswith("text/html")

    def test_when_the_database_is_away_the_page_says_so(self, world: World, monkeypatch: pytest.MonkeyPatch):
        def broken(*_: Any) -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr("functions.policy.handler.gather", broken)
        answer = page(world, "/policy")
        assert answer.status == 503
        assert "secret" not in answer.body


class TestPolicy:
    def test_the_same_facts_and_numbers_with_a_mark_beside_each_clause(self, checked: House):
        told = data(checked.world, "/policy.json")
        assert told["last_updated"] == "2026-04-17"
        assert [section["number"] for section in told["sections"]] == list(range(1, 12))
        clauses = {one["id"]: one for section in told["sections"] for one in section["clauses"]}
        assert list(clauses) == [clause.id for clause in CLAUSES]
        at = checked.world.clock.now.isoformat()
        assert (clauses["P8.2"]["state"], clauses["P8.2"]["passed_at"]) == ("kept", at)
        body = page(checked.world, "/policy").body
        assert "Last updated" in body
        assert "17 April 2026" in body
        assert body.count("✓ Kept, checked") == sum(one["state"] == "kept" for one in clauses.values()) > 20
        assert "privacy@mail.example.test" in body
        assert "support@mail.example.test" in body

    def test_before_the_first_check_nothing_is_claimed(self, house: House):
        body = page(house.world, "/policy").body
        assert "✓ Kept" not in body
        assert body.count("○ Not checked yet") == len(CLAUSES)

    def test_in_its_first_minute_an_installation_shows_the_text(self, world: World):
        assert "Last updated" in page(world, "/policy").body

    def test_a_clause_that_broke_says_since_when_and_when_it_passed_last(self, checked: House):
        world = checked.world
        org = world.organization()
        checked.person(org, "x@x.example", password_hash="hunter2")
        passed = world.clock.now
        world.clock.pass_(hours=1)
        world.rings("clauses")
        broke = world.clock.now
        world.clock.pass_(hours=1)
        world.rings("clauses")
        told = data(world, "/policy/status.json")["clauses"]
        (found,) = [one for one in told if one["id"] == "P8.2"]
        assert (found["state"], found["since"], found["passed_at"]) == (
            "broken",
            broke.isoformat(),
            passed.isoformat(),
        )
        assert found["checked_at"] == world.clock.now.isoformat()
        assert "✗ Not kept since" in page(world, "/policy").body
        assert "hunter2" not in page(world, "/policy/status").body

    def test_O10_a_coming_version_is_announced_and_readable_and_does_not_hold(
        self, checked: House, monkeypatch: pytest.MonkeyPatch
    ):
        world = checked.world
        checked.customer("ada@a.example")
        world.clock.pass_(hours=1)
        checked.texts = (FIRST, SECOND)
        checked.watch()
        body = page(world, "/policy").body
        assert "A new version is announced" in body
        assert "Files lie in another region." in body
        assert "18 December 2026 at the earliest" in body
        assert data(world, "/policy.json")["coming"][0]["effective_at"] is None
        assert data(world, "/policy.json")["last_updated"] == "2026-04-17"
        monkeypatch.setattr(source, "texts", lambda: (FIRST, SECOND))
        coming = page(world, "/policy/versions/2026-12-01").body
        assert "is announced and does not hold yet" in coming
        world.work("notify")
        checked.watch()
        world.clock.now = checked.version()["effective_at"]
        assert "A new version is announced" not in page(world, "/policy").body
        assert "1 December 2026" in page(world, "/policy").body
        assert "does not hold any more" in page(world, "/policy/versions/2026-04-17").body

    @pytest.mark.parametrize("dated", ["2020-01-01", "yesterday", "2026-04-17x", "%00"])
    def test_a_version_that_there_never_was(self, checked: House, dated: str):
        answer = page(checked.world, f"/policy/versions/{dated}")
        assert answer.status == 404
        assert json.loads(answer.body)["code"] == "policy_version_not_found"


class TestStatus:
    def test_each_clause_with_state_sentence_and_time(self, checked: House):
        told = data(checked.world, "/policy/status.json")["clauses"]
        assert [one["id"] for one in told] == [clause.id for clause in CLAUSES]
        assert {one["state"] for one in told} <= {"kept", "not built"}
        assert all(one["sentence"] for one in told if one["state"] == "kept")
        body = page(checked.world, "/policy/status").body
        kept = sum(one["state"] == "kept" for one in told)
        assert f"{kept} of {len(CLAUSES)} promises are kept" in body

    def test_what_nobody_checked_for_three_hours_is_not_called_kept(self, checked: House):
        world = checked.world
        world.clock.pass_(hours=3)
        assert "✓ Kept" in page(world, "/policy").body
        world.clock.pass_(seconds=1)
        for path in ("/policy", "/policy/status"):
            body = page(world, path).body
            assert "✓ Kept" not in body
            assert "○ Not checked since" in body
            assert "; passed last" in body
        assert f"0 of {len(CLAUSES)} promises are kept" in page(world, "/policy/status").body
        told = data(world, "/policy/status.json")["clauses"]
        assert all(one["stale"] for one in told)

    def test_a_round_is_kept(self, checked: House):
        run = checked.world.row("SELECT kept, broken, not_built FROM clause_runs")
        assert sum(run.values()) == len(CLAUSES)
        assert run["broken"] == 0


class TestSubprocessors:
    def test_P5_2_each_with_what_binds_it(self, checked: House):
        told = data(checked.world, "/subprocessors.json")["items"]
        assert [one["key"] for one in told] == [key for key in SUBPROCESSORS if key != "aws"]
        body = page(checked.world, "/subprocessors").body
        for one in told:
            assert one["document"] in body
            assert one["link"] in body
            assert one["country"]
            assert one["mechanism"].startswith("Standard Contractual Clauses")
        assert "domains" not in told[0]

    def test_who_runs_it_is_listed_by_setting(self, checked: House, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(runtime.of("policy").settings._values, "LEADSRALLY_HOSTED_BY", "railway, aws")
        assert [one["key"] for one in data(checked.world, "/subprocessors.json")["items"]] == list(
            SUBPROCESSORS
        )

    def test_a_change_of_the_list_is_announced_there_too(self, checked: House):
        checked.customer("ada@a.example")
        checked.world.clock.pass_(hours=1)
        checked.texts = (FIRST, replace(SECOND, summary="Newhost keeps files."))
        checked.watch()
        assert "Newhost keeps files." in page(checked.world, "/subprocessors").body
