"""P8.5: whom a breach concerns, what they are told, and the clock that runs until they are."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from infra.local.command import main
from leadsrally import runtime
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.notices.types import NotNow, Refused
from leadsrally.privacy.incidents import affected, record, store, tell
from leadsrally.privacy.incidents.affected import TABLES
from leadsrally.privacy.incidents.hours import deadline, due
from leadsrally.privacy.register import REGISTER, declared
from leadsrally.telemetry.types import Report
from tests.privacy.test_clauses import Audit
from tests.world import Org, World

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
DESCRIBED = {
    "nature": "A backup was readable from outside for an hour.",
    "people_about": 1200,
    "records_about": 3400,
    "consequences": "Messages may be known to others.",
    "measures": "It was closed, and the keys were changed.",
}


@dataclass
class Desk:
    """The operator, with the command's own database role."""

    world: World
    db: Database

    def record(self, *, drill: bool = False, title: str = "Backup readable") -> UUID:
        now = self.world.clock.now
        with self.db.across() as tx:
            return record.record(tx, title, detected_at=now - HOUR, drill=drill, now=now)

    def confirmed(self, *, drill: bool = False, names: tuple[Org, ...] = ()) -> UUID:
        """Described, confirmed now, and these customers named."""
        incident_id = self.record(drill=drill)
        with self.db.across() as tx:
            record.describe(tx, incident_id, DESCRIBED)
            record.confirm(tx, incident_id, now=self.world.clock.now)
            for org in names:
                affected.find_by_name(tx, incident_id, org.id, now=self.world.clock.now)
        return incident_id

    def look(
        self, incident_id: UUID, table: str, since: datetime, until: datetime, *, written: bool = False
    ) -> int:
        with self.db.across() as tx:
            return affected.find_by_table(
                tx,
                incident_id,
                table,
                since=since,
                until=until,
                only_written=written,
                now=self.world.clock.now,
            )

    def affected(self, incident_id: UUID) -> list[store.Affected]:
        with self.db.across() as tx:
            return store.affected(tx, incident_id)

    def whom(self, incident_id: UUID) -> set[UUID]:
        return {customer.organization_id for customer in self.affected(incident_id)}

    def tell(self, incident_id: UUID) -> int:
        return tell.tell(self.db, self.world.clock, incident_id)

    def customer(self, name: str, *owners: str) -> Org:
        org = self.world.organization(name)
        for address in owners:
            row = {"organization_id": org.id, "id": uuid4(), "email": address, "role": "owner"}
            row |= {"password_hash": "$2b$12$" + "a" * 53, "created_at": self.world.clock.now}
            self.world._insert("users", row)
        for document in ("age", "business_use"):
            accepted = {"organization_id": org.id, "id": uuid4(), "user_id": uuid4(), "document": document}
            self.world._insert(
                "acceptances", {**accepted, "document_version": "1", "accepted_at": self.world.clock.now}
            )
        return org

    def contact(self, org: Org, at: datetime) -> None:
        row = {"organization_id": org.id, "id": uuid4(), "name": "Ada", "created_at": at, "updated_at": at}
        self.world._insert("contacts", row)

    def escalations(self, incident_id: UUID) -> list[int]:
        return [
            row["hour"]
            for row in self.world.rows(
                "SELECT hour FROM incident_escalations WHERE incident_id = %(id)s ORDER BY hour",
                id=incident_id,
            )
        ]


@pytest.fixture
def desk(world: World) -> Any:
    made = Desk(world, Database(world.database.url("leadsrally_incidents")))
    yield made
    made.db.close()


