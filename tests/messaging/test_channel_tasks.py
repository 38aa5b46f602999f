"""What holds for every task at a provider: no transaction waits for it, a lost worker's is done by the next."""

from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import CheckViolation

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.errors import Conflict, NotFound, Unavailable
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels.ask_provider import SealedAccount, ask_provider
from leadsrally.messaging.channels.directory import task_context
from leadsrally.messaging.types import NumberWanted
from leadsrally.providers.twilio.signature import TwilioCredentials
from tests.switchboard import FREE, Switchboard
from tests.world import Line, World

NEW = "n" * 32
BUSY = """
SELECT state, query FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


def ask(world: World, line: Line, kind: Any) -> UUID:
    """A task of this kind for the channel, with what it needs."""
    now, organization_id = world.clock.now, line.organization_id
    brought = None
    if kind == "replace":
        task_id = new_id(now)
        document = TwilioCredentials(line.account_sid, (NEW,)).to_json()
        sealed = world.vault.seal(document, task_context(organization_id, task_id))
        brought = SealedAccount(task_id, line.account_sid, sealed)
    with runtime.of("api").db.tenant(organization_id) as tx:
        return ask_provider(
            tx,
            organization_id,
            kind,
            line.id,
            brought,
            actor=SYSTEM,
            now=now,
            number=FREE if kind == "buy" else None,
            wanted=NumberWanted("US", "local") if kind == "search" else None,
        )


KINDS = ["test", "configure", "replace", "search", "buy", "release"]


@pytest.fixture
def board(switchboard: Switchboard, line: Line) -> Switchboard:
    switchboard.of(line).secondary_token = NEW
    return switchboard


@pytest.mark.parametrize("kind", KINDS)
def test_no_transaction_is_open_while_the_provider_is_asked(
    world: World, line: Line, board: Switchboard, kind: str
):
    seen: list[list[dict[str, Any]]] = []
    board.looks.append(lambda: seen.append(world.rows(BUSY)))
    task = ask(world, line, kind)
    board.work()
    assert board.task(task)["state"] == "done"
    assert len(seen) >= 1
    assert not any(seen), seen


@pytest.mark.parametrize("kind", KINDS)
def test_E8_a_task_of_a_channel_that_was_disconnected_meanwhile_reaches_nobody(
    world: World, line: Line, board: Switchboard, kind: str
):
    task = ask(world, line, kind)
    world.execute("UPDATE channels SET state = 'disconnected', credentials = NULL")
    board.work()
    assert (board.task(task)["state"], board.task(task)["failure"]) == ("failed", "channel_disconnected")
    assert board.log() == []


@pytest.mark.parametrize("kind", ["test", "configure", "replace", "search", "release"])
def test_Q6_done_twice_it_is_done_once(world: World, line: Line, board: Switchboard, kind: str):
    """The worker is lost after the work and before the record: the next one does it again, to the same end."""
    task = ask(world, line, kind)
    board.work()
    first = board.task(task)
    world.execute(
        "UPDATE channel_tasks SET state = 'waiting', finished_at = NULL, result = NULL WHERE id = %(id)s",
        id=task,
    )
    with runtime.of("api").db.tenant(line.organization_id) as tx:
        enqueue(tx, line.organization_id, "manage_channel", kind, {"task_id": str(task)}, now=world.clock.now)
    board.work()
    second = board.task(task)
    if kind in ("replace", "release"):  # the secret, or the connection, went with the first time
        assert second["state"] == "failed"
    else:
        assert (second["state"], second["result"]) == (first["state"], first["result"])
    replaced = "SELECT count(*) FROM audit_log WHERE action = 'channel.credentials_replaced'"
    assert world.value(replaced) == (1 if kind == "replace" else 0)


def test_an_error_nobody_expected_fails_the_task_with_its_last_try(
    world: World, line: Line, board: Switchboard, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_given: Any) -> Any:
        raise ZeroDivisionError

    task = ask(world, line, "replace")
    monkeypatch.setattr(runtime.of("manage_channel").workbench.provider, "account", broken)
    for _ in range(4):
        board.work()
        assert board.task(task)["state"] == "waiting"
        world.clock.pass_(minutes=2)
    board.work()
    row = board.task(task)
    assert (row["state"], row["failure"], row["secret"]) == ("failed", "broken", None)
    assert world.value("SELECT state FROM jobs") == "dead"


def test_a_database_that_is_away_is_no_failure_of_the_task(
    world: World, line: Line, board: Switchboard, monkeypatch: pytest.MonkeyPatch
):
    genuine, left = channel_store.note_checks, iter([True])

    def lost(*given: Any, **named: Any) -> None:
        if next(left, False):
            raise Unavailable("The database is not reachable.", code="database")
        genuine(*given, **named)

    monkeypatch.setattr(channel_store, "note_checks", lost)
    task = ask(world, line, "test")
    board.work()
    assert board.task(task)["state"] == "waiting"
    world.clock.pass_(minutes=1)
    board.work()
    assert board.task(task)["state"] == "done"


def test_tasks_of_one_channel_are_done_one_after_another(world: World, line: Line, board: Switchboard):
    tasks = [ask(world, line, kind) for kind in ("configure", "test", "replace")]
    assert len(world.due("manage_channel")) == 1
    board.work()
    assert {board.task(task)["state"] for task in tasks} == {"done"}


def test_what_is_no_number_at_twilio_cannot_be_given_back_there(world: World, line: Line, board: Switchboard):
    for channel in (world.whatsapp_line, world.lead_page):
        made = channel(world.organization("Other"))
        with (
            runtime.of("api").db.tenant(made.organization_id) as tx,
            pytest.raises(NotFound),
        ):
            ask_provider(tx, made.organization_id, "release", made.id, actor=SYSTEM, now=world.clock.now)


def test_a_secret_cannot_outlive_its_task(world: World, line: Line, board: Switchboard):
    """Held by the table itself, whatever forgets to forget."""
    task = ask(world, line, "replace")
    with pytest.raises(CheckViolation):
        world.execute(
            "UPDATE channel_tasks SET state = 'done', finished_at = now() WHERE id = %(id)s", id=task
        )


def test_a_number_is_ordered_by_one_task_at_a_time(world: World, line: Line, board: Switchboard):
    ask(world, line, "buy")
    with pytest.raises(Conflict):
        ask(world, line, "buy")
    other = world.line(world.organization("Rival"))
    ask(world, other, "buy")  # T9: each tenant for itself
