"""Erase many people: each with an erasure of their own, as if they had been asked for alone (docs/decisions/0035).

Some hundred to a commit, with how far it is. So a worker that takes over after a death asks for nobody twice and
forgets nobody. It goes on as those before are erased: whoever cancels it stops it within a thousand people.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

from leadsrally.accounts.audit import Actor
from leadsrally.contacts.bulk import store
from leadsrally.contacts.bulk.choose import choose
from leadsrally.contacts.bulk.desk import GOES_ON, MARGIN, BulkDesk, TimeLeft
from leadsrally.contacts.bulk.types import Action, Counts
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid
from leadsrally.privacy.erasure.request import request_erasure
from leadsrally.telemetry import log

AT_WORK: Final = 1_000  # erasures of one action that may be under way
_BITE: Final = 200  # people to a commit
_ALL_ASKED: Final = UUID(int=0)  # the place behind everybody
_WAITS: Final = Later(timedelta(seconds=10), "being_erased")
# Not rung for: a worker rings for its own queue only, and the tick finds the job within a minute.
_UNRUNG: Final = timedelta(seconds=1)


def erase_many(desk: BulkDesk, job: Job, time_left: TimeLeft) -> Result:
    """Go as far as the time allows, and no further than those before are erased; done when all of them are."""
    organization_id, action_id = job.organization_id, UUID(job.payload["action_id"])
    try:
        while (over := _bite(desk, organization_id, action_id)) is None:
            if time_left() < MARGIN:
                return GOES_ON
    except Invalid as unfit:
        with desk.db.tenant(organization_id) as tx:
            _fail(tx, organization_id, action_id, unfit.code, desk.clock())
        return Done()
    return over


def _bite(desk: BulkDesk, organization_id: UUID, action_id: UUID) -> Result | None:
    """Ask for the next erasures, in one transaction. None: go on."""
    with desk.db.tenant(organization_id) as tx:
        action = store.locked(tx, organization_id, action_id)
        if action is None or action.state != "running":
            return Done()
        now = desk.clock()
        under_way = _under_way(tx, organization_id, action)
        if action.place == _ALL_ASKED and not under_way:
            store.move(tx, organization_id, action_id, ["running"], "done", now=now)
            store.forget(tx, organization_id, action_id, now=now)  # there is no undoing that it is kept for
            log.info("bulk_action.done", action_id=action_id, count=action.counted.contacts)
            return Done()
        if action.place == _ALL_ASKED or under_way >= AT_WORK:
            return _WAITS
        ids, place = choose(tx, organization_id, action, min(desk.bite, _BITE, AT_WORK - under_way))
        here = tx.dicts(_FOUND, {"organization_id": organization_id, "ids": ids})
        free: list[UUID] = [row["id"] for row in here if not row["restricted"]]
        if action.counted.changed + len(free) > action.expected:
            _fail(tx, organization_id, action_id, "more_than_confirmed", now)
            return Done()
        asked = _ask(tx, organization_id, action, free, now)
        counts = Counts(
            changed=asked,
            unchanged=len(free) - asked,
            restricted=len(here) - len(free),
            missing=len(ids) - len(here),
        )
        place = place or _ALL_ASKED
        store.advance(tx, organization_id, action_id, place=place, counts=action.counted + counts, now=now)
    return None


# Restricted are also those who are being erased: whoever asked for that comes first.
_FOUND: LiteralString = """
SELECT id, restricted_at IS NOT NULL AS restricted
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s::uuid[])
 ORDER BY id
   FOR NO KEY UPDATE
"""


def _ask(tx: Tx, organization_id: UUID, action: Action, ids: Sequence[UUID], now: datetime) -> int:
    """Returns for how many; the others are being erased already."""
    if action.actor_id is None:
        raise RuntimeError("only a person may have asked for this")
    actor, asked = Actor(action.actor_kind, action.actor_id), 0
    given: dict[str, Any] = {"requested_by": action.actor_id, "now": now, "delay": _UNRUNG}
    for contact_id in ids:
        with suppress(Conflict):
            request_erasure(tx, organization_id, actor, "contact", contact_id, **given)
            asked += 1
    return asked


# Of the same person since it began. Some of those may have been asked for one by one: it waits for them as well.
_UNDER_WAY: LiteralString = """
SELECT count(*)
  FROM erasures
 WHERE organization_id = %(organization_id)s
   AND state <> 'done'
   AND requested_by = %(actor_id)s
   AND requested_at >= %(since)s
"""


def _under_way(tx: Tx, organization_id: UUID, action: Action) -> int:
    given = {"actor_id": action.actor_id, "since": action.created_at}
    return tx.value(_UNDER_WAY, {"organization_id": organization_id, **given})


def _fail(tx: Tx, organization_id: UUID, action_id: UUID, reason: str, now: datetime) -> None:
    store.fail(tx, organization_id, action_id, reason, now=now)
    store.forget(tx, organization_id, action_id, now=now)
    log.info("bulk_action.failed", action_id=action_id, reason=reason)