class TestClock:
    def test_it_runs_from_the_confirmation_for_72_hours(self, world: World):
        assert deadline(world.clock.now) - world.clock.now == 72 * HOUR

    @pytest.mark.parametrize(
        ("hour", "before", "at"), [(24, [], [24]), (48, [24], [24, 48]), (66, [24, 48], [24, 48, 66])]
    )
    def test_who_is_to_be_alarmed_at_each_hour(
        self, world: World, hour: int, before: list[int], at: list[int]
    ):
        now = world.clock.now
        assert due(now, now + hour * HOUR - TICK) == before
        assert due(now, now + hour * HOUR) == at

    def test_confirming_again_does_not_begin_it_anew(self, desk: Desk):
        incident_id = desk.confirmed()
        first = desk.world.clock.now
        desk.world.clock.pass_(hours=5)
        with desk.db.across() as tx:
            assert record.confirm(tx, incident_id, now=desk.world.clock.now).confirmed_at == first


class TestAffected:
    """O9: the list is right, against an oracle that knows what was written when."""

    def test_O9_rows_that_were_there_and_rows_that_were_written(self, desk: Desk):
        now = desk.world.clock.now
        since, until = now - 10 * HOUR, now - 5 * HOUR
        times = {
            "long before": since - 99 * HOUR,
            "just before": since - TICK,
            "first": since,
            "last": until - TICK,
            "after": until,
        }
        orgs = {name: desk.customer(name) for name in times}
        for name, at in times.items():
            desk.contact(orgs[name], at)
        nobody = desk.customer("without contacts")
        there, written = desk.record(), desk.record()
        assert desk.look(there, "contacts", since, until) == 4
        assert desk.whom(there) == {org.id for name, org in orgs.items() if name != "after"}
        assert desk.look(written, "contacts", since, until, written=True) == 2
        assert desk.whom(written) == {orgs["first"].id, orgs["last"].id}
        assert nobody.id not in desk.whom(there)

    def test_counts_of_several_looks_stand_together(self, desk: Desk):
        org = desk.customer("Harbour", "ada@a.example", "bob@a.example")
        now = desk.world.clock.now
        desk.contact(org, now - HOUR)
        incident_id = desk.record()
        desk.world.clock.pass_(seconds=1)
        until = desk.world.clock.now
        assert desk.look(incident_id, "contacts", now - 9 * HOUR, until) == 1
        assert desk.look(incident_id, "users", now - 9 * HOUR, until) == 1
        (found,) = desk.affected(incident_id)
        assert found.counts == {"contacts": 1, "users": 2}

    def test_O9_a_token_of_one_customer(self, desk: Desk):
        org, _ = desk.customer("Theirs"), desk.customer("Not theirs")
        incident_id = desk.confirmed(names=(org,))
        assert desk.whom(incident_id) == {org.id}

    @pytest.mark.parametrize("state", ["pending", "erased"])
    def test_a_sign_up_that_nobody_proved_is_no_customer_and_neither_is_who_was_erased(
        self, desk: Desk, state: str
    ):
        org = desk.customer("Harbour")
        desk.contact(org, desk.world.clock.now - HOUR)
        desk.world.execute("UPDATE organizations SET state = %(state)s", state=state)
        assert (
            desk.look(desk.record(), "contacts", desk.world.clock.now - 2 * HOUR, desk.world.clock.now) == 0
        )

    @pytest.mark.parametrize("table", TABLES)
    def test_every_table_of_the_register_can_be_looked_through(self, desk: Desk, table: str):
        now = desk.world.clock.now
        assert desk.look(desk.record(), table, now - HOUR, now) == 0

    def test_none_is_left_out(self):
        of_customers = {table for table, column in declared() if column == "organization_id"}
        assert set(TABLES) == {entry.table for entry in REGISTER} & of_customers | {"organizations"}

    def test_what_makes_no_sense_is_refused(self, desk: Desk):
        now = desk.world.clock.now
        with pytest.raises(Invalid, match="table"):
            desk.look(desk.record(), "pg_authid", now - HOUR, now)
        with pytest.raises(Invalid, match="ends before"):
            desk.look(desk.record(), "contacts", now, now)
        with pytest.raises(NotFound):
            desk.look(uuid4(), "contacts", now - HOUR, now)
        incident_id = desk.record()
        with desk.db.across() as tx, pytest.raises(NotFound):
            affected.find_by_name(tx, incident_id, uuid4(), now=now)

    def test_the_command_sees_whose_rows_they_are_and_nothing_in_them(self, desk: Desk):
        for column in ("phone", "name", "email"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), desk.db.across() as tx:
                tx.value(f"SELECT {column} FROM contacts", {})  # pyright: ignore[reportArgumentType]


