"""Whose turn it is: the next of those whom an action is about, newest first."""

from uuid import UUID

from leadsrally.contacts import find, segments
from leadsrally.contacts.bulk.types import Action
from leadsrally.kit.db import Tx


def choose(tx: Tx, organization_id: UUID, action: Action, at_most: int) -> tuple[list[UUID], UUID | None]:
    """Some of them, and the place that is reached with them; None: these are the last.

    Of a condition that speaks of days, the day on which the action began counts. Raises `Invalid` when a condition
    asks about a field that exists no more.
    """
    before = action.place or find.NEWEST
    if action.contact_ids is not None:
        left = [one for one in action.contact_ids if one < before]
        return left[:at_most], left[at_most - 1] if len(left) > at_most else None
    condition = segments.condition_of(tx, organization_id, action.condition)
    return find.bite(tx, organization_id, condition, before=before, at_most=at_most, now=action.created_at)
