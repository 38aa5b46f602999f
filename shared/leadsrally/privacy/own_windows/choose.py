"""Choose windows of one's own: shorter than the policy's, seen before they are set, obeyed a day later."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid, Stale
from leadsrally.privacy.own_windows import store
from leadsrally.privacy.own_windows.kinds import DUE, KINDS, LONGEST_DAYS, PATIENCE, POLICY_DAYS, Kind, cutoff
from leadsrally.privacy.own_windows.store import Windows


def choose_windows(
    tx: Tx,
    organization_id: UUID,
    changes: Mapping[str, int | None],
    *,
    version: int,
    actor: Actor,
    now: datetime,
) -> Windows:
    """Set the windows that `changes` names (`messages_days` …; None gives one up), and leave the others.

    A shorter window is obeyed from a day later on, and then for everything that is due by it; until that moment it can
    be taken back and nothing has happened. While one waits the others wait with it. What is longer counts at once. The
    audit log says which were changed and to what. Raises `Invalid` for a window that is not shorter than the policy's,
    and `Stale` when they were changed since `version`.
    """
    refuse_longer(changes)
    present = store.windows(tx, organization_id)
    wanted = {f"{kind}_days": changes.get(f"{kind}_days", present.days(kind)) for kind in KINDS}
    waits = any(_shorter(wanted[f"{kind}_days"], present.days(kind)) for kind in KINDS)
    obeyed_from = now + PATIENCE if waits else (present.obeyed_from or now)
    chosen = store.set_windows(tx, organization_id, wanted, obeyed_from=obeyed_from, version=version, now=now)
    if chosen is None:
        raise Stale
    told = {name: str(days) if days else "policy" for name, days in changes.items()}
    target = ("organization", organization_id)
    audit.record(tx, organization_id, actor, "retention.changed", now=now, target=target, details=told)
    return chosen


def due_at_once(
    tx: Tx, organization_id: UUID, changes: Mapping[str, int | None], *, now: datetime
) -> dict[Kind, int]:
    """How many of each kind would go with these windows, were they obeyed now; 0 where there is none.

    Raises `Invalid` as `choose_windows` does.
    """
    refuse_longer(changes)
    present = store.windows(tx, organization_id)
    found: dict[Kind, int] = {}
    for kind in KINDS:
        days = changes.get(f"{kind}_days", present.days(kind))
        given = {"organization_id": organization_id, "cutoff": cutoff(days or 0, now)}
        found[kind] = tx.value(DUE[kind].count, given) if days else 0
    return found


def refuse_longer(changes: Mapping[str, int | None]) -> None:
    for kind in KINDS:
        days, most = changes.get(f"{kind}_days"), POLICY_DAYS.get(kind, LONGEST_DAYS + 1) - 1
        if days is not None and not 1 <= days <= most:
            raise Invalid(
                f"Choose between 1 and {most} days: a window of your own is shorter than the policy's.",
                code="window_too_long",
            )


def _shorter(wanted: int | None, present: int | None) -> bool:
    return wanted is not None and (present is None or wanted < present)