class TestTell:
    def test_O9_every_owner_gets_the_four_items_and_the_receipts_are_kept(self, desk: Desk):
        one, two = (
            desk.customer("One", "ada@a.example", "bob@a.example"),
            desk.customer("Two", "cy@c.example"),
        )
        incident_id = desk.confirmed(names=(one, two))
        assert desk.tell(incident_id) == 2
        desk.world.work("notify")
        mails = desk.world.mailer.mails
        assert sorted(mail.recipient for mail in mails) == ["ada@a.example", "bob@a.example", "cy@c.example"]
        text = " ".join(mails[0].text.split())
        for told in (
            DESCRIBED["nature"],
            DESCRIBED["consequences"],
            DESCRIBED["measures"],
            "1200 people",
            "3400 records",
        ):
            assert str(told) in text
        assert "privacy@mail.example.test" in text
        for customer in desk.affected(incident_id):
            assert customer.told_at == desk.world.clock.now
            assert customer.taken == customer.owners > 0
        for row in desk.world.rows("SELECT organization_id, id FROM notices"):
            event = desk.world.mail_event(
                "email.delivered", organization_id=row["organization_id"], notice_id=row["id"]
            )
            assert desk.world.resend(event).status == 200
        assert [customer.delivered for customer in desk.affected(incident_id)] == [
            customer.owners for customer in desk.affected(incident_id)
        ]

    def test_asking_again_tells_nobody_twice(self, desk: Desk):
        org = desk.customer("One", "ada@a.example")
        incident_id = desk.confirmed(names=(org,))
        assert (desk.tell(incident_id), desk.tell(incident_id)) == (1, 0)
        desk.world.work("notify")
        assert len(desk.world.mailer.mails) == 1

    def test_two_who_ask_at_once_tell_nobody_twice(self, desk: Desk, monkeypatch: pytest.MonkeyPatch):
        """The second has seen whom to tell when the first has not asked yet."""
        org = desk.customer("One", "ada@a.example")
        incident_id = desk.confirmed(names=(org,))
        genuine, first = tell._ask, list[int]()

        def meanwhile(*asked: Any) -> bool:
            monkeypatch.setattr(tell, "_ask", genuine)
            first.append(desk.tell(incident_id))
            return genuine(*asked)

        monkeypatch.setattr(tell, "_ask", meanwhile)
        assert (desk.tell(incident_id), first) == (0, [1])
        desk.world.work("notify")
        assert len(desk.world.mailer.mails) == 1

    @pytest.mark.parametrize("lacking", ["confirmation", "description", "customers", "decision"])
    def test_not_before_everything_is_known(self, desk: Desk, lacking: str):
        org = desk.customer("One", "ada@a.example")
        incident_id = desk.record()
        with desk.db.across() as tx:
            if lacking != "description":
                record.describe(tx, incident_id, DESCRIBED)
            if lacking != "confirmation":
                record.confirm(tx, incident_id, now=desk.world.clock.now)
            if lacking != "customers":
                affected.find_by_name(tx, incident_id, org.id, now=desk.world.clock.now)
            if lacking == "decision":
                record.decide_not_to_notify(tx, incident_id, "Encrypted.", now=desk.world.clock.now)
        with pytest.raises(Conflict):
            desk.tell(incident_id)

    def test_the_draft_is_the_mail(self, desk: Desk):
        org = desk.customer("One", "ada@a.example")
        incident_id = desk.confirmed(names=(org,))
        with desk.db.across() as tx:
            ((organization_id, draft),) = tell.drafts(tx, incident_id, runtime.of("notify").letterhead)
        desk.tell(incident_id)
        desk.world.work("notify")
        assert organization_id == org.id
        assert draft.text == desk.world.mailer.mails[0].text

    def test_whom_no_mail_reaches_is_told_by_a_person(self, desk: Desk):
        org = desk.customer("One", "ada@a.example")
        desk.world.mailer.outcomes = [Refused("validation_error")]
        incident_id = desk.confirmed(names=(org,))
        desk.tell(incident_id)
        desk.world.work("notify")
        assert desk.affected(incident_id)[0].told_at is None
        with desk.db.across() as tx, pytest.raises(Conflict, match="told"):
            record.close(tx, incident_id, now=desk.world.clock.now)
        with desk.db.across() as tx:
            assert store.told_by_a_person(tx, org.id, incident_id, "phone", now=desk.world.clock.now)
            record.close(tx, incident_id, now=desk.world.clock.now)
        assert desk.affected(incident_id)[0].told_at == desk.world.clock.now


