"""What a customer does with a bulk action that has begun: stop it, or take it back."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.contacts.bulk import store
from leadsrally.contacts.bulk.desk import UNDO_FOR, ask, promise_to_forget
from leadsrally.contacts.bulk.types import Action, Kind, State
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound

NOT_UNDOABLE: Final[dict[Kind, str]] = {
    "export": "A file that was written cannot be taken back.",
    "erase": "Who is erased is erased for good.",
}
# What a failed one did before it failed stays, and is counted.
_OVER: Final[tuple[State, ...]] = ("done", "cancelled", "failed")


def action(tx: Tx, organization_id: UUID, action_id: UUID) -> Action:
    """Raises `NotFound`."""
    found = store.one(tx, organization_id, action_id)
    if found is None:
        raise _no_such_action()
    return found


def cancel(tx: Tx, organization_id: UUID, action_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Stop it where it is. What is committed stays, is counted, and can be undone, but for erasures.

    Raises `NotFound`, and `Conflict` when it is at its end.
    """
    found = _in(tx, organization_id, action_id, ("running",))
    store.move(tx, organization_id, action_id, ["running"], "cancelled", now=now)
    kept_for = timedelta(0) if found.kind == "erase" else UNDO_FOR
    promise_to_forget(tx, organization_id, action_id, now=now, delay=kept_for)
    _record(tx, organization_id, action_id, "bulk_action.cancelled", actor, now)


def undo(tx: Tx, organization_id: UUID, action_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Have it undone.

    Raises `NotFound`, and `Conflict` for a file, for an erasure, and more than 24 hours after the beginning.
    """
    found = _in(tx, organization_id, action_id, _OVER)
    if found.kind in NOT_UNDOABLE:
        raise Conflict(NOT_UNDOABLE[found.kind], code="not_undoable")
    if now >= found.created_at + UNDO_FOR:
        raise Conflict("A bulk action can be undone for 24 hours from its start.", code="too_late_to_undo")
    store.move(tx, organization_id, action_id, _OVER, "undoing", now=now)
    ask(tx, organization_id, "undo", action_id, now=now)
    _record(tx, organization_id, action_id, "bulk_action.undone", actor, now)


def _in(tx: Tx, organization_id: UUID, action_id: UUID, states: Collection[State]) -> Action:
    found = store.locked(tx, organization_id, action_id)
    if found is None:
        raise _no_such_action()
    if found.state not in states:
        raise Conflict(_NOT_NOW[found.state], code=f"bulk_action_{found.state}")
    return found


_NOT_NOW: Final[dict[State, str]] = {
    "running": "It is running. Try again when it is done, or cancel it.",
    "done": "It is done already.",
    "cancelled": "It was cancelled already.",
    "failed": "It could not be done. Begin a new one.",
    "undoing": "It is being undone.",
    "undone": "It was undone already.",
}


def _no_such_action() -> NotFound:
    return NotFound("There is no such bulk action.", code="bulk_action_not_found")


def _record(
    tx: Tx, organization_id: UUID, action_id: UUID, what: audit.AuditAction, actor: Actor, now: datetime
) -> None:
    audit.record(tx, organization_id, actor, what, now=now, target=("bulk_action", action_id))
