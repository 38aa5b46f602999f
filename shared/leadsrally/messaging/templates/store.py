"""Templates as they are written and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id
from leadsrally.messaging.templates.values import to_json
from leadsrally.messaging.types import Quality, TemplateCategory, TemplateNews, TemplateState


@dataclass(frozen=True, slots=True)
class Stored:
    """A template with what the last sync found. `form` is read with `templates.from_json`."""

    id: UUID
    waba_id: str
    name: str
    language: str
    category: TemplateCategory
    state: TemplateState
    reason: str | None
    quality: Quality
    form: dict[str, Any]
    created_at: datetime
    changed_at: datetime
    synced_at: datetime


_COLUMNS = """
SELECT t.id, t.waba_id, t.name, t.language, t.category, t.state, t.reason, t.quality, t.form, t.created_at,
       t.changed_at, t.synced_at
  FROM templates AS t
"""

_BY_ID = (
    _COLUMNS
    + """ WHERE t.organization_id = %(organization_id)s
   AND t.id = %(template_id)s
"""
)


def by_id(tx: Tx, organization_id: UUID, template_id: UUID) -> Stored | None:
    return tx.maybe(Stored, _BY_ID, {"organization_id": organization_id, "template_id": template_id})


_OF_NAME = (
    _COLUMNS
    + """ WHERE t.organization_id = %(organization_id)s
   AND t.waba_id = %(waba_id)s
   AND t.name = %(name)s
 ORDER BY t.language
"""
)


def of_name(tx: Tx, organization_id: UUID, waba_id: str, name: str) -> list[Stored]:
    """One template in all its languages and states."""
    return tx.all(Stored, _OF_NAME, {"organization_id": organization_id, "waba_id": waba_id, "name": name})


_NEWEST = (
    _COLUMNS
    + """ WHERE t.organization_id = %(organization_id)s
   AND (t.created_at, t.id) < (%(before)s, %(before_id)s)
   AND (%(waba_id)s::text IS NULL OR t.waba_id = %(waba_id)s)
   AND (%(state)s::text IS NULL OR t.state = %(state)s)
 ORDER BY t.created_at DESC, t.id DESC
 LIMIT %(limit)s
"""
)


def newest(
    tx: Tx,
    organization_id: UUID,
    *,
    waba_id: str | None,
    state: TemplateState | None,
    before: datetime,
    before_id: UUID,
    limit: int,
) -> list[Stored]:
    """A page of the list, newest first, after the given place (keyset)."""
    return tx.all(
        Stored,
        _NEWEST,
        {
            "organization_id": organization_id,
            "waba_id": waba_id,
            "state": state,
            "before": before,
            "before_id": before_id,
            "limit": limit,
        },
    )


_USABLE = """
SELECT name || ' (' || language || ')'
  FROM templates
 WHERE organization_id = %(organization_id)s
   AND waba_id = %(waba_id)s
   AND state = 'approved'
   AND category <> 'authentication'
 ORDER BY category DESC, name, language
 LIMIT %(limit)s
"""


def usable_names(tx: Tx, organization_id: UUID, waba_id: str, *, limit: int) -> list[str]:
    """Approved templates by name and language, useful ones first: to be offered where free text does not go."""
    return tx.values(_USABLE, {"organization_id": organization_id, "waba_id": waba_id, "limit": limit})


@dataclass(frozen=True, slots=True)
class Written:
    """A template as it stands now, and what was known of it before; None: nothing."""

    id: UUID
    state: TemplateState
    category: TemplateCategory
    earlier_state: TemplateState | None
    earlier_category: TemplateCategory | None


# `before` reads the snapshot of the statement, so it shows what stood there, whichever part runs first.
_WRITE = """
WITH given AS (
    SELECT g.*
      FROM unnest(%(ids)s::uuid[], %(provider_ids)s::text[], %(names)s::text[], %(languages)s::text[],
                  %(categories)s::text[], %(states)s::text[], %(reasons)s::text[], %(qualities)s::text[],
                  %(forms)s::jsonb[])
           AS g (id, provider_id, name, language, category, state, reason, quality, form)
),
before AS (
    SELECT t.id, t.name, t.language, t.state, t.category
      FROM templates AS t
      JOIN given USING (name, language)
     WHERE t.organization_id = %(organization_id)s
       AND t.waba_id = %(waba_id)s
),
written AS (
    INSERT INTO templates AS t (
        organization_id, id, waba_id, provider_id, name, language, category, state, reason, quality, form,
        created_at, changed_at, synced_at
    )
    SELECT %(organization_id)s, id, %(waba_id)s, provider_id, name, language, category, state, reason, quality,
           form, %(now)s, %(now)s, %(now)s
      FROM given
     ORDER BY name, language
    ON CONFLICT (organization_id, waba_id, name, language)
    DO UPDATE SET provider_id = excluded.provider_id,
                  category = excluded.category,
                  state = excluded.state,
                  reason = excluded.reason,
                  quality = excluded.quality,
                  form = excluded.form,
                  changed_at = CASE WHEN (t.category, t.state, t.form)
                                         IS DISTINCT FROM (excluded.category, excluded.state, excluded.form)
                                    THEN excluded.changed_at ELSE t.changed_at END,
                  synced_at = excluded.synced_at
    RETURNING id, name, language, state, category
)
SELECT written.id, written.state, written.category, before.state AS earlier_state,
       before.category AS earlier_category
  FROM written
  LEFT JOIN before USING (name, language)
