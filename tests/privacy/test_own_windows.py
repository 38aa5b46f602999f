"""Windows of a customer's own: what is due by them goes, of nobody else and of no other kind (P6, R1–R10)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.local.context import Context
from leadsrally import runtime
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Unavailable
from leadsrally.kit.storage import HOUSE, Key
from leadsrally.messaging.media.store import key_of
from leadsrally.privacy import keep_windows
from leadsrally.privacy.erasure.erase_messages import ErasureDesk
from leadsrally.privacy.own_windows.bites import BITES
from leadsrally.privacy.own_windows.kinds import KINDS, Kind
from leadsrally.privacy.own_windows.sweep import OwnRun, sweep_own_windows
from leadsrally.providers.storage.folder import FolderStorage
from leadsrally.telemetry.crash import Crash
from tests.world import Line, Org, World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
DAYS = 10
HASHES = KeyedHash(b"h" * 32)
TABLES: dict[Kind, str] = {
    "messages": "messages",
    "leads": "leads",
    "notes": "contact_notes",
    "media": "media",
    "delivery_log": "delivery_log",
}


@pytest.fixture(autouse=True)
def yesterday(world: World) -> None:
    """The worker's clock must not be ahead of the database's own, which decides then."""
    world.clock.now = datetime.now(UTC).replace(microsecond=0) - DAY


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[ErasureDesk]:
    db = Database(world.database.url("leadsrally_retention_sweep"))
    yield ErasureDesk(db, world.clock, FolderStorage(tmp_path), HASHES)
    db.close()


def choose(world: World, org: Org, kind: Kind, days: int = DAYS, **columns: Any) -> None:
    """As somebody chose it long ago."""
    long_ago = world.clock.now - 30 * DAY
    values = {"obeyed_from": long_ago, "version": 2, "changed_at": long_ago, **columns}
    world._insert("retention_windows", {"organization_id": org.id, f"{kind}_days": days, **values})


def shortened(world: World, kind: Kind) -> None:
    """As somebody chooses it now: it is obeyed a day later."""
    world.execute(
        f"UPDATE retention_windows SET {kind}_days = %(days)s, obeyed_from = %(from)s",
        days=DAYS,
        **{"from": world.clock.now + DAY},
    )


class Maker:
    """Makes rows of one organisation, of an instant that its window counts."""

    def __init__(self, world: World, org: Org, desk: ErasureDesk) -> None:
        self.world, self.org, self.desk = world, org, desk
        self.line = world.line(org)
        self.thread = world.conversation(self.line)
        self.contact = world.value("SELECT contact_id FROM conversations WHERE id = %(id)s", id=self.thread)
        self.page = world.lead_page(org)
        world.execute("DELETE FROM delivery_log WHERE organization_id = %(o)s", o=org.id)

    def __call__(self, kind: Kind, at: datetime) -> UUID:
        made = uuid4()
        row: dict[str, Any] = {"organization_id": self.org.id, "id": made}
        match kind:
            case "leads":
                told = {
                    "channel_id": self.page.id, "provider_lead_id": made.hex, "provider_form_id": "1", "page_id": "1",
                    "state": "failed", "found_by": "webhook", "backfilled": False,
                }  # fmt: skip
                self.world._insert("leads", {**row, **told, "submitted_at": at, "received_at": at})
            case "notes":
                note = {"contact_id": self.contact, "body": "likes red", "created_at": at}
                self.world._insert("contact_notes", {**row, **note})
            case "messages":
                return self._message(at)
            case "media":
                kept = {"state": "stored", "bytes": 1, "sha256": bytes(32), "content_type": "image/png"}
                times = {"created_at": at, "settled_at": at}
                self.world._insert(
                    "media", {**row, **kept, **times, "message_id": self._message(at), "place": 0}
                )
                self.desk.storage.put(key_of(self.org.id, made), [b"x"], content_type="image/png")
            case "delivery_log":
                self.world.execute("SELECT delivery_log_make_day(%(day)s)", day=at.date())
                call = {
                    "received_at": at, "provider": "twilio", "kind": "inbound", "outcome": "stored",
                    "http_status": 200, "bytes": 1, "request_id": "r",
                }  # fmt: skip
                self.world._insert("delivery_log", {**row, **call})
            case _:
                raise AssertionError(kind)
        return made

    def _message(self, at: datetime) -> UUID:
        message = uuid4()
        self.world.execute(
            """INSERT INTO messages (organization_id, id, conversation_id, direction, body, status, status_rank, created_at)
               SELECT organization_id, %(new)s, conversation_id, direction, '', status, status_rank, %(at)s
                 FROM messages WHERE conversation_id = %(thread)s LIMIT 1""",
            new=message,
            at=at,
            thread=self.thread,
        )
        return message


@pytest.fixture
def make(world: World, org: Org, desk: ErasureDesk) -> Maker:
    return Maker(world, org, desk)


def sweep(desk: ErasureDesk, time_left: Callable[[], timedelta] = lambda: HOUR) -> list[OwnRun]:
    return sweep_own_windows(desk, time_left=time_left)


def ids(world: World, kind: Kind) -> set[UUID]:
    """Those that the test has made; the thread they are in began with a message and its call."""
    own = " WHERE body = ''" if kind == "messages" else ""
    return {row["id"] for row in world.rows(f"SELECT id FROM {TABLES[kind]}{own}")}


@pytest.mark.parametrize("kind", TABLES)
class TestWindow:
    def test_R1_the_last_instant_that_is_due_and_the_first_that_is_kept(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        due = world.clock.now - DAYS * DAY
        kept = {make(kind, due + MICROSECOND), make(kind, due + DAY)}
        make(kind, due)
        make(kind, due - MICROSECOND)
        choose(world, org, kind)
        (run,) = sweep(desk)
        assert (run.kind, run.due_before, run.deleted, run.due_after) == (kind, 2, 2, 0)
        assert ids(world, kind) == kept

    def test_nobody_elses_and_no_other_kind(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        other = Maker(world, world.organization("Rival"), desk)
        old = world.clock.now - 20 * DAY
        kept = {other(kind, old)}
        for another in TABLES:
            make(another, old)
        choose(world, org, kind)
        with_it = {"messages": "media"}.get(kind)  # a file goes with its message
        before = {another: ids(world, another) for another in TABLES if another not in (kind, with_it)}
        sweep(desk)
        assert ids(world, kind) == kept
        assert {another: ids(world, another) for another in before} == before

    def test_R10_not_before_it_is_obeyed(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        make(kind, world.clock.now - 20 * DAY)
        choose(world, org, kind, obeyed_from=world.clock.now + MICROSECOND)
        assert sweep(desk) == []
        assert len(ids(world, kind)) == 1
        world.clock.now += MICROSECOND
        assert sweep(desk)[0].deleted == 1

    def test_R5_bites_of_any_size_take_all(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        for _ in range(5):
            make(kind, world.clock.now - 20 * DAY)
        choose(world, org, kind)
        (run,) = sweep(ErasureDesk(desk.db, desk.clock, desk.storage, HASHES, bite=2))
        assert (run.due_before, run.deleted, run.due_after) == (5, 5, 0)

    def test_R5_killed_at_each_transaction_it_converges(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        choose(world, org, kind)
        for step in range(1, 30):
            for _ in range(3):
                make(kind, world.clock.now - 20 * DAY)
            dying = Dying(desk.db, step)
            killed = False
            try:
                sweep(ErasureDesk(dying, desk.clock, desk.storage, HASHES, bite=2))  # pyright: ignore[reportArgumentType]
            except Killed:
                killed = True
            world.clock.pass_(seconds=1)
            sweep(desk)
            assert ids(world, kind) == set()
            if not killed:
                break
        assert step > 4, "it was never killed in the middle"
        ends = {row["finished_at"] is None for row in world.rows("SELECT finished_at FROM retention_runs")}
        assert ends == {True, False}

    def test_R7_two_sweeps_at_once_are_harmless(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        for _ in range(12):
            make(kind, world.clock.now - 20 * DAY)
        choose(world, org, kind)
        dbs = [Database(world.database.url("leadsrally_retention_sweep")) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda db: sweep(ErasureDesk(db, desk.clock, desk.storage, HASHES, bite=3)), dbs))
        for db in dbs:
            db.close()
        assert ids(world, kind) == set()

    def test_R8_a_worker_a_year_ahead_deletes_nothing_early(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        make(kind, datetime.now(UTC) - DAYS * DAY + HOUR)
        choose(world, org, kind)
        world.clock.now = datetime.now(UTC) + 365 * DAY
        sweep(desk)
        assert len(ids(world, kind)) == 1

    def test_R10_a_window_that_is_taken_back_meanwhile_stops_the_sweep(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        for _ in range(4):
            make(kind, world.clock.now - 20 * DAY)
        choose(world, org, kind)
        bites = iter(range(9))

        def take_back() -> timedelta:
            if next(bites) == 2:
                world.execute(f"UPDATE retention_windows SET {kind}_days = NULL")
            return HOUR

        (run,) = sweep(ErasureDesk(desk.db, desk.clock, desk.storage, HASHES, bite=1), take_back)
        assert run.deleted == 1
        assert len(ids(world, kind)) == 3

    def test_R10_one_that_is_shortened_meanwhile_waits_its_day(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        """It was listed when its longer window was obeyed, and its turn came when the shorter one was chosen."""
        make(kind, world.clock.now - 20 * DAY)
        choose(world, org, kind, days=30)

        def shorten() -> timedelta:
            shortened(world, kind)
            return HOUR

        assert sweep(desk, shorten) == []
        assert len(ids(world, kind)) == 1
        world.clock.now += DAY - HOUR
        assert sweep(desk) == []
        assert len(ids(world, kind)) == 1

    def test_R10_one_that_comes_to_rest_between_two_bites_stops_the_sweep(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        """Another kind was shortened: while one waits the others wait with it."""
        for _ in range(4):
            make(kind, world.clock.now - 20 * DAY)
        choose(world, org, kind)
        bites = iter(range(9))

        def another() -> timedelta:
            if next(bites) == 2:
                shortened(world, kind)
            return HOUR

        (run,) = sweep(ErasureDesk(desk.db, desk.clock, desk.storage, HASHES, bite=1), another)
        assert run.deleted == 1
        assert len(ids(world, kind)) == 3

    def test_it_is_written_down_for_the_customer_with_what_was_due(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, kind: Kind
    ):
        make(kind, world.clock.now - 20 * DAY)
        choose(world, org, kind)
        sweep(desk)
        row = world.row("SELECT * FROM retention_runs")
        assert (row["organization_id"], row["kind"], row["cutoff"]) == (
            org.id,
            kind,
            world.clock.now - DAYS * DAY,
        )
        assert (row["due_before"], row["deleted"], row["due_after"]) == (1, 1, 0)


class TestMessages:
    def test_it_goes_as_an_erasure_does_and_the_thread_shows_what_is_left(
        self, world: World, org: Org, desk: ErasureDesk, line: Line
    ):
        world.text(line, "old canary")
        world.clock.now += 5 * DAY
        world.text(line, "new words")
        world.clock.now = world.clock.now - 5 * DAY
        world.execute(
            "UPDATE messages SET created_at = created_at - interval '20 days' WHERE body = 'old canary'"
        )
        choose(world, org, "messages")
        (run,) = sweep(desk)
        assert (run.due_before, run.deleted, run.due_after) == (1, 1, 0)
        assert world.value("SELECT preview FROM conversations") == "new words"
        erasure = world.row("SELECT kind, state, counts, requested_by FROM erasures")
        assert erasure == {
            "kind": "message",
            "state": "done",
            "counts": {"messages": 1},
            "requested_by": HOUSE,
        }
        assert world.value("SELECT count(*) FROM provider_copies WHERE what = 'message'") == 1
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'provider_delete'") == 1

    def test_an_empty_thread_keeps_no_word_of_what_was_said(
        self, world: World, org: Org, desk: ErasureDesk, line: Line
    ):
        world.text(line, "old canary")
        world.execute("UPDATE messages SET created_at = created_at - interval '20 days'")
        choose(world, org, "messages")
        sweep(desk)
        assert world.value("SELECT preview FROM conversations") == ""

    def test_R5_killed_anywhere_no_thread_shows_what_is_gone(
        self, world: World, org: Org, desk: ErasureDesk, line: Line
    ):
        choose(world, org, "messages")
        for step in range(1, 30):
            world.text(line, "old canary")
            world.execute("UPDATE messages SET created_at = created_at - interval '20 days'")
            killed = False
            try:
                sweep(ErasureDesk(Dying(desk.db, step), desk.clock, desk.storage, HASHES))  # pyright: ignore[reportArgumentType]
            except Killed:
                killed = True
            if not world.rows("SELECT 1 FROM messages"):
                assert world.value("SELECT preview FROM conversations") == ""
            world.clock.pass_(hours=1)
            if not killed:
                break
        assert step > 6, "it was never killed in the middle"

    def test_R5_what_was_not_finished_goes_on_as_the_same_erasure(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker
    ):
        for _ in range(4):
            make("messages", world.clock.now - 20 * DAY)
        choose(world, org, "messages")
        left = iter([HOUR, HOUR, timedelta(0)])
        sweep(ErasureDesk(desk.db, desk.clock, desk.storage, HASHES, bite=1), lambda: next(left))
        assert world.value("SELECT state FROM erasures") == "erasing"
        world.clock.pass_(hours=1)
        sweep(desk)
        assert world.row("SELECT state, counts FROM erasures") == {"state": "done", "counts": {"messages": 4}}

    @pytest.mark.parametrize("ended", ["given up", "ended by a sweep"])
    def test_no_erasure_is_under_way_for_ever(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, ended: str
    ):
        """It is ended a day later, also when no sweep comes any more; where one has ended it that changes nothing."""
        for _ in range(2):
            make("messages", world.clock.now - 20 * DAY)
        choose(world, org, "messages")
        left = iter([HOUR, HOUR, timedelta(0)])
        sweep(ErasureDesk(desk.db, desk.clock, desk.storage, HASHES, bite=1), lambda: next(left))
        if ended == "given up":
            world.execute("UPDATE retention_windows SET messages_days = NULL")
        sweep(desk)
        before = world.row("SELECT * FROM erasures")
        assert before["state"] == ("erasing" if ended == "given up" else "done")
        messages = world.rows("SELECT id FROM messages")
        world.clock.pass_(days=1)
        world.work("erase")
        after = world.row("SELECT * FROM erasures")
        assert after["state"] == "done"
        assert ended == "given up" or after == before
        assert after["counts"] == before["counts"]
        assert world.rows("SELECT id FROM messages") == messages
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'erase'") == []


class TestConversations:
    def test_one_in_which_nobody_wrote_is_handed_over_to_erasure(self, world: World, org: Org, line: Line):
        for sender in ("+12025550101", "+12025550102"):
            world.text(line, "hello", sender=sender)
        world.execute(
            """UPDATE conversations SET last_message_at = last_message_at - interval '20 days'
                WHERE contact_id = (SELECT id FROM contacts WHERE phone = '+12025550101')"""
        )
        choose(world, org, "conversations")
        desk = runtime.of("retention_sweep").erasure_desk
        (run,) = sweep(desk)
        assert (run.due_before, run.deleted, run.due_after) == (1, 1, 0)
        assert world.due("erase") == [], "a sweep rings for nobody"
        world.clock.pass_(seconds=2)
        world.work("erase")
        assert world.value("SELECT count(*) FROM conversations") == 1
        assert world.value("SELECT count(*) FROM messages") == 1
        assert world.value("SELECT count(*) FROM contacts") == 2

    def test_one_in_which_somebody_writes_before_it_is_erased_stays(self, world: World, org: Org, line: Line):
        world.text(line, "hello")
        world.execute("UPDATE conversations SET last_message_at = last_message_at - interval '20 days'")
        choose(world, org, "conversations")
        desk = runtime.of("retention_sweep").erasure_desk
        (run,) = sweep(desk)
        assert run.deleted == 1
        world.clock.pass_(seconds=2)
        world.text(line, "is it still there?")
        world.work("erase")
        erasure = world.row("SELECT * FROM erasures")
        assert (erasure["state"], erasure["counts"]) == ("done", {})
        assert world.value("SELECT count(*) FROM messages") == 2
        assert world.value("SELECT count(*) FROM conversations WHERE contact_id IS NOT NULL") == 1
        assert list(desk.storage.list(org.id, "erasure_ledger")) == []
        assert list(desk.storage.list(HOUSE, "erasure_ledger")) == []

    def test_R7_handed_over_once(self, world: World, org: Org, line: Line):
        world.text(line, "hello")
        world.execute("UPDATE conversations SET last_message_at = last_message_at - interval '20 days'")
        choose(world, org, "conversations")
        desk = runtime.of("retention_sweep").erasure_desk
        for _ in range(3):
            sweep(desk)
            world.clock.pass_(hours=1)
        assert world.value("SELECT count(*) FROM erasures") == 1


class TestTime:
    def test_R5_out_of_time_it_says_what_is_left_and_goes_on_later(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker
    ):
        for _ in range(5):
            make("notes", world.clock.now - 20 * DAY)
        choose(world, org, "notes")
        left = iter([HOUR, HOUR, HOUR, timedelta(seconds=9)])
        (run,) = sweep(ErasureDesk(desk.db, desk.clock, desk.storage, HASHES, bite=1), lambda: next(left))
        assert (run.due_before, run.deleted, run.due_after) == (5, 2, 3)
        assert sweep(desk)[0].deleted == 3

    def test_who_waits_longest_comes_first(self, world: World, org: Org, desk: ErasureDesk, make: Maker):
        rival = Maker(world, world.organization("Rival"), desk)
        for maker in (make, rival):
            choose(world, maker.org, "notes")
            maker("notes", world.clock.now - 20 * DAY)
        first = sweep(desk, iter([HOUR, HOUR, HOUR, timedelta(0), timedelta(0)]).__next__)
        assert len(first) == 1
        world.clock.pass_(hours=1)
        second = sweep(desk)
        assert {run.organization_id for run in (*first, *second)} == {org.id, rival.org.id}

    def test_that_nothing_was_due_is_written_down_once_a_day(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker
    ):
        choose(world, org, "notes")
        for _ in range(30):
            sweep(desk)
            world.clock.pass_(hours=1)
        assert world.value("SELECT count(*) FROM retention_runs") == 2


class TestFiles:
    def test_the_file_goes_and_the_message_stays(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker
    ):
        media_id = make("media", world.clock.now - 20 * DAY)
        before = world.value("SELECT count(*) FROM messages")
        choose(world, org, "media")
        sweep(desk)
        assert desk.storage.find(key_of(org.id, media_id)) is None
        assert world.value("SELECT count(*) FROM messages") == before

    def test_R11_a_storage_that_is_away_loses_nothing_and_is_tried_again(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker
    ):
        media_id = make("media", world.clock.now - 20 * DAY)
        choose(world, org, "media")

        class Away(FolderStorage):
            def delete(self, key: Key) -> None:
                raise Unavailable("away", code="storage")

        assert isinstance(desk.storage, FolderStorage)
        with pytest.raises(Unavailable):
            sweep(ErasureDesk(desk.db, desk.clock, Away(desk.storage._root), HASHES))
        assert sweep(desk)[0].deleted == 1
        assert desk.storage.find(key_of(org.id, media_id)) is None
        assert world.rows("SELECT 1 FROM media") == []

    def test_one_organisation_that_fails_stops_no_other(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker
    ):
        rival = Maker(world, world.organization("Rival"), desk)
        make("media", world.clock.now - 20 * DAY)
        rival("notes", world.clock.now - 20 * DAY)
        choose(world, org, "media")
        choose(world, rival.org, "notes")

        class Away(FolderStorage):
            def delete(self, key: Key) -> None:
                raise Unavailable("away", code="storage")

        with pytest.raises(Unavailable):
            sweep(ErasureDesk(desk.db, desk.clock, Away(Path("/nowhere")), HASHES))
        assert ids(world, "notes") == set()


class TestDoor:
    def test_the_hourly_sweep_keeps_them_too(self, world: World, org: Org, line: Line):
        desk = runtime.of("retention_sweep").erasure_desk
        make = Maker(world, org, desk)
        make("media", world.clock.now - 20 * DAY)
        make("notes", world.clock.now - 20 * DAY)
        choose(world, org, "notes", media_days=DAYS)
        function = world.functions["retention_sweep"]
        told = function.handler()({}, Context(function))
        assert told["own"] == 2
        assert ids(world, "notes") == ids(world, "media") == set()

    def test_R11_a_window_of_the_policy_that_is_broken_stops_none_of_them(
        self, world: World, org: Org, desk: ErasureDesk, make: Maker, monkeypatch: pytest.MonkeyPatch
    ):
        make("notes", world.clock.now - 20 * DAY)
        choose(world, org, "notes")

        def broken(*_: Any, **__: Any) -> Any:
            raise Unavailable("The table is locked.", code="busy")

        monkeypatch.setattr(keep_windows, "sweep_delivery_log", broken)
        function = world.functions["retention_sweep"]
        with pytest.raises(Crash, match="busy"):
            function.handler()({}, Context(function))
        assert ids(world, "notes") == set()

    def test_a_dry_run_keeps_its_hands_off_them(self, world: World, org: Org, desk: ErasureDesk, make: Maker):
        make("notes", world.clock.now - 20 * DAY)
        choose(world, org, "notes")
        function = world.functions["retention_sweep"]
        assert function.handler()({"dry_run": True}, Context(function))["own"] == 0
        assert len(ids(world, "notes")) == 1

    def test_each_kind_can_be_swept(self):
        assert set(BITES) == set(KINDS) == {*TABLES, "conversations"}


class Killed(BaseException):
    """Nothing may catch a SIGKILL."""


class Dying:
    """A database whose user is killed in its n-th transaction, just before the commit."""

    def __init__(self, db: Database, last: int) -> None:
        self._db, self._left = db, last

    @contextmanager
    def across(self) -> Iterator[Tx]:
        with self._db.across() as tx:
            yield tx
            self._count()

    @contextmanager
    def tenant(self, organization_id: UUID) -> Iterator[Tx]:
        with self._db.tenant(organization_id) as tx:
            yield tx
            self._count()

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed
