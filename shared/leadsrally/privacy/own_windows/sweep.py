"""Keep customers' own windows: one organisation after the other, none stopped by another, in bites."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.kit.ids import new_id
from leadsrally.privacy import store as sweeps
from leadsrally.privacy.erasure.erase_messages import ErasureDesk
from leadsrally.privacy.own_windows import store
from leadsrally.privacy.own_windows.bites import BITES, Window
from leadsrally.privacy.own_windows.kinds import DUE, Kind, cutoff
from leadsrally.telemetry import log

MARGIN: Final = timedelta(seconds=20)  # for a bite with its files
_WRITTEN_DOWN: Final = timedelta(hours=23)
TimeLeft = Callable[[], timedelta]


@dataclass(frozen=True, slots=True)
class OwnRun:
    """What the sweep of one kind of one organisation came to. `due_after` is 0 unless there was not time for all."""

    organization_id: UUID
    kind: Kind
    due_before: int
    deleted: int
    due_after: int


def sweep_own_windows(desk: ErasureDesk, *, time_left: TimeLeft) -> list[OwnRun]:
    """Delete what is due by the windows that customers have chosen, those who wait longest for it first.

    Of our clock and the database's the slower one decides. Interrupted, it leaves runs without an end, and the next one
    goes on; two at once are harmless. A window that is changed meanwhile stops its sweep at the next bite. What was not
    finished for want of time is due again in an hour. Raises the first error when all have had their turn.
    """
    with desk.db.across() as tx:
        now = min(desk.clock(), sweeps.database_time(tx))
        waiting = store.waiting(tx, now)
    runs: list[OwnRun] = []
    errors: list[Exception] = []
    for organization_id in waiting:
        if time_left() < MARGIN:
            log.warning("own_windows.out_of_time")
            break
        try:
            runs += _sweep_organization(desk, organization_id, now, time_left)
        except Exception as error:  # noqa: BLE001  raised below
            log.error("own_windows.failed", error=error)
            errors.append(error)
    if errors:
        raise errors[0]
    return runs


def _sweep_organization(
    desk: ErasureDesk, organization_id: UUID, now: datetime, time_left: TimeLeft
) -> list[OwnRun]:
    with desk.db.tenant(organization_id) as tx:
        chosen = store.windows(tx, organization_id)
    if not chosen.obeyed(now):  # changed since it was listed: there is a day to take it back
        return []
    windows = [
        Window(organization_id, kind, days, cutoff(days, now), now)
        for kind, days in chosen.set_kinds().items()
    ]
    return [run for window in windows if (run := _sweep(desk, window, time_left))]


def _sweep(desk: ErasureDesk, window: Window, time_left: TimeLeft) -> OwnRun | None:
    """None when nothing was due, which is written down once a day."""
    organization_id, kind = window.organization_id, window.kind
    given = {"organization_id": organization_id, "cutoff": window.cutoff}
    started_at = desk.clock()
    run_id = new_id(started_at)
    with desk.db.tenant(organization_id) as tx:
        due_before: int = tx.value(DUE[kind].count, given)
        last = store.last_runs(tx, organization_id).get(kind)
        if due_before == 0 and last and not last.due_after and started_at - last.started_at < _WRITTEN_DOWN:
            return None
        store.begin_run(
            tx, organization_id, run_id, kind, cutoff=window.cutoff, due_before=due_before, now=started_at
        )
    deleted = 0
    while time_left() >= MARGIN:
        gone = BITES[kind](desk, window)
        deleted += gone
        if gone == 0:
            break
    with desk.db.tenant(organization_id) as tx:
        due_after: int = tx.value(DUE[kind].count, given)
        store.end_run(tx, organization_id, run_id, deleted=deleted, due_after=due_after, now=desk.clock())
    log.info("own_window.swept", kind=kind, due_before=due_before, deleted=deleted, due_after=due_after)
    return OwnRun(organization_id, kind, due_before, deleted, due_after)