"""


def write(
    tx: Tx, organization_id: UUID, waba_id: str, news: Sequence[TemplateNews], *, now: datetime
) -> list[Written]:
    """Write what the provider has; returns it with what stood there before."""
    return tx.all(
        Written,
        _WRITE,
        {
            "organization_id": organization_id,
            "waba_id": waba_id,
            "ids": [new_id(now) for _ in news],
            "provider_ids": [one.provider_id for one in news],
            "names": [one.name for one in news],
            "languages": [one.language for one in news],
            "categories": [one.category for one in news],
            "states": [one.state for one in news],
            "reasons": [one.reason for one in news],
            "qualities": [one.quality for one in news],
            "forms": [Jsonb(to_json(one.form)) for one in news],
            "now": now,
        },
    )


@dataclass(frozen=True, slots=True)
class Gone:
    id: UUID
    was_usable: bool


_MISSING = """
WITH gone AS (
    SELECT id, state
      FROM templates
     WHERE organization_id = %(organization_id)s
       AND waba_id = %(waba_id)s
       AND id <> ALL (%(present)s::uuid[])
       AND state <> 'deleted'
       FOR UPDATE
)
UPDATE templates AS t
   SET state = 'deleted', reason = NULL, changed_at = %(now)s, synced_at = %(now)s
  FROM gone
 WHERE t.organization_id = %(organization_id)s
   AND t.id = gone.id
RETURNING t.id, gone.state = 'approved' AS was_usable
"""


def mark_missing(
    tx: Tx, organization_id: UUID, waba_id: str, present: Sequence[UUID], *, now: datetime
) -> list[Gone]:
    """What the provider has no more stays here as deleted, since messages were made from it."""
    return tx.all(
        Gone,
        _MISSING,
        {"organization_id": organization_id, "waba_id": waba_id, "present": list(present), "now": now},
    )


_STOP = """
UPDATE templates
   SET state = %(state)s, reason = NULL, changed_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = (SELECT template_id
               FROM messages
              WHERE organization_id = %(organization_id)s
                AND id = %(message_id)s)
   AND state = 'approved'
RETURNING id
"""


def stop_template_of(
    tx: Tx, organization_id: UUID, message_id: UUID, state: TemplateState, *, now: datetime
) -> UUID | None:
    """A refusal says what became of the template that a message was made from; None: it was known, or there is none."""
    return tx.value(
        _STOP, {"organization_id": organization_id, "message_id": message_id, "state": state, "now": now}
    )


@dataclass(frozen=True, slots=True)
class Account:
    """The WhatsApp account of an active channel, with what signs in to it, sealed."""

    channel_id: UUID
    waba_id: str
    credentials: bytes


_ACCOUNT = """
SELECT id AS channel_id, waba_id, credentials
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND kind = 'whatsapp'
   AND state = 'active'
"""


def account_of(tx: Tx, organization_id: UUID, channel_id: UUID) -> Account | None:
    return tx.maybe(Account, _ACCOUNT, {"organization_id": organization_id, "channel_id": channel_id})


@dataclass(frozen=True, slots=True)
class _Place:
    organization_id: UUID
    channel_id: UUID


_EVERY_ACCOUNT = """
SELECT organization_id, channel_id FROM whatsapp_accounts()
"""


def every_account(tx: Tx) -> list[tuple[UUID, UUID]]:
    """Each account of all organisations, by one active channel of it."""
    return [(place.organization_id, place.channel_id) for place in tx.all(_Place, _EVERY_ACCOUNT, {})]


_CHANNEL_OF_ACCOUNT = """
SELECT id
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND waba_id = %(waba_id)s
   AND state = 'active'
 ORDER BY id
 LIMIT 1
"""


def channel_of_account(tx: Tx, organization_id: UUID, waba_id: str) -> UUID | None:
    return tx.value(_CHANNEL_OF_ACCOUNT, {"organization_id": organization_id, "waba_id": waba_id})


_IS_WHATSAPP = """
SELECT EXISTS (
    SELECT 1
      FROM channels
     WHERE organization_id = %(organization_id)s
       AND id = %(channel_id)s
       AND kind = 'whatsapp'
       AND state = 'active'
)
"""


def is_whatsapp(tx: Tx, organization_id: UUID, channel_id: UUID) -> bool:
    return tx.value(_IS_WHATSAPP, {"organization_id": organization_id, "channel_id": channel_id})
