"""A customer's own windows, and the history of their sweeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.kit.db import Tx, statement
from leadsrally.privacy.own_windows.kinds import KINDS, Kind


@dataclass(frozen=True, slots=True)
class Windows:
    """Days, by kind; None: as the policy says. `obeyed_from` is None when none was ever set."""

    messages_days: int | None
    conversations_days: int | None
    leads_days: int | None
    notes_days: int | None
    media_days: int | None
    delivery_log_days: int | None
    obeyed_from: datetime | None
    version: int

    def days(self, kind: Kind) -> int | None:
        return getattr(self, f"{kind}_days")

    def obeyed(self, now: datetime) -> bool:
        """Whether the day in which they could be taken back is over."""
        return self.obeyed_from is not None and self.obeyed_from <= now

    def set_kinds(self) -> Mapping[Kind, int]:
        """Those that have a window of their own."""
        return {kind: days for kind in KINDS if (days := self.days(kind)) is not None}


NONE = Windows(None, None, None, None, None, None, None, version=1)

_ONE = """
SELECT messages_days, conversations_days, leads_days, notes_days, media_days, delivery_log_days, obeyed_from, version
  FROM retention_windows
 WHERE organization_id = %(organization_id)s
"""


def windows(tx: Tx, organization_id: UUID) -> Windows:
    return tx.maybe(Windows, _ONE, {"organization_id": organization_id}) or NONE


# Whoever has none yet has the first version of it.
_SET = """
INSERT INTO retention_windows AS w (
    organization_id, messages_days, conversations_days, leads_days, notes_days, media_days, delivery_log_days,
    obeyed_from, version, changed_at
)
SELECT %(organization_id)s, %(messages_days)s, %(conversations_days)s, %(leads_days)s, %(notes_days)s,
       %(media_days)s, %(delivery_log_days)s, %(obeyed_from)s, 2, %(now)s
 WHERE %(version)s = coalesce(
    (SELECT version FROM retention_windows WHERE organization_id = %(organization_id)s), 1)
    ON CONFLICT (organization_id) DO UPDATE
   SET messages_days = excluded.messages_days,
       conversations_days = excluded.conversations_days,
       leads_days = excluded.leads_days,
       notes_days = excluded.notes_days,
       media_days = excluded.media_days,
       delivery_log_days = excluded.delivery_log_days,
       obeyed_from = excluded.obeyed_from,
       version = w.version + 1,
       changed_at = excluded.changed_at
 WHERE w.version = %(version)s
RETURNING messages_days, conversations_days, leads_days, notes_days, media_days, delivery_log_days, obeyed_from,
          version
"""


def set_windows(
    tx: Tx,
    organization_id: UUID,
    days: Mapping[str, int | None],
    *,
    obeyed_from: datetime,
    version: int,
    now: datetime,
) -> Windows | None:
    """Write all of them; None when they were changed since `version`."""
    given: dict[str, Any] = {f"{kind}_days": days[f"{kind}_days"] for kind in KINDS}
    return tx.maybe(
        Windows,
        _SET,
        {
            **given,
            "organization_id": organization_id,
            "obeyed_from": obeyed_from,
            "version": version,
            "now": now,
        },
    )


_BEGIN_RUN = """
INSERT INTO retention_runs (organization_id, id, kind, cutoff, due_before, started_at)
VALUES (%(organization_id)s, %(id)s, %(kind)s, %(cutoff)s, %(due_before)s, %(now)s)
"""


def begin_run(
    tx: Tx,
    organization_id: UUID,
    run_id: UUID,
    kind: Kind,
    *,
    cutoff: datetime,
    due_before: int,
    now: datetime,
) -> None:
    tx.run(
        _BEGIN_RUN,
        {
            "organization_id": organization_id,
            "id": run_id,
            "kind": kind,
            "cutoff": cutoff,
            "due_before": due_before,
            "now": now,
        },
    )


_END_RUN = """
UPDATE retention_runs
   SET deleted = %(deleted)s, due_after = %(due_after)s, finished_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""


def end_run(
    tx: Tx, organization_id: UUID, run_id: UUID, *, deleted: int, due_after: int, now: datetime
) -> None:
    tx.run(
        _END_RUN,
        {
            "organization_id": organization_id,
            "id": run_id,
            "deleted": deleted,
            "due_after": due_after,
            "now": now,
        },
    )


# Runs of the policy's windows serve all customers at once; dry ones are the operator's.
_HISTORY = """
SELECT id, scope, name, cutoff, due_before, deleted, due_after, started_at, finished_at
  FROM (
    (SELECT id, 'policy' AS scope, rule AS name, cutoff, due_before, deleted, due_after, started_at, finished_at
       FROM sweep_runs
      WHERE NOT dry_run
        AND (started_at, id) < (%(before)s, %(before_id)s)
      ORDER BY started_at DESC, id DESC
      LIMIT %(limit)s)
    UNION ALL
    (SELECT id, 'own', kind, cutoff, due_before, deleted, due_after, started_at, finished_at
       FROM retention_runs
      WHERE organization_id = %(organization_id)s
        AND (started_at, id) < (%(before)s, %(before_id)s)
      ORDER BY started_at DESC, id DESC
      LIMIT %(limit)s)
 ) AS run
 ORDER BY started_at DESC, id DESC
 LIMIT %(limit)s
"""


def history(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """Sweeps of the policy's windows and of one's own, newest first, after the given place (keyset)."""
    return tx.dicts(
        _HISTORY,
        {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit},
    )


@dataclass(frozen=True, slots=True)
class LastRun:
    name: str
    due_before: int
    deleted: int
    due_after: int | None
    started_at: datetime
    finished_at: datetime | None


_LAST_OWN = """
SELECT DISTINCT ON (kind) kind AS name, due_before, deleted, due_after, started_at, finished_at
  FROM retention_runs
 WHERE organization_id = %(organization_id)s
 ORDER BY kind, started_at DESC, id DESC
"""


def last_runs(tx: Tx, organization_id: UUID) -> dict[str, LastRun]:
    """The newest run of each of one's own windows, by its kind."""
    return {run.name: run for run in tx.all(LastRun, _LAST_OWN, {"organization_id": organization_id})}


# Those whose last sweep is longest ago first, so that a large one starves nobody.
_WAITING = """
SELECT w.organization_id
  FROM retention_windows AS w
 WHERE w.obeyed_from <= %(now)s
 ORDER BY (SELECT max(r.started_at) FROM retention_runs AS r WHERE r.organization_id = w.organization_id) NULLS FIRST,
          w.organization_id
"""


def waiting(tx: Tx, now: datetime) -> list[UUID]:
    """Every organisation, of all tenants, whose own windows are obeyed at `now`."""
    return tx.values(_WAITING, {"now": now})


def stands(tx: Tx, organization_id: UUID, kind: Kind, days: int, now: datetime) -> bool:
    """Whether this is still the window and obeyed at `now`. It cannot be changed before the transaction is over."""
    chosen = tx.maybe(Windows, statement(_ONE, " FOR SHARE"), {"organization_id": organization_id})
    return chosen is not None and chosen.obeyed(now) and chosen.days(kind) == days
