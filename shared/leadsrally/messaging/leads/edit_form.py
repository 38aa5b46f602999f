"""What a customer sets for a form: where answers go, what its checkboxes mean, whose numbers these are, what to answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.places import refuse_unknown_country
from leadsrally.contacts.fields import definitions
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import NotFound, Stale
from leadsrally.messaging.leads import form_store, mapping
from leadsrally.messaging.leads.first_message import FirstMessage, check_first_message
from leadsrally.messaging.preview import GAPS


def edit_form(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    form_id: UUID,
    version: int,
    *,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    """Change what is given of `mapping`, `consents`, `country` and `first_message`; for leads that come from now on.

    Questions that are left out of a mapping go nowhere. Raises `NotFound`, `Invalid` for a question, a checkbox, a
    target or a country that there is not, what `check_first_message` raises, and `Stale` when somebody else was quicker.
    """
    form = form_store.by_id(tx, organization_id, form_id)
    if form is None or form.channel_id != channel_id:
        raise no_form()
    wanted, agreed = changes.get("mapping", form.mapping), changes.get("consents", form.consents)
    country: str | None = changes.get("country", form.country)
    if country is not None:
        refuse_unknown_country(country)
    first: Mapping[str, Any] | None = changes.get("first_message", form.first_message)
    legal = form.legal()
    boxes = [] if legal is None else [box.key for box in legal.checkboxes]
    fields = definitions(tx, organization_id)
    mapping.check([one.key for one in form.asked()], wanted, boxes, agreed, fields)
    if first is not None and "first_message" in changes:
        message = FirstMessage.from_json(first)
        check_first_message(tx, organization_id, message, frozenset({*GAPS, *fields}))
        first = message.as_json()
    changed = form_store.edit(
        tx,
        organization_id,
        form_id,
        version=version,
        mapping=wanted,
        consents=agreed,
        country=country,
        first_message=first,
    )
    if not changed:
        raise Stale
    audit.record(tx, organization_id, actor, "lead_form.edited", now=now, target=("lead_form", form_id))


def no_form() -> NotFound:
    return NotFound("There is no such form.", code="form_not_found")
