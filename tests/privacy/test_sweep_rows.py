"""Windows of rows: what people leave behind and what was set aside, to the instant, for all tenants at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.command import main
from infra.local.context import Context
from leadsrally import runtime
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Misconfigured
from leadsrally.kit.expiring import Expiring
from leadsrally.privacy import keep_windows as windows
from leadsrally.privacy.keep_windows import MONTHS, ROWS, keep_windows
from leadsrally.privacy.retention import SWEEP_RUNS as RULES_OF_RUNS
from leadsrally.privacy.retention import WINDOWS, RowRule
from leadsrally.privacy.sweep import Run, SweepIncomplete
from leadsrally.privacy.sweep_rows import sweep_rows
from tests.world import Org, World

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
ALL = {rule.name: (rule, expiring) for rule, expiring in ROWS}
RULES = {name: both for name, both in ALL.items() if name != "sweep_runs"}  # every sweep writes one of those
MONTHLY = [rule.name for rule, _ in MONTHS]  # tests/billing/test_seven_years.py


@pytest.fixture(autouse=True)
def yesterday(world: World) -> None:
    """The worker's clock must not be ahead of the database's own, which decides then."""
    world.clock.now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def row(world: World, org: Org, table: str, at: datetime, user_id: UUID | None = None) -> None:
    """A row whose own instant, as its window counts it, is `at`."""
    user = user_id or made_user(world, org)
    before = at - timedelta(days=2)
    ids = {"organization_id": org.id, "id": uuid4(), "user_id": user, "created_at": before, "expires_at": at}
    match table:
        case "signups":
            del ids["user_id"]
            form = {"email": "a@b.test", "password_hash": "x", "terms_version": "1", "policy_version": "1"}
            world._insert(table, {**ids, **form})
        case "sessions":
            times = dict.fromkeys(("rotated_at", "confirmed_at", "last_used_at"), before)
            world._insert(table, {**ids, **times, "kind": "client", "token_hash": bytes(32)})
        case "password_resets":
            world._insert(table, ids)
        case "email_changes":
            world._insert(table, {**ids, "old_email": "a@b.test", "new_email": "c@d.test"})
        case "idempotency_keys":
            key = {"actor_id": user, "key": uuid4().hex, "request_hash": b"x"}
            world._insert(table, {"organization_id": org.id, "created_at": at, **key})
        case "rate_limits":
            world._insert(table, {"bucket": "of_a_test", "subject": uuid4().bytes, "full_at": at})
        case "early_reports":
            told = {"provider_hash": uuid4().bytes, "status": "delivered", "status_rank": 5}
            world._insert(table, {"organization_id": org.id, "received_at": at, **told})
        case "early_amendments":
            told = {"target_hash": uuid4().bytes, "action": "edit", "body": "blue", "said_at": before}
            world._insert(
                table,
                {"organization_id": org.id, "channel_id": world.line(org).id, "received_at": at, **told},
            )
        case "quarantine":
            piece = {
                "piece_hash": uuid4().bytes,
                "delivery_id": uuid4(),
                "reason": "malformed",
                "piece": b"{}",
            }
            world._insert(
                table,
                {"organization_id": org.id, "channel_id": world.line(org).id, "received_at": at, **piece},
            )
        case "import_changes":
            what = {
                "id": uuid4(),
                "kind": "contacts",
                "actor_kind": "system",
                "bytes": 1,
                "created_at": before,
            }
            world._insert("imports", {"organization_id": org.id, **what})
            change = {"import_id": what["id"], "contact_id": uuid4(), "line": 2, "recorded_at": at}
            world._insert(table, {"organization_id": org.id, **change})
        case "bulk_changes":
            action_id = uuid4()
            what = {
                "id": action_id,
                "kind": "tag",
                "actor_kind": "system",
                "expected": 1,
                "margin": 0,
                "created_at": before,
                "progressed_at": before,
            }
            world._insert("bulk_actions", {"organization_id": org.id, **what})
            change = {"action_id": action_id, "contact_id": uuid4(), "recorded_at": at}
            world._insert(table, {"organization_id": org.id, **change})
        case "erased_addresses":
            world._insert(table, {"organization_id": org.id, "address_hash": uuid4().bytes, "erased_at": at})
        case "retention_runs":
            run = {"id": uuid4(), "kind": "messages", "cutoff": before, "due_before": 0, "started_at": at}
            world._insert(table, {"organization_id": org.id, **run})
        case _:
            raise AssertionError(f"no row of {table} can be made")


def made_user(world: World, org: Org) -> UUID:
    user_id = uuid4()
    values = {"email": f"{user_id.hex}@example.test", "password_hash": "$2b$12$" + "a" * 53, "role": "owner"}
    world._insert(
        "users", {"organization_id": org.id, "id": user_id, "created_at": world.clock.now, **values}
    )
    return user_id


def left(world: World, table: str) -> int:
    return world.value(f"SELECT count(*) FROM {table}")


def sweep(
    world: World,
    rule: str,
    *,
    dry_run: bool = False,
    db: Database | None = None,
    time_left: Callable[[], timedelta] = lambda: HOUR,
    bite: int = 1000,
) -> Run:
    db = db or runtime.of("retention_sweep").db
    return sweep_rows(db, world.clock, *ALL[rule], dry_run=dry_run, time_left=time_left, bite=bite)


@pytest.mark.parametrize("name", RULES)
class TestWindow:
    def test_R1_the_last_instant_that_is_due_and_the_first_that_is_kept(
        self, world: World, org: Org, name: str
    ):
        cutoff = RULES[name][0].cutoff(world.clock.now)
        user = made_user(world, org)
        for at in (cutoff - MICROSECOND, cutoff, cutoff + MICROSECOND):
            row(world, org, name, at, user)
        run = sweep(world, name)
        assert (run.due_before, run.deleted, run.due_after) == (2, 2, 0)
        assert left(world, name) == 1
        world.clock.pass_(microseconds=1)
        assert sweep(world, name).deleted == 1

    def test_R6_rows_of_every_tenant_go(self, world: World, name: str):
        for tenant in ("Harbour Bikes", "Rival"):
            row(world, world.organization(tenant), name, RULES[name][0].cutoff(world.clock.now))
        assert sweep(world, name).deleted == 2

    def test_a_dry_run_counts_the_same_and_changes_nothing(self, world: World, org: Org, name: str):
        row(world, org, name, RULES[name][0].cutoff(world.clock.now))
        run = sweep(world, name, dry_run=True)
        assert (run.due_before, run.deleted, run.due_after) == (1, 0, 1)
        assert left(world, name) == 1
        assert sweep(world, name).deleted == 1

    @pytest.mark.parametrize("bite", [1, 2, 5, 6])
    def test_R5_bites_of_any_size_take_all(self, world: World, org: Org, name: str, bite: int):
        user = made_user(world, org)
        for _ in range(5):
            row(world, org, name, RULES[name][0].cutoff(world.clock.now), user)
        run = sweep(world, name, bite=bite)
        assert (run.due_before, run.deleted, run.due_after) == (5, 5, 0)

    def test_R5_out_of_time_it_fails_loudly_and_the_next_goes_on(self, world: World, org: Org, name: str):
        user = made_user(world, org)
        for _ in range(5):
            row(world, org, name, RULES[name][0].cutoff(world.clock.now), user)
        times = iter([HOUR, HOUR, timedelta(seconds=9)])
        with pytest.raises(SweepIncomplete, match="3 rows"):
            sweep(world, name, bite=1, time_left=lambda: next(times))
        (record,) = world.rows("SELECT due_before, deleted, due_after FROM sweep_runs")
        assert record == {"due_before": 5, "deleted": 2, "due_after": 3}
        assert sweep(world, name).deleted == 3

    def test_R7_two_sweeps_at_once_share_the_work(self, world: World, org: Org, name: str):
        user = made_user(world, org)
        for _ in range(20):
            row(world, org, name, RULES[name][0].cutoff(world.clock.now), user)
        dbs = [Database(world.database.url("leadsrally_retention_sweep")) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(lambda db: sweep(world, name, db=db, bite=3), dbs))
        for db in dbs:
            db.close()
        assert sum(run.deleted for run in runs) == 20  # no row is claimed twice
        assert [run.due_after for run in runs] == [0, 0]

    def test_R6_a_role_that_is_shown_nothing_refuses_to_start(self, world: World, org: Org, name: str):
        row(world, org, name, RULES[name][0].cutoff(world.clock.now))
        if name == "rate_limits":
            world.execute("ALTER TABLE rate_limits ENABLE ROW LEVEL SECURITY")
        else:
            world.execute(f"DROP POLICY sweep ON {name}")
        with pytest.raises(Misconfigured, match="does not see all"):
            sweep(world, name)
        assert world.rows("SELECT 1 FROM sweep_runs") == []

    def test_R8_a_worker_a_year_ahead_deletes_nothing_early(self, world: World, org: Org, name: str):
        kept_until = datetime.now(UTC) + timedelta(hours=1)
        row(world, org, name, RULES[name][0].cutoff(kept_until))
        world.clock.now = datetime.now(UTC) + timedelta(days=365)
        assert sweep(world, name).deleted == 0
        assert left(world, name) == 1


class TestRuns:
    """What sweeps leave of themselves is swept, too."""

    def test_R1_records_of_sweeps_go_after_four_hundred_days(self, world: World):
        cutoff = RULES_OF_RUNS.cutoff(world.clock.now)
        for started_at in (cutoff - MICROSECOND, cutoff, cutoff + MICROSECOND):
            world._insert(
                "sweep_runs",
                {"id": uuid4(), "rule": "old", "dry_run": False, "cutoff": cutoff, "due_before": 0,
                 "started_at": started_at},
            )  # fmt: skip
        run = sweep(world, "sweep_runs")
        assert (run.due_before, run.deleted, run.due_after) == (2, 2, 0)
        assert world.rows("SELECT started_at FROM sweep_runs WHERE rule = 'old'") == [
            {"started_at": cutoff + MICROSECOND}
        ]

    @pytest.mark.parametrize("name", RULES)
    def test_each_run_tells_the_oldest_row_that_it_left(self, world: World, org: Org, name: str):
        rule, expiring = RULES[name]
        kept = rule.cutoff(world.clock.now) + timedelta(minutes=5)
        user = made_user(world, org)
        for at in (rule.cutoff(world.clock.now), kept, kept + timedelta(minutes=1)):
            row(world, org, expiring.table, at, user)
        sweep(world, name)
        assert world.value("SELECT oldest_at FROM sweep_runs") == kept


class TestSignups:
    def pending(self, world: World, at: datetime) -> Org:
        """As a sign-up leaves it, with the mail that waits to be sent."""
        org = world.organization(state="pending")
        row(world, org, "signups", at, uuid4())
        job = {"queue": "notify", "kind": "verify_signup", "payload": "{}", "run_at": at, "created_at": at}
        world._insert("jobs", {"id": uuid4(), "organization_id": org.id, **job})
        return org

    def test_an_organisation_that_was_never_proven_goes_with_it(self, world: World):
        self.pending(world, world.clock.now)
        assert sweep(world, "signups").deleted == 1
        for table in ("organizations", "signups", "jobs"):
            assert left(world, table) == 0

    def test_one_that_was_proven_stays(self, world: World):
        org = self.pending(world, world.clock.now)
        world.execute("UPDATE organizations SET state = 'active'")
        world.execute("UPDATE signups SET used_at = created_at")
        sweep(world, "signups")
        assert left(world, "signups") == 0
        assert world.value("SELECT id FROM organizations") == org.id
        assert left(world, "jobs") == 1

    def test_one_that_still_counts_stays(self, world: World):
        self.pending(world, world.clock.now + MICROSECOND)
        assert sweep(world, "signups").deleted == 0
        assert left(world, "organizations") == 1

    def test_T14_the_sweep_can_delete_no_other_organisation_and_no_other_job(self, world: World, org: Org):
        self.pending(world, world.clock.now)
        job = {
            "queue": "x",
            "kind": "x",
            "payload": "{}",
            "run_at": world.clock.now,
            "created_at": world.clock.now,
        }
        world._insert("jobs", {"id": uuid4(), "organization_id": org.id, **job})
        with runtime.of("retention_sweep").db.across() as tx:
            assert tx.run("DELETE FROM jobs", {}) == 1
            assert tx.run("DELETE FROM signups", {}) == 1
            assert tx.run("DELETE FROM organizations", {}) == 1
        assert world.value("SELECT id FROM organizations") == org.id

    def test_what_a_real_sign_up_leaves(self, world: World, quick: None):
        form = {
            "organization_name": "Lighthouse", "email": "a@b.example", "password": "seven lazy kettles whistle",
            "business_use": True, "age_16": True, "terms_version": "1", "policy_version": "1",
        }  # fmt: skip
        assert world.api("POST", "/v1/auth/signup", None, form)[0] == 202
        world.clock.pass_(hours=24, microseconds=-1)
        assert sweep(world, "signups").deleted == 0
        world.execute("UPDATE signups SET expires_at = expires_at - interval '1 microsecond'")
        assert sweep(world, "signups").deleted == 1
        assert left(world, "organizations") == 0


class TestSessions:
    @pytest.mark.parametrize("revoked", [True, False])
    def test_thirty_days_after_they_ended_however_they_ended(self, world: World, org: Org, revoked: bool):
        ended = world.clock.now - timedelta(days=30)
        row(world, org, "sessions", ended + timedelta(days=5) if revoked else ended)
        if revoked:
            world.execute("UPDATE sessions SET revoked_at = %(at)s", at=ended)
        assert sweep(world, "sessions").deleted == 1

    def test_one_that_lives_is_kept(self, world: World, org: Org):
        row(world, org, "sessions", world.clock.now + timedelta(days=3))
        assert sweep(world, "sessions").deleted == 0


class TestAll:
    def door(self, world: World, **event: Any) -> list[dict[str, Any]]:
        function = world.functions["retention_sweep"]
        return function.handler()(event, Context(function))["runs"]

    def test_the_door_keeps_every_window(self, world: World, org: Org):
        user = made_user(world, org)
        for rule, expiring in RULES.values():
            row(world, org, expiring.table, rule.cutoff(world.clock.now), user)
        runs = self.door(world)
        assert [run["rule"] for run in runs] == ["delivery_log", *ALL, *MONTHLY]
        assert {run["rule"]: run["deleted"] for run in runs} == {
            "delivery_log": 0,
            "sweep_runs": 0,
            **dict.fromkeys(RULES, 1),
            **dict.fromkeys(MONTHLY, 0),
        }
        recorded = world.rows("SELECT rule FROM sweep_runs WHERE due_after = 0 ORDER BY id")
        assert len(recorded) == len(runs)

    def test_one_that_fails_stops_no_other(self, world: World, org: Org):
        row(world, org, "rate_limits", world.clock.now)
        world.execute("DROP POLICY sweep ON signups")
        with pytest.raises(Misconfigured, match="signups"):
            keep_windows(runtime.of("retention_sweep").db, world.clock, dry_run=False, time_left=lambda: HOUR)
        assert left(world, "rate_limits") == 0

    def test_the_command_prints_a_line_for_each(
        self, world: World, org: Org, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setenv("DATABASE_URL", world.database.url())
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", "a" * 44)
        monkeypatch.setenv("LEADSRALLY_ENV", "development")
        row(world, org, "sessions", world.clock.now - timedelta(days=31))
        assert main(["sweep"]) == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if "kept from" in line]
        assert [line.partition(":")[0] for line in lines] == ["delivery_log", *ALL, *MONTHLY]
        assert "due before 1 · deleted 1 · due after 0" in lines[2]


class TestRule:
    @given(
        now=st.datetimes(datetime(2016, 1, 1), datetime(2040, 1, 1), timezones=st.timezones()),  # noqa: DTZ001
        days=st.integers(0, 400),
    )
    def test_R2_the_zone_of_the_clock_makes_no_difference(self, now: datetime, days: int):
        rule = RowRule("any", "P0", timedelta(days=days))
        assert rule.cutoff(now) == rule.cutoff(now.astimezone(UTC))
        assert now.astimezone(UTC) - rule.cutoff(now) == timedelta(days=days)

    def test_each_window_has_its_statements_and_its_clause(self):
        assert len(windows.ROWS) == len({expiring.table for _, expiring in ROWS})
        for rule, expiring in ROWS:
            assert isinstance(expiring, Expiring)
            assert rule.name == expiring.table

    def test_each_window_that_is_swept_is_shown(self):
        shown = [window.name for window in WINDOWS if window.by == "sweep"]
        assert sorted(shown) == sorted([*windows.SWEPT, "backups"])