class TestDrill:
    def test_O9_nothing_leaves_the_house(self, desk: Desk, reports: list[Report]):
        org = desk.customer("One", "ada@a.example")
        incident_id = desk.confirmed(drill=True, names=(org,))
        assert desk.tell(incident_id) == 0
        desk.world.clock.pass_(hours=70)
        assert desk.world.rings("incident_watch") == {"alarms": 3}
        desk.world.work("notify")
        assert desk.world.mailer.mails == []
        assert reports == []
        assert desk.escalations(incident_id) == [24, 48, 66], "and the clock was heard"
        assert desk.world.rows("SELECT 1 FROM jobs") == []
        with desk.db.across() as tx:
            assert len(list(tell.drafts(tx, incident_id, runtime.of("notify").letterhead))) == 1

    def test_a_job_that_somebody_makes_for_a_drill_tells_nobody(self, desk: Desk):
        org = desk.customer("One", "ada@a.example")
        incident_id = desk.confirmed(drill=True, names=(org,))
        desk.world.notify(org.id, "incident", incident_id=incident_id)
        desk.world.work("notify")
        assert desk.world.mailer.mails == []


@pytest.fixture
def reports(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """What was reported by the watch."""
    found: list[Report] = []

    class Sender:
        def send(self, report: Report) -> None:
            found.append(report)

        def flush(self, seconds: float) -> None:
            pass

    door = runtime.of("incident_watch")
    monkeypatch.setattr(door.errors, "_sender", Sender())
    monkeypatch.setitem(
        door.settings._values, "LEADSRALLY_OPERATORS", "on-call@ops.example, boss@ops.example"
    )
    return found


class TestEscalation:
    @pytest.mark.parametrize("hour", [24, 48, 66])
    def test_each_hour_once_by_mail_and_report(self, desk: Desk, reports: list[Report], hour: int):
        incident_id = desk.confirmed(names=(desk.customer("Secret Name", "ada@a.example"),))
        confirmed = desk.world.clock.now
        desk.world.clock.now = confirmed + hour * HOUR - TICK
        desk.world.rings("incident_watch")
        assert hour not in desk.escalations(incident_id)
        desk.world.mailer.mails.clear()
        reports.clear()
        desk.world.clock.now = confirmed + hour * HOUR
        for _ in range(2):
            desk.world.rings("incident_watch")
        assert desk.escalations(incident_id)[-1] == hour
        assert [report.failures[0].code for report in reports] == [f"incident_untold_{hour}h"]
        assert [mail.recipient for mail in desk.world.mailer.mails] == [
            "on-call@ops.example",
            "boss@ops.example",
        ]
        assert f"{hour} of 72 hours" in desk.world.mailer.mails[0].subject
        told = repr(reports) + "".join(mail.text + mail.html for mail in desk.world.mailer.mails)
        for secret in ("Secret Name", "ada@a.example", DESCRIBED["nature"]):
            assert str(secret) not in told

    def test_once_everybody_was_told_it_is_silent(self, desk: Desk, reports: list[Report]):
        incident_id = desk.confirmed(names=(desk.customer("One", "ada@a.example"),))
        desk.tell(incident_id)
        desk.world.work("notify")
        desk.world.clock.pass_(hours=70)
        assert desk.world.rings("incident_watch") == {"alarms": 0}
        assert reports == []

    def test_of_one_that_concerns_nobody_we_found_somebody_is_alarmed(
        self, desk: Desk, reports: list[Report]
    ):
        desk.confirmed()
        desk.world.clock.pass_(hours=24)
        assert desk.world.rings("incident_watch") == {"alarms": 1}

    def test_not_confirmed_decided_or_closed_no_clock_runs(self, desk: Desk, reports: list[Report]):
        desk.record()
        decided = desk.confirmed()
        with desk.db.across() as tx:
            record.decide_not_to_notify(tx, decided, "Encrypted.", now=desk.world.clock.now)
        closed = desk.confirmed()
        with desk.db.across() as tx:
            record.close(tx, closed, now=desk.world.clock.now)
        desk.world.clock.pass_(hours=70)
        assert desk.world.rings("incident_watch") == {"alarms": 0}

    def test_a_mail_that_waits_is_tried_again_with_the_same_key(self, desk: Desk, reports: list[Report]):
        incident_id = desk.confirmed()
        desk.world.clock.pass_(hours=24)
        desk.world.mailer.outcomes = [NotNow("down"), NotNow("down")]
        assert desk.world.rings("incident_watch") == {"alarms": 0}
        assert desk.escalations(incident_id) == []
        assert desk.world.rings("incident_watch") == {"alarms": 1}
        first, _, second, _ = desk.world.mailer.mails
        assert first == second


class TestClause:
    """The check of P8.5 on each side of each boundary."""

    @pytest.fixture(autouse=True)
    def alone(self, roles_alone: None) -> None:
        """Roles belong to the whole server."""

    def broken(self, desk: Desk, at: datetime) -> bool:
        return "P8.5" in Audit(desk.world).broken(at)

    def alarmed(self, desk: Desk, incident_id: UUID) -> None:
        for hour in (24, 48, 66):
            row = {"incident_id": incident_id, "hour": hour, "escalated_at": desk.world.clock.now}
            desk.world._insert("incident_escalations", row)

    @pytest.mark.parametrize("scoped", [True, False])
    def test_72_hours_without_a_word(self, desk: Desk, scoped: bool):
        names = (desk.customer("One", "ada@a.example"),) if scoped else ()
        incident_id = desk.confirmed(names=names)
        self.alarmed(desk, incident_id)
        end = desk.world.clock.now + 72 * HOUR
        assert not self.broken(desk, end)
        assert self.broken(desk, end + TICK)

    @pytest.mark.parametrize(("late", "broken"), [(timedelta(0), False), (TICK, True)])
    def test_told_in_the_last_moment_and_just_after(self, desk: Desk, late: timedelta, broken: bool):
        incident_id = desk.confirmed(names=(desk.customer("One", "ada@a.example"),))
        self.alarmed(desk, incident_id)
        desk.world.clock.now += 72 * HOUR + late
        desk.tell(incident_id)
        desk.world.work("notify")
        assert self.broken(desk, desk.world.clock.now + 99 * HOUR) is broken

    @pytest.mark.parametrize("hour", [24, 48, 66])
    def test_an_hour_that_nobody_was_alarmed_about(self, desk: Desk, hour: int):
        incident_id = desk.confirmed(names=(desk.customer("One", "ada@a.example"),))
        self.alarmed(desk, incident_id)
        desk.world.execute("DELETE FROM incident_escalations WHERE hour = %(hour)s", hour=hour)
        end = desk.world.clock.now + hour * HOUR + timedelta(minutes=30)
        assert not self.broken(desk, end)
        assert self.broken(desk, end + TICK)

    def test_a_drill_a_decision_and_one_that_is_not_confirmed_break_nothing(self, desk: Desk):
        desk.confirmed(drill=True, names=(desk.customer("One"),))
        desk.record()
        decided = desk.confirmed()
        with desk.db.across() as tx:
            record.decide_not_to_notify(tx, decided, "Encrypted.", now=desk.world.clock.now)
        assert not self.broken(desk, desk.world.clock.now + 99 * HOUR)


class TestCommand:
    """`leadsrally incident` through the front door: a whole drill."""

    @pytest.fixture
    def ask(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[..., tuple[int, str]]:
        monkeypatch.setenv("DATABASE_URL", desk.world.database.url())
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", "a" * 44)
        monkeypatch.setenv("LEADSRALLY_ENV", "development")
        monkeypatch.setenv("LEADSRALLY_APP_URL", "https://app.example.test")
        monkeypatch.setenv("LEADSRALLY_MAIL_FROM", "LeadsRally <hello@mail.example.test>")
        monkeypatch.setattr("infra.local.incident.system_clock", desk.world.clock)

        def run(*words: str) -> tuple[int, str]:
            capsys.readouterr()
            code = main(["incident", *words])
            out, err = capsys.readouterr()
            return code, out + err

        return run

    def test_O9_the_tabletop(self, desk: Desk, ask: Callable[..., tuple[int, str]]):
        world = desk.world
        one, two = desk.customer("One", "ada@a.example"), desk.customer("Two", "bob@b.example")
        desk.contact(one, world.clock.now - HOUR)
        incident = ask("record", "--title", "Key leaked", "--detected", (world.clock.now - HOUR).isoformat())[
            1
        ].strip()
        since = (world.clock.now - 9 * HOUR).isoformat()
        assert (
            "1 customers had rows in contacts"
            in ask("scope", incident, "--table", "contacts", "--since", since)[1]
        )
        assert "2 customers are affected" in ask("scope", incident, "--organization", str(two.id))[1]
        assert ask("notify", incident) == (2, "leadsrally: Confirm the incident first.\n")
        given = ("--nature", "A key leaked.", "--people", "3", "--records", "9")
        assert (
            ask("describe", incident, *given, "--consequences", "None known.", "--measures", "Changed.")[0]
            == 0
        )
        assert "customers are to be told by" in ask("confirm", incident)[1]
        code, draft = ask("draft", incident)
        assert (code, draft.count("A key leaked.")) == (0, 2)
        assert world.mailer.mails == []
        world.clock.pass_(hours=3)
        assert ask("show", incident)[0] == 1
        assert "2 customers are being told" in ask("notify", incident)[1]
        world.work("notify")
        code, shown = ask("show", incident)
        assert code == 0
        assert "69.0 of 72 hours left" in shown
        assert "0 not told" in shown
        assert ask("close", incident)[0] == 0
        ((entry),) = json.loads(ask("list", "--format", "json")[1])
        assert (entry["title"], entry["closed_at"] is not None) == ("Key leaked", True)

    def test_the_register_keeps_what_was_not_notified(self, desk: Desk, ask: Callable[..., tuple[int, str]]):
        incident = str(desk.confirmed())
        assert ask("decide", incident, "--not-notified", "Everything was encrypted.")[0] == 0
        assert "nobody is told: Everything was encrypted." in ask("show", incident)[1]
        assert "confirmed" in ask("list")[1]

    @pytest.mark.parametrize(
        "words",
        [("show", "00000000-0000-0000-0000-000000000000"), ("scope", "00000000-0000-0000-0000-000000000000")],
    )
    def test_what_makes_no_sense_is_one_sentence(
        self, ask: Callable[..., tuple[int, str]], words: tuple[str, ...]
    ):
        code, told = ask(*words)
        assert code == 2
        assert told.startswith("leadsrally: ")
