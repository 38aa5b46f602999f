"""Every check of the policy can fail: each thing is broken once, and its clause says so."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from infra.local.command import main
from leadsrally import runtime
from leadsrally.accounts import tokens
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.members import change_role
from leadsrally.accounts.permissions import scopes_of
from leadsrally.accounts.profile import edit_profile
from leadsrally.kit.db import Database, Tx
from leadsrally.notices import compose
from leadsrally.privacy.clauses import check_all as every_clause
from leadsrally.privacy.clauses import rights, security, sharing, transfers
from leadsrally.privacy.clauses.check_all import CLAUSES, check_all
from leadsrally.privacy.clauses.types import Finding
from leadsrally.privacy.keep_windows import keep_windows
from leadsrally.privacy.retention import DELIVERY_LOG
from tests.world import Line, Org, World

# Roles belong to the whole server: who makes strong ones and who looks for them run one after another.
pytestmark = pytest.mark.usefixtures("roles_alone")

BUILT = {clause.id for clause in CLAUSES if clause.check is not None}


def looked_after(world: World) -> None:
    """Sweeps and backups have run, and somebody has looked at what lies elsewhere."""
    keep_windows(
        runtime.of("retention_sweep").db, world.clock, dry_run=False, time_left=lambda: timedelta(hours=1)
    )
    now = world.clock.now
    run = {
        "cutoff": now,
        "due_before": 0,
        "deleted": 0,
        "due_after": 0,
        "started_at": now,
        "finished_at": now,
    }
    world._insert("sweep_runs", {"id": uuid4(), "rule": "backups", "dry_run": False, **run})
    made = {"at": now, "made_at": now, "bytes": 1, "row_count": 1}
    world._insert("backups", {"id": uuid4(), **made})
    for subject, days in (("sentry_plan", 30), ("railway_backups", 6)):
        look = {"id": uuid4(), "subject": subject, "verdict": "kept", "days": days, "looked_by": "Ana"}
        world._insert("outside_checks", {**look, "looked_at": now})


_GO_ON = (
    "UPDATE sweep_runs SET started_at = started_at + %(span)s, finished_at = finished_at + %(span)s",
    "UPDATE backups SET at = at + %(span)s",
    "UPDATE outside_checks SET looked_at = looked_at + %(span)s",
    "UPDATE organizations SET created_at = created_at + %(span)s",  # no month of it is closed yet, whatever today is
)


@dataclass
class Audit:
    """The auditor of one world, which is looked after as time passes unless it is neglected."""

    world: World
    neglected: bool = False

    def __post_init__(self) -> None:
        self._at = self.world.clock.now
        if not self.neglected:
            looked_after(self.world)

    def __call__(self, now: datetime | None = None) -> dict[str, str]:
        """What stands about each clause."""
        now = now or self.world.clock.now
        for statement in _GO_ON:
            self.world.execute(statement, span=now - self._at)
        self._at = now
        db = Database(self.world.database.url("leadsrally_clauses"))
        with db.across() as tx:
            found = check_all(tx, now)
        db.close()
        return {result.clause.id: result.state for result in found}

    def broken(self, now: datetime | None = None) -> set[str]:
        return {clause for clause, state in self(now).items() if state == "broken"}


@pytest.fixture
def audited(world: World, org: Org, line: Line) -> Audit:
    """A house where much has happened, and all of it as promised."""
    owner = uuid4()
    world._insert(
        "users",
        {
            "organization_id": org.id,
            "id": owner,
            "email": "owner@example.test",
            "password_hash": "$2b$12$" + "a" * 53,  # the form of one; a real one takes its time
            "role": "owner",
            "created_at": world.clock.now,
        },
    )
    for document in ("terms", "privacy_policy", "business_use", "age"):
        accepted = {"organization_id": org.id, "id": uuid4(), "user_id": owner, "document": document}
        world._insert("acceptances", {**accepted, "document_version": "1", "accepted_at": world.clock.now})
    world.session(owner, org)
    world.rings("policy_watch")
    world.notify(org.id, "role_changed", user_id=owner)
    world.work("notify")
    thread = world.conversation(line)
    world.score()
    world.reply(line, thread, "We open at nine")
    world.work("send_message")
    world.clock.pass_(seconds=1)
    world.text(line, "STOP")
    world.clock.pass_(seconds=1)
    world.reply(line, thread, "too late")
    world.work("send_message")
    return Audit(world)


def age_a_row(world: World, at: datetime) -> None:
    world.execute("SELECT delivery_log_make_day(%(day)s)", day=at.date())
    world.execute(
        """INSERT INTO delivery_log (received_at, id, provider, kind, outcome, http_status, bytes, request_id)
           VALUES (%(at)s, gen_random_uuid(), 'twilio', 'inbound', 'stored', 200, 1, 'r')""",
        at=at,
    )


class TestKept:
    def test_a_house_that_did_as_promised(self, audited: Audit):
        states = audited()
        assert {clause for clause, state in states.items() if state == "kept"} == BUILT
        assert {clause for clause, state in states.items() if state == "not built"} == states.keys() - BUILT

    def test_an_empty_house_keeps_its_promises_too(self, world: World):
        assert Audit(world).broken() == set()

    def test_one_that_nobody_has_looked_after_does_not(self, world: World):
        assert Audit(world, neglected=True).broken() == {"P6.3", "P6.4", "P6.6"}

    def test_every_clause_of_the_policy_is_listed_once(self):
        ids = [clause.id for clause in CLAUSES]
        assert len(ids) == len(set(ids)) == 39
        assert all(re.fullmatch(r"P\d{1,2}\.\d", clause) for clause in ids)

    def test_a_finding_names_no_person(self, audited: Audit):
        db = Database(audited.world.database.url("leadsrally_clauses"))
        with db.across() as tx:
            sentences = [result.sentence for result in check_all(tx, audited.world.clock.now)]
        db.close()
        assert not any("+1202" in sentence or "@" in sentence for sentence in sentences)


BREAKS: list[tuple[str, str]] = [
    ("P1.1 P3.1", "ALTER TABLE users ADD COLUMN birthday date"),
    ("P1.4", "DELETE FROM disclosures WHERE subprocessor = 'anthropic'"),
    ("P2.4", "UPDATE notices SET state = 'queued', created_at = created_at - interval '61 minutes'"),
    (
        "P2.4",
        """INSERT INTO jobs (id, organization_id, queue, kind, payload, state, run_at, created_at)
           SELECT gen_random_uuid(), id, 'notify', 'new_login', '{}', 'dead', now(), now() FROM organizations""",
    ),
    ("P4.5", "UPDATE users SET mail_blocked_at = (SELECT max(taken_at) FROM notices) - interval '6 minutes'"),
    ("P4.7", "DELETE FROM disclosures WHERE subprocessor = 'twilio'"),
    (
        "P4.1",
        """INSERT INTO channel_tasks (organization_id, id, kind, account_sid, number, state, actor_kind, created_at,
                                      called_at)
           SELECT id, gen_random_uuid(), 'buy', 'AC', '+1', 'unknown', 'system', now(), now() - interval '3 days'
             FROM organizations""",
    ),
    ("P5.1", "ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY"),
    ("P6.3", "DELETE FROM outside_checks WHERE subject = 'sentry_plan'"),
    ("P6.3", "UPDATE outside_checks SET verdict = 'broken' WHERE subject = 'sentry_plan'"),
    (
        "P6.3",
        "UPDATE outside_checks SET looked_at = looked_at - interval '36 days' WHERE subject = 'sentry_plan'",
    ),
    (
        "P6.3",
        """INSERT INTO outside_checks (id, subject, verdict, looked_by, looked_at)
           SELECT gen_random_uuid(), 'sentry_events', 'broken', 'leadsrally look sentry', looked_at
             FROM outside_checks LIMIT 1""",
    ),
    ("P6.4", "DELETE FROM sweep_runs WHERE rule = 'sessions'"),
    (
        "P6.4",
        "UPDATE sweep_runs SET finished_at = finished_at - interval '26 hours' WHERE rule = 'delivery_log'",
    ),
    ("P6.4", "UPDATE sweep_runs SET due_after = 3 WHERE rule = 'quarantine'"),
    ("P6.6", "DELETE FROM backups"),
    ("P6.6", "UPDATE backups SET at = at - interval '27 hours'"),
    (
        "P6.6",
        """INSERT INTO backups (id, at, made_at, bytes, row_count)
           SELECT gen_random_uuid(), at - interval '30 days 1 second', made_at, 1, 1 FROM backups""",
    ),
    ("P6.6", "UPDATE sweep_runs SET due_after = 1 WHERE rule = 'backups'"),
    ("P6.6", "DELETE FROM sweep_runs WHERE rule = 'backups'"),
    ("P6.6", "DELETE FROM outside_checks WHERE subject = 'railway_backups'"),
    ("P6.6", "UPDATE outside_checks SET verdict = 'broken' WHERE subject = 'railway_backups'"),
    (
        "P6.6",
        "UPDATE outside_checks SET looked_at = looked_at - interval '36 days' WHERE subject = 'railway_backups'",
    ),
    (
        "P6.6",
        """INSERT INTO backups (id, at, made_at, bytes, row_count, deleted_at)
           SELECT gen_random_uuid(), at - interval '101 days', made_at, 1, 1, at FROM backups""",
    ),
    ("P5.1", "ALTER TABLE scores DISABLE ROW LEVEL SECURITY"),
    ("P3.1 P5.1", "CREATE TABLE notes (organization_id uuid, body text)"),
    ("P1.2 P3.1", "ALTER TABLE contacts ADD COLUMN nickname text"),
    ("P5.1", "ALTER TABLE ai_usage OWNER TO leadsrally_ai_score"),
    (
        "P7.1",
        """INSERT INTO exports (organization_id, id, requested_by, requested_at)
           SELECT id, gen_random_uuid(), id, now() - interval '90 days' FROM organizations""",
    ),
    (
        "P7.1",
        """INSERT INTO exports (organization_id, id, requested_by, state, requested_at)
           SELECT id, gen_random_uuid(), id, 'failed', now() FROM organizations""",
    ),
    (
        "P7.1",
        """INSERT INTO exports (organization_id, id, requested_by, state, requested_at, ready_at, expires_at)
           SELECT id, gen_random_uuid(), id, 'ready', now() - interval '99 days', now() - interval '99 days',
                  now() - interval '92 days' FROM organizations""",
    ),
    ("P7.3", "UPDATE organizations SET name = 'x', version = version + 1"),
    ("P7.3", "UPDATE users SET role = 'admin', version = version + 1"),
    ("P7.3", "REVOKE UPDATE (help_contact) ON organizations FROM leadsrally_api"),
    (
        "P8.1",
        """DO $$ BEGIN
             ALTER TABLE sessions DROP CONSTRAINT sessions_end_within_30_days;
             UPDATE sessions SET expires_at = created_at + interval '720 hours 1 microsecond';
           END $$""",
    ),
    (
        "P8.1",
        """DO $$ BEGIN
             ALTER TABLE sessions DROP CONSTRAINT sessions_hold_hashes;
             UPDATE sessions SET token_hash = 'lrr_a_token_itself';
           END $$""",
    ),
    (
        "P8.1",
        """DO $$ BEGIN
             ALTER TABLE sessions DROP CONSTRAINT sessions_hold_hashes;
             UPDATE sessions SET previous_hash = 'lrr_a_token_itself';
           END $$""",
    ),
    ("P8.2", "UPDATE users SET password_hash = 'hunter2'"),
    ("P8.2", "UPDATE users SET password_hash = overlay(password_hash PLACING '$2b$10$' FROM 1)"),
    ("P8.2", "UPDATE users SET password_hash = encode(sha256('hunter2'), 'hex')"),
    ("P8.4", "UPDATE channels SET credentials = convert_to('{\"auth_token\": \"x\"}', 'UTF8')"),
    (
        "P8.4",
        "UPDATE channels SET credentials = '\\x01' || convert_to(account_sid || ' and its token', 'UTF8')",
    ),
    ("P8.4", "UPDATE channels SET credentials = ''"),
    (
        "P8.4",
        """INSERT INTO channel_tasks (organization_id, id, kind, account_sid, secret, actor_kind, created_at)
           SELECT id, gen_random_uuid(), 'search', 'AC', 'a token in clear', 'system', now() FROM organizations""",
    ),
    ("P9.1", "DELETE FROM acceptances WHERE document = 'age'"),
    ("P9.1", "DELETE FROM acceptances WHERE document = 'business_use'"),
]


class TestBroken:
    @pytest.mark.parametrize(("clause", "change"), BREAKS, ids=[f"{c}-{sql[:34]}" for c, sql in BREAKS])
    def test_a_change_of_what_is_stored(self, audited: Audit, clause: str, change: str):
        audited.world.execute(change)
        assert audited.broken() == set(clause.split())

    def test_P7_5_an_export_that_does_not_say_where_to_complain(
        self, audited: Audit, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(rights, "overview", lambda *_: b"privacy@example.com support@example.com")
        assert audited.broken() == {"P7.5"}

    def test_P8_3_a_start_that_takes_any_connection(self, audited: Audit, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(security, "refuse_unpinned", lambda _address: None)
        assert audited.broken() == {"P8.3"}

    def test_P8_3_a_connection_in_clear(self, audited: Audit, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(security, "_way_to_the_database", lambda _tx: "clear")
        assert audited.broken() == {"P8.3"}

    @pytest.mark.parametrize("way", ["clear", "encrypted"])
    def test_P4_6_a_database_that_nobody_verified(
        self, audited: Audit, way: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(Tx, "way", way)
        assert audited.broken() == {"P4.6"}

    def test_P1_5_a_day_is_missing_ahead(self, audited: Audit):
        days = [row["day"] for row in audited.world.rows("SELECT day FROM delivery_log_days() AS day")]
        gap = audited.world.clock.now.date() + timedelta(days=5)
        audited.world.execute(f"DROP TABLE delivery_log_{gap:%Y%m%d}")
        assert len([day for day in days if day > audited.world.clock.now.date()]) > 7
        assert audited.broken() == {"P1.5"}

    def test_P1_5_the_sweep_has_not_run_for_a_week(self, audited: Audit):
        now = audited.world.clock.now
        assert audited.broken(now + timedelta(days=7)) == set()
        assert audited.broken(now + timedelta(days=8)) == {"P1.5"}

    def test_P1_5_no_day_at_all(self, audited: Audit):
        late = audited.world.clock.now + timedelta(days=60)
        assert audited.broken(late) == {"P1.5", "P2.3"}  # nor has anybody closed a month

    def test_P4_4_a_report_that_tells_what_it_was_given(
        self, audited: Audit, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(sharing, "report", lambda error, **fields: {"error": str(error), **fields})
        assert audited.broken() == {"P4.4"}

    @pytest.mark.parametrize("left", [r"2025550199", r"\S+@\S+", r"example\.com"])
    def test_P4_4_a_report_that_tells_a_part_of_it(
        self, audited: Audit, left: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(sharing, "report", lambda error, **_: {"error": re.findall(left, str(error))})
        assert audited.broken() == {"P4.4"}

    def test_P2_4_a_notice_has_an_hour(self, audited: Audit):
        audited.world.execute("UPDATE notices SET state = 'queued'")
        assert audited.broken(audited.world.clock.now + timedelta(minutes=59)) == set()
        assert audited.broken(audited.world.clock.now + timedelta(minutes=61)) == {"P2.4"}

    def test_P4_5_a_mail_that_was_on_its_way_is_no_breach(self, audited: Audit):
        audited.world.execute(
            "UPDATE users SET mail_blocked_at = (SELECT max(taken_at) FROM notices) - interval '4 minutes'"
        )
        assert audited.broken() == set()

    @pytest.mark.parametrize("form", ["_text", "_html"])
    def test_P11_1_a_mail_that_does_not_say_where_we_are(
        self, audited: Audit, form: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(compose, form, lambda *_: "Hello. Write to support@example.com.")
        assert audited.broken() == {"P11.1"}

    def test_P6_4_a_row_that_should_be_gone(self, audited: Audit):
        cutoff = DELIVERY_LOG.cutoff(audited.world.clock.now)
        age_a_row(audited.world, cutoff)
        assert audited.broken() == set()
        age_a_row(audited.world, cutoff - timedelta(microseconds=1))
        assert audited.broken() == {"P6.4"}

    def test_P6_4_the_sweep_has_an_hour_for_it(self, audited: Audit):
        midnight = datetime.combine(audited.world.clock.now.date(), datetime.min.time(), UTC)
        age_a_row(audited.world, midnight - timedelta(days=90))
        assert audited.broken(midnight + timedelta(minutes=59)) == set()
        assert audited.broken(midnight + timedelta(hours=1)) == {"P6.4"}

    def test_P6_3_nothing_at_sentry_is_nothing_too_long(self, audited: Audit):
        audited.world.execute("UPDATE outside_checks SET verdict = 'unused', days = NULL")
        assert audited.broken() == set()

    def test_P6_6_a_backup_that_is_gone_is_not_too_old(self, audited: Audit):
        audited.world.execute(
            """INSERT INTO backups (id, at, made_at, bytes, row_count, deleted_at)
               SELECT gen_random_uuid(), at - interval '40 days', made_at, 1, 1, at FROM backups"""
        )
        assert audited.broken() == set()

    @pytest.mark.parametrize(("ago", "broken"), [("99 days", set[str]()), ("101 days", {"P6.6"})])
    def test_P6_6_a_rehearsal_a_quarter(self, audited: Audit, ago: str, broken: set[str]):
        audited.world.execute(
            """INSERT INTO backups (id, at, made_at, bytes, row_count, deleted_at)
               SELECT gen_random_uuid(), at - interval '300 days', made_at, 1, 1, at FROM backups"""
        )
        audited.world.execute(
            f"""INSERT INTO outside_checks (id, subject, verdict, looked_by, looked_at)
                SELECT gen_random_uuid(), 'restore_rehearsal', 'kept', 'leadsrally rehearse-restore',
                       looked_at - interval '{ago}' FROM outside_checks LIMIT 1"""
        )
        assert audited.broken() == broken

    def test_P7_3_what_is_edited_in_the_product_is_written_down(self, audited: Audit, org: Org):
        world = audited.world
        owner = world.value("SELECT id FROM users")
        agent = world.user(org, "agent")
        now = world.clock.now
        with runtime.of("api").db.tenant(org.id) as tx:
            actor = Actor("person", owner)
            edit_profile(tx, org.id, {"name": "Boats"}, version=1, actor=actor, now=now)
            change_role(tx, org.id, agent, "admin", version=1, by=owner, now=now)
        assert world.rows("SELECT 1 FROM users WHERE version > 1") != []
        assert audited.broken() == set()

    @pytest.mark.parametrize("change", ["LIFETIME", "issue"])
    def test_P8_1_a_token_that_lives_longer_or_may_do_more(
        self, audited: Audit, monkeypatch: pytest.MonkeyPatch, change: str
    ):
        if change == "LIFETIME":
            monkeypatch.setattr(tokens, "LIFETIME", timedelta(minutes=15, seconds=1))
        else:
            issue = tokens.issue
            everything = scopes_of("owner")
            monkeypatch.setattr(
                tokens,
                "issue",
                lambda key, bearer, clock: issue(key, replace(bearer, scopes=everything), clock),
            )
        assert audited.broken() == {"P8.1"}

    def test_P9_1_a_sign_up_that_was_not_proven_has_attested_to_nobody_yet(self, audited: Audit):
        audited.world.organization("Waiting", state="pending")
        assert audited.broken() == set()
        audited.world.execute("UPDATE organizations SET state = 'active'")
        assert audited.broken() == {"P9.1"}

    def test_P3_2_an_offer_without_a_yes(self, audited: Audit, line: Line):
        world = audited.world
        thread = world.conversation(line, "+12025550177")
        world.agrees(line, "+12025550177")
        world.reply(line, thread, "Sale!", purpose="marketing")
        world.clock.now = world.clock.now.replace(hour=17)
        world.work("send_message")
        assert world.sender.texts[-1].body == "Sale!"
        assert audited.broken() == set()
        world.execute(
            "UPDATE consent_events SET recorded_at = recorded_at + interval '1 day' WHERE action = 'grant'"
        )
        assert audited.broken() == {"P3.2"}

    def test_P7_4_a_proof_that_ended_an_opt_out_for_offers_is_no_breach(self, audited: Audit, line: Line):
        world = audited.world
        thread = world.conversation(line, "+12025550177")
        world.clock.now = world.clock.now.replace(hour=17)
        world.text(line, "STOP", sender="+12025550177")
        world.clock.pass_(seconds=1)
        assert world.agrees(line, "+12025550177") == "lifted"
        world.clock.pass_(seconds=1)
        world.reply(line, thread, "Sale!", purpose="marketing")
        world.work("send_message")
        assert world.sender.texts[-1].body == "Sale!"
        assert audited.broken() == set()

    def test_P7_4_a_message_that_was_claimed_after_the_STOP(self, audited: Audit):
        world = audited.world
        message = world.row("SELECT id FROM messages WHERE body = 'too late'")["id"]
        world.execute(
            "UPDATE messages SET claimed_at = %(now)s WHERE id = %(id)s", now=world.clock.now, id=message
        )
        assert audited.broken() == {"P7.4", "P4.7"}  # nor was it disclosed

    def test_P7_4_a_START_in_between_makes_it_right(self, audited: Audit, line: Line):
        world = audited.world
        world.text(line, "START")
        world.clock.pass_(seconds=1)
        world.reply(line, world.conversation(line), "welcome back")
        world.work("send_message")
        assert len(world.sender.texts) == 2
        assert audited.broken() == set()

    def test_P7_4_the_confirmation_is_no_breach(self, audited: Audit, org: Org):
        world = audited.world
        line = world.line(org, provider_answers_keywords=False)
        world.text(line, "STOP", sender="+12025550166")
        world.clock.pass_(seconds=1)
        world.work("send_message")
        assert world.sender.texts[-1].recipient == "+12025550166"
        assert audited.broken() == set()


class TestChecker:
    """A promise that cannot be checked is not kept."""

    def test_R6_an_auditor_that_is_shown_nothing_finds_everything_broken(self, audited: Audit):
        audited.world.execute("DROP POLICY audit ON messages")
        assert audited.broken() == BUILT

    def test_a_check_that_breaks_down_is_broken_and_the_others_go_on(self, audited: Audit):
        audited.world.execute("REVOKE SELECT (password_hash) ON users FROM leadsrally_clauses")
        assert audited.broken() == {"P8.2"}

    def test_one_that_fails_of_itself_is_broken_and_the_others_go_on(
        self, audited: Audit, monkeypatch: pytest.MonkeyPatch
    ):
        def fails(tx: Tx, _now: datetime) -> Finding:
            tx.run("CREATE TEMPORARY TABLE half_done (id integer)", {})
            raise KeyError("nobody looked")

        clauses = [replace(one, check=fails) if one.id == "P8.2" else one for one in CLAUSES]
        monkeypatch.setattr(every_clause, "CLAUSES", clauses)
        assert audited.broken() == {"P8.2"}

    def test_a_check_that_changes_nothing_of_what_it_looks_at(self, audited: Audit):
        """The auditor may only read, and only what holds no content."""
        with psycopg.connect(audited.world.database.url("leadsrally_clauses")) as connection:
            rows = connection.execute(
                """SELECT table_name FROM information_schema.column_privileges
                    WHERE grantee = 'leadsrally_clauses' AND privilege_type <> 'SELECT'"""
            ).fetchall()
        assert {name for (name,) in rows} == {"clause_runs", "clause_standings"}, (
            "and write down what it found"
        )

    @pytest.mark.parametrize(
        "strength",
        ["CREATE ROLE leadsrally_strong LOGIN BYPASSRLS", "CREATE ROLE leadsrally_strong LOGIN SUPERUSER",
         "CREATE ROLE leadsrally_strong LOGIN IN ROLE leadsrally_owner",
         "CREATE ROLE leadsrally_strong LOGIN IN ROLE leadsrally_lookup",
         "CREATE ROLE leadsrally_strong LOGIN CREATEROLE"],
    )  # fmt: skip
    def test_P5_1_a_role_of_ours_that_could_pass_the_walls(self, world: World, strength: str):
        """Roles belong to the whole server, so this one is never committed."""
        with psycopg.connect(world.database.url()) as connection:
            tx = Tx(connection, None)
            assert transfers.strong_roles(tx) == []
            connection.execute(strength)  # pyright: ignore[reportArgumentType]
            assert transfers.strong_roles(tx) == ["leadsrally_strong"]
            connection.rollback()


class TestCommand:
    """`leadsrally clauses` through the front door, with its exit codes."""

    @pytest.fixture
    def ask(
        self, audited: Audit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[[], tuple[int, str]]:
        monkeypatch.setenv("DATABASE_URL", audited.world.database.url())
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", "a" * 44)
        monkeypatch.setenv("LEADSRALLY_ENV", "development")

        def run() -> tuple[int, str]:
            capsys.readouterr()
            return main(["clauses"]), capsys.readouterr().out

        return run

    def test_2_while_some_are_not_built(self, ask: Any):
        code, told = ask()
        assert code == 2
        assert f"{len(BUILT)} kept, 0 broken, {len(CLAUSES) - len(BUILT)} not built" in told
        listed = {line.split()[0]: line for line in told.splitlines() if line.startswith("P")}
        assert listed.keys() == {clause.id for clause in CLAUSES}
        assert all(("not built" in listed[c.id]) == (c.check is None) for c in CLAUSES)

    def test_1_when_one_is_broken(self, ask: Any, world: World):
        world.execute("UPDATE users SET password_hash = 'hunter2'")
        code, told = ask()
        assert code == 1
        (line,) = [line for line in told.splitlines() if "BROKEN" in line]
        assert line.startswith("P8.2")
        assert "hunter2" not in told

    def test_0_when_all_are_kept(self, ask: Any, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(every_clause, "CLAUSES", tuple(c for c in CLAUSES if c.check is not None))
        assert ask()[0] == 0

    def test_2_and_one_sentence_where_nothing_is_installed(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
    ):
        monkeypatch.delenv("DATABASE_URL", raising=False)
        monkeypatch.setattr("infra.local.production.HOME", tmp_path)
        assert main(["clauses"]) == 2
        assert "Nothing is installed here" in capsys.readouterr().err
