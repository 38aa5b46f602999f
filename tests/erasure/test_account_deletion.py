"""P6.1, P7.2: an organisation leaves. Everything rests at once, an owner can undo it for thirty days, then it is erased."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any
from uuid import UUID

import psycopg
import pytest

from infra.local.command import main
from infra.local.context import Context
from leadsrally import runtime
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Unavailable
from leadsrally.privacy.erasure import erase_organization as organizations
from leadsrally.privacy.erasure.erase_organization import OUTLIVES, tables
from tests.api.conftest import PASSWORD, Client, person, problem
from tests.erasure.conftest import PHONE, Eraser, everything, files_of, picture_from
from tests.wiring.lived import lived_through
from tests.world import Line, MetaLine, Org, World

DAY = timedelta(days=1)
PATH = "/v1/account/deletion"
CANARY = "Zebulon-4471"


@pytest.fixture(autouse=True)
def long_ago(world: World) -> None:
    """The worker's clock must not be ahead of the database's own, which decides then (R8)."""
    world.clock.now = datetime.now(UTC).replace(microsecond=0) - 40 * DAY
    for day in range(45):
        world.execute("SELECT delivery_log_make_day(%(day)s)", day=(world.clock.now + day * DAY).date())


@pytest.fixture
def owner(world: World, org: Org, long_ago: None) -> Client:
    client = person(world, org)
    client.confirm()
    return client


def leave(owner: Client) -> dict[str, Any]:
    owner.confirm()
    status, told = owner.post(PATH)
    assert status == 202, told
    return told


def confirmed(owner: Client) -> Client:
    """Logged in again, as whoever comes back after weeks."""
    owner.token  # noqa: B018  begins a session when the last has ended
    owner.confirm()
    return owner


def purge(world: World) -> None:
    world.clock.pass_(days=30)
    world.work("erase")


class TestLeave:
    def test_the_answer_says_until_when_it_can_be_undone(self, world: World, owner: Client):
        told = leave(owner)
        asked = world.clock.now
        assert datetime.fromisoformat(told["erases_at"]) == asked + 30 * DAY
        assert told["reversible"] is True
        assert owner.get(PATH) == (200, told)

    def test_A13_it_wants_proof_of_who_asks(self, world: World, owner: Client):
        assert owner.get("/v1/me")[0] == 200
        world.clock.pass_(minutes=11)
        problem(owner.post(PATH), 403, "confirmation_needed")
        assert world.value("SELECT state FROM organizations") == "active"

    def test_only_an_owner_may(self, world: World, org: Org):
        admin = person(world, org, "admin")
        admin.confirm()
        problem(admin.post(PATH), 403, "forbidden")

    def test_twice_is_refused(self, owner: Client):
        leave(owner)
        problem(owner.post(PATH), 409, "account_deleting")

    def test_nobody_asked(self, owner: Client):
        problem(owner.get(PATH), 404, "account_staying")
        problem(owner.delete(PATH), 404, "account_staying")

    def test_owners_are_told_at_once_a_week_and_a_day_before(self, world: World, owner: Client):
        leave(owner)
        world.work("notify")
        assert [mail.subject for mail in world.mailer.mails] == ["Your account will be deleted"]
        for days, mails in ((22.9, 1), (0.1, 2), (5.9, 2), (0.1, 3)):
            world.clock.pass_(days=days)
            world.work("notify")
            assert len(world.mailer.mails) == mails

    def test_nobody_is_reminded_when_it_was_undone(self, world: World, owner: Client):
        leave(owner)
        world.work("notify")
        owner.delete(PATH)
        world.clock.pass_(days=29)
        world.work("notify")
        assert [mail.subject for mail in world.mailer.mails] == [
            "Your account will be deleted",
            "Your account stays",
        ]

    def test_every_owner_is_told_who_took_it_back(self, world: World, org: Org, owner: Client):
        """Also the one who knows nothing of it: theirs may be the account that was stolen."""
        other = person(world, org)
        leave(owner)
        world.work("notify")
        before = len(world.mailer.mails)
        confirmed(other).delete(PATH)
        world.work("notify")
        mails = world.mailer.mails[before:]
        emails = {row["email"] for row in world.rows("SELECT email FROM users")}
        assert {mail.recipient for mail in mails} == emails
        who = world.value("SELECT email FROM users WHERE id = %(id)s", id=other.user_id)
        assert all(who in mail.text for mail in mails)
        told = owner.get("/v1/notifications")[1]["items"]
        assert "account_kept" in {each["kind"] for each in told}


class TestRests:
    """E8: from the first day on all is refused, but the undoing."""

    @pytest.mark.parametrize("days", [0, 1, 15, 29.99])
    def test_E8_people_are_kept_out_but_owners_who_may_undo(
        self, world: World, org: Org, owner: Client, days: float
    ):
        agent = person(world, org, "agent")
        leave(owner)
        world.clock.pass_(days=days)
        problem(agent.get("/v1/contacts"), 403, "account_deleting")
        problem(agent.get("/v1/me"), 403, "account_deleting")
        confirmed(owner)
        problem(owner.get("/v1/contacts"), 403, "account_deleting")
        problem(owner.post("/v1/contacts", {"phone": PHONE}), 403, "account_deleting")
        assert owner.get("/v1/me")[0] == 200
        assert owner.get(PATH)[0] == 200
        assert owner.post("/v1/exports", {})[0] == 202
        assert owner.delete(PATH)[0] == 204
        assert owner.get("/v1/contacts")[0] == 200

    def test_E8_an_owner_who_stayed_logged_in_shows_again_who_it_is_and_undoes_it(
        self, world: World, owner: Client
    ):
        leave(owner)
        world.clock.pass_(minutes=11)
        problem(owner.delete(PATH), 403, "confirmation_needed")
        assert owner.post("/v1/auth/confirm", {"password": PASSWORD})[0] == 200
        assert owner.delete(PATH)[0] == 204

    def test_E8_a_file_of_contacts_that_was_kept_for_a_day_goes_all_the_same(
        self, world: World, org: Org, owner: Client
    ):
        owner.post("/v1/contacts", {"phone": PHONE})
        assert owner.post("/v1/contacts/exports", {"condition": {"all": []}})[0] == 202
        world.work("bulk_contacts")
        storage = runtime.of("bulk_contacts").storage
        assert len(list(storage.list(org.id, "bulk"))) == 1
        leave(owner)
        world.clock.pass_(days=1, seconds=1)
        world.work("bulk_contacts")
        assert list(storage.list(org.id, "bulk")) == []

    def test_E8_a_log_in_of_another_is_refused(self, world: World, org: Org, owner: Client):
        agent = person(world, org, "agent")
        leave(owner)
        for client, status in ((agent, 403), (owner, 200)):
            email = world.value("SELECT email FROM users WHERE id = %(id)s", id=client.user_id)
            body = {"email": email, "password": PASSWORD}
            assert world.api("POST", "/v1/auth/login", body=body)[0] == status

    def test_E8_a_refresh_of_another_is_refused(self, world: World, org: Org, owner: Client):
        agent = person(world, org, "agent")
        email = world.value("SELECT email FROM users WHERE id = %(id)s", id=agent.user_id)
        status, tokens = world.api("POST", "/v1/auth/login", body={"email": email, "password": PASSWORD})
        assert status == 200
        leave(owner)
        body = {"refresh_token": tokens["refresh_token"]}
        assert world.api("POST", "/v1/auth/refresh", body=body)[0] == 401

    def test_E8_nothing_is_sent(self, world: World, line: Line, owner: Client):
        thread = world.conversation(line)
        waiting = world.reply(line, thread, "Still there?")
        leave(owner)
        before = world.message(waiting)
        world.work("send_message")
        assert world.sender.texts == []
        assert world.message(waiting) == before

    def test_E8_what_asks_the_gate_all_the_same_waits(self, world: World, line: Line, owner: Client):
        waiting = world.reply(line, world.conversation(line), "Still there?")
        leave(owner)
        world.execute("UPDATE jobs SET state = 'queued' WHERE state = 'held'")
        world.work("send_message")
        assert world.message(waiting)["verdict"]["rule"] == "organization_leaving"
        assert world.sender.texts == []

    def test_E8_a_text_is_answered_and_not_kept(self, world: World, line: Line, owner: Client):
        world.conversation(line)
        leave(owner)
        assert world.text(line, CANARY, sender="+12025550102").status == 200
        assert CANARY not in everything(world)
        assert world.value("SELECT count(*) FROM contacts") == 1
        logged = world.rows("SELECT outcome, reason FROM delivery_log")
        assert {"outcome": "ignored", "reason": "organization_leaving"} in logged

    def test_E8_so_is_a_message_of_whatsapp_and_a_lead(
        self, world: World, whatsapp: MetaLine, org: Org, owner: Client
    ):
        page = world.lead_page(org)
        leave(owner)
        assert world.whatsapp(whatsapp, CANARY).status == 200
        assert world.lead(page, "8000000000001").status == 200
        assert CANARY not in everything(world)
        assert world.rows("SELECT 1 FROM leads") == world.rows("SELECT 1 FROM contacts") == []

    def test_E8_a_report_changes_nothing(self, world: World, line: Line, owner: Client):
        message = world.reply(line, world.conversation(line), "Hello")
        world.work("send_message")
        leave(owner)
        before = world.message(message)
        assert (
            world.report(line, before["provider_message_id"], "delivered", message_id=message).status == 200
        )
        assert world.message(message) == before

    @pytest.mark.parametrize("stays", [True, False], ids=["undone", "leaving"])
    def test_E8_a_no_counts_all_the_same(self, world: World, line: Line, owner: Client, stays: bool):
        """Whoever refuses while it leaves is not written to if it stays after all."""
        thread = world.conversation(line)
        leave(owner)
        world.text(line, "STOP")
        assert world.value("SELECT count(*) FROM messages") == 1
        assert world.value("SELECT count(*) FROM suppressions") == 1
        if stays:
            assert owner.delete(PATH)[0] == 204
            message = world.reply(line, thread, "Offers!")
            world.work("send_message")
            assert world.message(message)["verdict"]["rule"] == "suppressed"

    def test_E8_so_does_one_on_whatsapp(self, world: World, whatsapp: MetaLine, owner: Client):
        leave(owner)
        world.prefers(whatsapp, "stop")
        world.whatsapp(whatsapp, "STOP")
        found = world.rows("SELECT DISTINCT purpose FROM suppressions ORDER BY purpose")
        assert [row["purpose"] for row in found] == ["all", "marketing"]

    def test_E8_S6_so_does_an_edit_into_a_no(self, world: World, whatsapp: MetaLine, owner: Client):
        world.whatsapp(whatsapp, "See you", wamid="wamid.FIRST")
        leave(owner)
        message = {"type": "text", "text": {"body": "STOP"}}
        edit = {"original_message_id": "wamid.FIRST", "message": message}
        world.whatsapp(whatsapp, type="edit", edit=edit)
        assert world.rows("SELECT purpose FROM suppressions") == [{"purpose": "all"}]

    def test_E8_S6_so_does_a_report_that_somebody_is_blocked(self, world: World, line: Line, owner: Client):
        thread = world.conversation(line)
        message = world.reply(line, thread, "Hello")
        world.work("send_message")
        sid = world.message(message)["provider_message_id"]
        leave(owner)
        world.report(line, sid, "failed", message_id=message, ErrorCode="30003")
        assert world.rows("SELECT 1 FROM suppressions") == []
        world.report(line, sid, "failed", message_id=message, ErrorCode="21610")
        assert world.message(message)["status"] == "accepted"
        assert owner.delete(PATH)[0] == 204
        later = world.reply(line, thread, "Offers!")
        world.work("send_message")
        assert world.message(later)["verdict"]["rule"] == "suppressed"

    def test_E8_S6_and_one_of_whatsapp_that_they_want_no_offers(
        self, world: World, whatsapp: MetaLine, owner: Client
    ):
        world.whatsapp(whatsapp, "hi")
        world.sent_by_us(whatsapp, "wamid.OURS")
        leave(owner)
        world.whatsapp_status(whatsapp, "wamid.OURS", "failed", errors=[{"code": 131050}])
        found = world.rows("SELECT DISTINCT purpose, source FROM suppressions")
        assert found == [{"purpose": "marketing", "source": "provider_error"}]

    def test_E8_nobody_is_scored(self, world: World, line: Line, owner: Client):
        world.conversation(line)
        leave(owner)
        world.score()
        assert world.rows("SELECT 1 FROM scores") == []

    def test_another_organisation_goes_on(self, world: World, owner: Client):
        other = world.line(world.organization("Rival"))
        leave(owner)
        waiting = world.reply(other, world.conversation(other), "Hello")
        world.work("send_message")
        assert world.message(waiting)["status"] == "accepted"


class TestUndo:
    @pytest.mark.parametrize(
        ("after", "answer"),
        [
            (timedelta(days=29, hours=23, minutes=59, seconds=59), 204),
            (timedelta(days=30), 409),
            (31 * DAY, 409),
        ],
        ids=["29 d 23:59:59", "30 d", "31 d"],
    )
    def test_E9_for_thirty_days_exactly(self, world: World, owner: Client, after: timedelta, answer: int):
        leave(owner)
        world.clock.now += after
        assert confirmed(owner).delete(PATH)[0] == answer
        state = world.value("SELECT state FROM organizations")
        assert state == ("active" if answer == 204 else "leaving")

    def test_A13_it_wants_proof_of_who_asks(self, world: World, owner: Client):
        leave(owner)
        world.clock.pass_(minutes=11)
        problem(owner.delete(PATH), 403, "confirmation_needed")

    def test_E9_everything_is_as_it_was(self, world: World, line: Line, owner: Client):
        thread = world.conversation(line)
        waiting = world.reply(line, thread, "Still there?")
        world.work("ai_score")

        def now() -> list[str]:
            # What leaving itself writes down, and who comes back.
            own = (
                "account_deletions",
                "audit_log",
                "notices",
                "sessions",
                "jobs",
                "idempotency_keys",
                "delivery_log",
            )
            return [row for row in everything(world).splitlines() if not row.startswith(own)]

        before = now()
        jobs = world.rows("SELECT id, state, run_at, unique_key FROM jobs ORDER BY id")
        leave(owner)
        world.clock.pass_(days=29, hours=23)
        world.work("erase")
        assert confirmed(owner).delete(PATH)[0] == 204
        assert now() == before
        mine = [row["id"] for row in jobs]
        assert (
            world.rows(
                "SELECT id, state, run_at, unique_key FROM jobs WHERE id = ANY(%(m)s) ORDER BY id", m=mine
            )
            == jobs
        )
        world.clock.now = world.message(waiting)["created_at"]  # before what was to be sent has expired
        world.work("send_message")
        assert world.message(waiting)["status"] == "accepted"

    def test_the_job_that_would_have_erased_does_nothing(self, world: World, line: Line, owner: Client):
        world.conversation(line)
        leave(owner)
        owner.delete(PATH)
        purge(world)
        assert world.value("SELECT state FROM organizations") == "active"
        assert world.value("SELECT count(*) FROM messages") == 1

    def test_it_can_be_asked_for_again(self, world: World, owner: Client):
        leave(owner)
        assert owner.delete(PATH)[0] == 204
        first = world.clock.now
        world.clock.pass_(days=5)
        told = leave(confirmed(owner))
        assert datetime.fromisoformat(told["erases_at"]) == first + 35 * DAY
        world.clock.pass_(days=25)  # the first one's thirty days
        world.work("erase")
        assert world.value("SELECT state FROM organizations") == "leaving"


class TestErase:
    @pytest.fixture
    def lived(self, world: World, line: Line, owner: Client) -> Line:
        """Everything there is, of two."""
        rival = world.line(world.organization("Rival"))
        for one in (line, rival):
            lived_through(world, one)
            world.execute("DELETE FROM account_deletions")
        picture_from(world, line)
        return rival

    @pytest.mark.parametrize(
        ("after", "erased"),
        [(timedelta(days=29, hours=23, minutes=59, seconds=59), False), (timedelta(days=30), True)],
        ids=["29 d 23:59:59", "30 d"],
    )
    def test_P6_1_on_the_thirtieth_day_and_not_a_second_before(
        self, world: World, line: Line, owner: Client, after: timedelta, erased: bool
    ):
        world.conversation(line)
        leave(owner)
        world.clock.now += after
        world.execute("UPDATE jobs SET run_at = %(now)s WHERE queue = 'erase'", now=world.clock.now)
        world.work("erase") if erased else world.ring("erase", world.due("erase"))
        assert (world.value("SELECT count(*) FROM messages") == 0) is erased

    def test_R8_a_worker_whose_clock_is_ahead_erases_nothing(self, world: World, line: Line, owner: Client):
        world.clock.now = datetime.now(UTC)
        world.conversation(line)
        leave(owner)
        world.clock.pass_(days=31)
        world.ring("erase", world.due("erase"))
        assert world.value("SELECT count(*) FROM messages") == 1
        assert world.value("SELECT state FROM organizations") == "leaving"

    def test_P7_2_every_table_is_empty_but_those_that_outlive_it(
        self, world: World, line: Line, lived: Line, owner: Client
    ):
        rivals = [row for row in everything(world).splitlines() if str(lived.organization_id) in row]
        leave(owner)
        purge(world)
        found = {
            row["name"]
            for row in world.rows(
                """SELECT DISTINCT c.relname AS name FROM pg_class AS c
                     JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'organization_id'
                    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"""
            )
            if world.rows(
                f"SELECT 1 FROM {row['name']} WHERE organization_id = %(o)s LIMIT 1", o=line.organization_id
            )
        }
        assert found <= OUTLIVES.keys()
        assert found >= {"account_deletions", "delivery_log"}
        assert f"{line.organization_id}/" not in files_of(runtime.of("erase").storage)
        left = [row for row in everything(world).splitlines() if str(lived.organization_id) in row]
        assert left == rivals
        state, name = next(
            iter(world.rows("SELECT state, name FROM organizations WHERE id = %(o)s", o=line.organization_id))
        ).values()
        assert (state, name) == ("erased", "erased")

    def test_the_certificate_says_what_went_and_not_whose_it_was(
        self, world: World, line: Line, owner: Client
    ):
        world.conversation(line)
        leave(owner)
        purge(world)
        row = world.row("SELECT * FROM account_deletions")
        assert row["counts"]["messages"] == row["counts"]["contacts"] == row["counts"]["users"] == 1
        assert row["requested_by"] is None
        assert row["erased_at"] is not None

    def test_the_operator_prints_it_for_whoever_has_no_account_any_more(
        self,
        world: World,
        line: Line,
        owner: Client,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ):
        monkeypatch.setenv("DATABASE_URL", world.database.url())
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", "a" * 44)
        monkeypatch.setenv("LEADSRALLY_ENV", "development")
        world.text(line, CANARY, sender=PHONE)
        number = leave(owner)["id"]
        world.work("notify")
        mail = next(mail.text for mail in world.mailer.mails if "will be deleted" in mail.subject)
        assert number in mail
        assert main(["erasure", "certificate", number]) == 2
        assert "not finished yet" in capsys.readouterr().err
        email = world.value("SELECT email FROM users")
        purge(world)
        capsys.readouterr()
        assert main(["erasure", "certificate", number]) == 0
        told = capsys.readouterr().out
        assert number in told
        assert re.search(r"  contacts +1\n", told)
        for secret in (CANARY, PHONE, email, "Harbour"):
            assert secret not in told

    def test_one_that_was_taken_back_has_none(
        self,
        world: World,
        owner: Client,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ):
        monkeypatch.setenv("DATABASE_URL", world.database.url())
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", "a" * 44)
        monkeypatch.setenv("LEADSRALLY_ENV", "development")
        number = leave(owner)["id"]
        owner.delete(PATH)
        assert main(["erasure", "certificate", number]) == 2
        assert "no such erasure" in capsys.readouterr().err

    def test_E10_what_is_billed_stays_and_nobodys_name_with_it(self, world: World, line: Line, owner: Client):
        """The days until it was asked for are charged, and what was used stands on an invoice before it goes."""
        world.conversation(line)
        leave(owner)
        assert world.value("SELECT charged_until FROM organizations") == world.clock.now.date()
        purge(world)
        assert world.rows("SELECT 1 FROM usage") == []
        invoices = world.rows("SELECT * FROM invoices")
        assert invoices
        assert {row["customer_name"] for row in invoices} == {""}
        assert line.organization_id not in {row["organization_id"] for row in invoices}
        said = world.rows(
            "SELECT kind, sum(quantity)::int AS units FROM invoice_lines GROUP BY kind ORDER BY kind"
        )
        assert said == [{"kind": "plan", "units": 1}, {"kind": "sms_in", "units": 1}]
        assert PHONE not in everything(world)

    def test_E9_whoever_stays_is_charged_on(self, world: World, line: Line, owner: Client):
        leave(owner)
        assert owner.delete("/v1/account/deletion")[0] < 300
        assert world.value("SELECT charged_until FROM organizations") is None

    def test_E6_it_stands_in_the_ledger(self, world: World, line: Line, owner: Client, eraser: Eraser):
        leave(owner)
        purge(world)
        (entry,) = [one for one in eraser.ledger() if one.kind == "organization"]
        assert entry.organization_id == entry.subject_id == line.organization_id

    def test_nobody_gets_in_any_more(self, world: World, line: Line, owner: Client):
        token = owner.token
        leave(owner)
        email = world.value("SELECT email FROM users")
        purge(world)
        assert world.api("GET", "/v1/me", token)[0] == 401
        assert world.api("POST", "/v1/auth/login", body={"email": email, "password": PASSWORD})[0] == 401
        assert world.text(line, "Hello").status == 404  # the address leads nowhere

    def test_T14_no_row_goes_of_one_that_is_not_being_erased(self, world: World, line: Line):
        world.conversation(line)
        with (
            pytest.raises(psycopg.errors.CheckViolation),
            runtime.of("erase").db.tenant(line.organization_id) as tx,
        ):
            tx.value("SELECT organization_erase_rows(%(t)s, 10)", {"t": "messages"})

    @pytest.mark.parametrize(
        "table", ["usage", "organizations", "account_deletions", "delivery_log", "invoices"]
    )
    def test_E10_the_database_itself_refuses_what_outlives_it(self, world: World, line: Line, table: str):
        world.execute("UPDATE organizations SET state = 'erasing'")
        with (
            pytest.raises(psycopg.errors.CheckViolation),
            runtime.of("erase").db.tenant(line.organization_id) as tx,
        ):
            tx.value("SELECT organization_erase_rows(%(t)s, 10)", {"t": table})

    def test_children_go_before_those_they_refer_to(self, world: World, line: Line):
        with runtime.of("erase").db.tenant(line.organization_id) as tx:
            order = tables(tx)
        for child, parent in (
            ("media", "messages"),
            ("messages", "conversations"),
            ("conversations", "contacts"),
            ("sessions", "users"),
        ):
            assert order.index(child) < order.index(parent)
        assert not OUTLIVES.keys() & set(order)


class TestInterrupted:
    def test_E4_it_goes_on_wherever_it_was_interrupted(
        self, world: World, line: Line, owner: Client, monkeypatch: pytest.MonkeyPatch
    ):
        """The database is lost at each transaction in turn; the next worker goes on."""
        world.conversation(line)
        picture_from(world, line)
        leave(owner)
        world.clock.pass_(days=30)
        opened, genuine = [0], Database.tenant

        def mortal(at: int) -> Callable[..., Any]:
            def tenant(self: Database, organization_id: UUID) -> Any:
                opened[0] += 1
                if opened[0] == at:
                    raise Unavailable("lost", code="database")
                return genuine(self, organization_id)

            return tenant

        deaths = 0
        for at in (1, 2, 3, 4, 5, 8, 13, 21, 34):
            opened[0] = 0
            with monkeypatch.context() as patched:
                patched.setattr(Database, "tenant", mortal(at))
                world.ring("erase", world.due("erase"))
            deaths += opened[0] >= at
            world.clock.pass_(minutes=59)
        assert deaths >= 7
        world.clock.pass_(hours=2)
        world.work("erase")
        assert world.value("SELECT state FROM organizations") == "erased"
        assert world.rows("SELECT 1 FROM messages") == world.rows("SELECT 1 FROM users") == []
        assert world.row("SELECT counts->'messages' AS n FROM account_deletions")["n"] >= 1

    def test_it_goes_on_when_there_was_no_time(
        self, world: World, line: Line, owner: Client, monkeypatch: pytest.MonkeyPatch
    ):
        for number in range(12):
            world.text(line, f"Hello {number}")
        leave(owner)
        world.clock.pass_(days=30)
        monkeypatch.setattr(organizations, "BITE", 3)
        left = chain(repeat(90_000, 9), repeat(1_000))
        monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _context: next(left))
        world.ring("erase", world.due("erase"))
        assert world.value("SELECT state FROM organizations") == "erasing"
        monkeypatch.undo()
        world.work("erase")
        assert world.value("SELECT state FROM organizations") == "erased"
        assert world.row("SELECT counts->'messages' AS n FROM account_deletions") == {"n": 12}
