"""How long everything is kept, as customers see it; and windows of their own (P6, R10)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from leadsrally import runtime
from leadsrally.privacy.keep_windows import keep_windows
from leadsrally.privacy.own_windows.kinds import KINDS
from leadsrally.privacy.retention import WINDOWS
from tests.api.conftest import Client, person
from tests.world import Line, Org, World

HOUR = timedelta(hours=1)
PATH = "/v1/retention"


def shown(client: Client) -> dict[str, Any]:
    status, told = client.get(PATH)
    assert status == 200
    return told


def rule(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(found for found in told["policy"] if found["name"] == name)


def own(told: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(found for found in told["own"] if found["kind"] == kind)


def choose(client: Client, **days: int | None) -> dict[str, Any]:
    tag = client.etag(PATH)
    client.confirm()
    status, told = client.patch(PATH, days, tag)
    assert status == 200, told
    return told


def sweep(world: World) -> None:
    keep_windows(runtime.of("retention_sweep").db, world.clock, dry_run=False, time_left=lambda: HOUR)


class TestRules:
    def test_every_window_of_the_policy_is_shown_with_its_clause(self, client: Client):
        told = shown(client)
        assert [found["name"] for found in told["policy"]] == [window.name for window in WINDOWS]
        assert {"P6.1", "P6.2", "P6.3", "P6.4", "P6.5", "P6.6"} <= {
            found["clause"] for found in told["policy"]
        }
        assert [found["kind"] for found in told["own"]] == list(KINDS)

    def test_before_the_first_sweep_a_window_is_not_said_to_be_kept(self, client: Client):
        log = rule(shown(client), "delivery_log")
        assert (log["last_run"], log["kept_now"]) == (None, False)
        messages = rule(shown(client), "messages")
        assert (messages["kept_by"], messages["kept_now"], messages["next_run_at"]) == (
            "customer",
            None,
            None,
        )

    def test_what_the_last_sweep_came_to_and_when_the_next_one_is(
        self, world: World, client: Client, line: Line
    ):
        world.text(line, "hello")
        sweep(world)
        log = rule(shown(client), "delivery_log")
        assert log["kept_now"] is True
        assert (log["last_run"]["due_before"], log["last_run"]["due_after"]) == (0, 0)
        assert log["oldest_at"] == world.clock.now.isoformat().replace("+00:00", "Z")
        assert log["next_run_at"] == (world.clock.now + HOUR).isoformat().replace("+00:00", "Z")

    def test_a_silent_night_is_shown(self, world: World, client: Client):
        sweep(world)
        world.clock.pass_(hours=26)
        assert rule(shown(client), "delivery_log")["kept_now"] is False

    def test_the_oldest_of_ones_own_is_shown_and_nobody_elses(self, world: World, client: Client, line: Line):
        other = world.line(world.organization("Rival"))
        world.text(other, "older")
        world.clock.pass_(hours=2)
        world.text(line, "hello")
        oldest = own(shown(client), "messages")["oldest_at"]
        assert oldest == world.clock.now.isoformat().replace("+00:00", "Z")


class TestChoose:
    def test_what_is_chosen_is_shown_and_the_rest_stays(self, client: Client):
        choose(client, messages_days=730, notes_days=90)
        told = choose(client, messages_days=365)
        assert {found["kind"]: found["days"] for found in told["own"]} == {
            "messages": 365, "conversations": None, "leads": None, "notes": 90, "media": None, "delivery_log": None,
        }  # fmt: skip

    def test_null_gives_a_window_up(self, client: Client):
        choose(client, messages_days=730)
        assert own(choose(client, messages_days=None), "messages")["days"] is None

    @pytest.mark.parametrize(
        "days",
        [{"delivery_log_days": 90}, {"delivery_log_days": 91}, {"messages_days": 0}, {"messages_days": 3651},
         {"messages_days": -1}, {"calls_days": 3}],
        ids=["as long as the policy's", "longer", "none at all", "for ever", "negative", "unknown"],
    )  # fmt: skip
    def test_never_longer_than_the_policys(self, client: Client, days: dict[str, int]):
        assert client.patch(PATH, days, client.etag(PATH))[0] == 422

    def test_two_people_at_once_lose_nothing(self, client: Client):
        before = client.etag(PATH)
        assert client.patch(PATH, {"messages_days": 365}, before)[0] == 200
        status, told = client.patch(PATH, {"messages_days": 30}, before)
        assert (status, told["code"]) == (412, "stale")
        assert client.patch(PATH, {"messages_days": 30}, None)[0] == 428

    def test_who_set_it_and_to_what_is_in_the_audit_log(self, world: World, client: Client):
        choose(client, messages_days=365, notes_days=None)
        row = world.row("SELECT * FROM audit_log WHERE action = 'retention.changed'")
        assert row["actor_id"] == client.user_id
        assert row["details"] == {"messages_days": "365", "notes_days": "policy"}

    def test_a_shorter_window_waits_a_day_and_says_so(self, world: World, client: Client):
        told = choose(client, messages_days=30)
        tomorrow = world.clock.now + timedelta(days=1)
        assert told["obeyed_from"] == tomorrow.isoformat().replace("+00:00", "Z")
        assert own(told, "messages")["next_run_at"] == told["obeyed_from"]

    def test_R10_from_90_to_30_and_back_nothing_is_shorter_than_it_was(self, world: World, client: Client):
        first = choose(client, messages_days=90)["obeyed_from"]
        world.clock.pass_(days=3)
        choose(client, messages_days=30)
        world.clock.pass_(hours=1)
        told = choose(client, messages_days=90)
        assert own(told, "messages")["days"] == 90
        assert told["obeyed_from"] > first  # the slip was to be obeyed later, and until then nothing is

    def test_what_is_longer_counts_at_once(self, world: World, client: Client):
        told = choose(client, messages_days=30)
        world.clock.pass_(days=2)
        assert choose(client, messages_days=60)["obeyed_from"] == told["obeyed_from"]

    @pytest.mark.parametrize(
        ("role", "status"), [("owner", 200), ("admin", 200), ("agent", 403), ("viewer", 403)]
    )
    def test_who_may(self, world: World, org: Org, role: str, status: int):
        client = person(world, org, role)
        assert client.patch(PATH, {"messages_days": 365}, client.etag(PATH))[0] == status
        assert client.post(f"{PATH}/preview", {"messages_days": 365})[0] == status

    def test_A13_it_takes_somebody_who_has_just_shown_who_they_are(self, world: World, client: Client):
        tag = client.etag(PATH)
        world.clock.pass_(minutes=11)
        status, told = client.patch(PATH, {"messages_days": 365}, tag)
        assert (status, told["code"]) == (403, "confirmation_needed")


class TestPreview:
    def test_it_counts_what_would_go_and_changes_nothing(self, world: World, client: Client, line: Line):
        for sender in ("+12025550101", "+12025550102"):
            world.text(line, "old", sender=sender)
        world.clock.pass_(days=10)
        world.text(line, "new", sender="+12025550101")
        status, told = client.post(
            f"{PATH}/preview", {"messages_days": 10, "conversations_days": 9, "delivery_log_days": 5}
        )
        assert status == 200
        assert told == {
            "messages": 2, "conversations": 1, "leads": 0, "notes": 0, "media": 0, "delivery_log": 2,
        }  # fmt: skip
        assert world.value("SELECT count(*) FROM messages") == 3
        assert world.rows("SELECT 1 FROM retention_windows") == []

    def test_R1_to_the_instant(self, world: World, client: Client, line: Line):
        world.text(line, "hello")
        for span, due in ((timedelta(days=30, microseconds=-1), 0), (timedelta(microseconds=1), 1)):
            world.clock.now += span
            told = client.post(f"{PATH}/preview", {"messages_days": 30})[1]
            assert told["messages"] == due

    def test_it_counts_nobody_elses(self, world: World, client: Client, line: Line):
        other = world.line(world.organization("Rival"))
        world.text(other, "hello")
        world.clock.pass_(days=2)
        assert client.post(f"{PATH}/preview", {"messages_days": 1})[1]["messages"] == 0


class TestRuns:
    def test_sweeps_of_the_policy_and_of_ones_own_newest_first(self, world: World, client: Client, org: Org):
        sweep(world)
        world.clock.pass_(hours=1)
        now = world.clock.now
        run = {
            "cutoff": now,
            "due_before": 3,
            "deleted": 3,
            "due_after": 0,
            "started_at": now,
            "finished_at": now,
        }
        world._insert("retention_runs", {"organization_id": org.id, "id": uuid4(), "kind": "messages", **run})
        rival = world.organization("Rival")
        world._insert("retention_runs", {"organization_id": rival.id, "id": uuid4(), "kind": "notes", **run})
        status, page = client.get(f"{PATH}/runs")
        assert status == 200
        assert (page["items"][0]["scope"], page["items"][0]["name"]) == ("own", "messages")
        assert {found["scope"] for found in page["items"][1:]} == {"policy"}
        assert "notes" not in {found["name"] for found in page["items"]}

    def test_pages_hold_each_run_once(self, world: World, client: Client):
        for _ in range(2):
            sweep(world)
            world.clock.pass_(hours=1)
        whole = client.get(f"{PATH}/runs?limit=100")[1]["items"]
        found, cursor = [], ""
        while cursor is not None:
            page = client.get(f"{PATH}/runs?limit=7{cursor and '&cursor=' + cursor}")[1]
            found += page["items"]
            cursor = page["next"]
        assert found == whole
        assert len({run["id"] for run in found}) == len(found) > 20

    def test_a_dry_run_is_not_among_them(self, world: World, client: Client):
        keep_windows(runtime.of("retention_sweep").db, world.clock, dry_run=True, time_left=lambda: HOUR)
        assert client.get(f"{PATH}/runs")[1]["items"] == []
