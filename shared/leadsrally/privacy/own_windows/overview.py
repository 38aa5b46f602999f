"""Every window that a customer's data have, with what its last sweep came to and when the next one is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.privacy import store as sweeps
from leadsrally.privacy.own_windows import store
from leadsrally.privacy.own_windows.kinds import DUE, KINDS, LONGEST_DAYS, POLICY_DAYS, Kind
from leadsrally.privacy.own_windows.store import LastRun, Windows
from leadsrally.privacy.retention import WINDOWS, KeptBy
from leadsrally.privacy.store import LastSweep
from leadsrally.privacy.watch import SILENT_AFTER


@dataclass(frozen=True, slots=True)
class PolicyWindow:
    """A window of the policy. `kept_now` is None where no sweep of ours sees to it."""

    name: str
    clause: str
    what: str
    kept: str
    kept_by: KeptBy
    last_run: LastSweep | None
    oldest_at: datetime | None
    next_run_at: datetime | None
    kept_now: bool | None


@dataclass(frozen=True, slots=True)
class OwnWindow:
    """A kind of data for which a customer may choose a window; `days` is None when none is chosen."""

    kind: Kind
    clause: str
    days: int | None
    most_days: int
    oldest_at: datetime | None
    last_run: LastRun | None
    next_run_at: datetime | None


def overview(
    tx: Tx, organization_id: UUID, chosen: Windows, *, now: datetime
) -> tuple[list[PolicyWindow], list[OwnWindow]]:
    """The policy's windows in its order, then one's own."""
    swept = sweeps.last_sweeps(tx, [window.name for window in WINDOWS])
    runs = store.last_runs(tx, organization_id)
    return (
        [_of_policy(window, swept.get(window.name), now) for window in WINDOWS],
        [_own(tx, organization_id, kind, chosen, runs.get(kind), now) for kind in KINDS],
    )


def _of_policy(window: Any, last: LastSweep | None, now: datetime) -> PolicyWindow:
    swept = window.by == "sweep"
    well = last is not None and not last.due_after and now - last.finished_at <= SILENT_AFTER
    return PolicyWindow(
        name=window.name,
        clause=window.clause,
        what=window.what,
        kept=window.kept,
        kept_by=window.by,
        last_run=last,
        oldest_at=last.oldest_at if last else None,
        next_run_at=_next_hour(now) if swept else None,
        kept_now=well if swept else None,
    )


def _own(
    tx: Tx, organization_id: UUID, kind: Kind, chosen: Windows, last: LastRun | None, now: datetime
) -> OwnWindow:
    days = chosen.days(kind)
    begins = max(_next_hour(now), chosen.obeyed_from or now)
    return OwnWindow(
        kind=kind,
        clause=DUE[kind].clause,
        days=days,
        most_days=POLICY_DAYS.get(kind, LONGEST_DAYS + 1) - 1,
        oldest_at=tx.value(DUE[kind].oldest, {"organization_id": organization_id}),
        last_run=last,
        next_run_at=begins if days else None,
    )


def _next_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
