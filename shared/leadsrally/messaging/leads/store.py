"""Leads, as they are written."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx
from leadsrally.messaging.leads.types import FoundBy, Lead, State, Word
from leadsrally.messaging.types import Channel

TRIES: Final = 20  # the pauses between them come to about eleven hours

# One statement for all leads that a delivery tells of, so that they are written with their jobs or not at all.
# `channel` yields no row when the channel that was called is no longer what was kept; `receipt` yields none for a
# lead that was told of before. A lead of a page that is no channel of the organisation gets no job.
_TAKE_WORDS = """
WITH channel AS MATERIALIZED (
    SELECT id
      FROM channels
     WHERE organization_id = %(organization_id)s
       AND id = %(channel_id)s
       AND state = 'active'
       AND credentials_version = %(credentials_version)s
),
given AS (
    SELECT g.*, p.id AS page_channel_id
      FROM channel
     CROSS JOIN unnest(%(ids)s::uuid[], %(job_ids)s::uuid[], %(hashes)s::bytea[], %(lead_ids)s::text[],
                       %(form_ids)s::text[], %(page_ids)s::text[], %(ad_ids)s::text[],
                       %(submitted_ats)s::timestamptz[])
                AS g (id, job_id, lead_hash, lead_id, form_id, page_id, ad_id, submitted_at)
      LEFT JOIN channels AS p
        ON p.organization_id = %(organization_id)s
       AND p.kind = 'lead_ads'
       AND p.state = 'active'
       AND p.page_id = g.page_id
),
receipt AS (
    INSERT INTO lead_receipts (organization_id, lead_hash, lead_id)
    SELECT %(organization_id)s, lead_hash, id
      FROM given
     ORDER BY lead_hash
    ON CONFLICT DO NOTHING
    RETURNING lead_id
),
fresh AS (
    SELECT given.*
      FROM given
      JOIN receipt ON receipt.lead_id = given.id
),
written AS (
    INSERT INTO leads (
        organization_id, id, channel_id, provider_lead_id, provider_form_id, page_id, state, found_by, backfilled,
        ad_id, submitted_at, received_at
    )
    SELECT %(organization_id)s, id, coalesce(page_channel_id, %(channel_id)s), lead_id, form_id, page_id,
           CASE WHEN page_channel_id IS NULL THEN 'refused_page' ELSE 'queued' END, 'webhook', false, ad_id,
           submitted_at, %(now)s
      FROM fresh
),
job AS (
    INSERT INTO jobs (id, organization_id, queue, kind, payload, run_at, max_attempts, unique_key, created_at)
    SELECT job_id, %(organization_id)s, 'fetch_lead', 'fetch', jsonb_build_object('lead_id', id), %(now)s,
           %(tries)s, 'lead:' || id, %(now)s
      FROM fresh
     WHERE page_channel_id IS NOT NULL
)
SELECT fresh.id, fresh.page_channel_id IS NULL AS foreign_page
  FROM channel
  LEFT JOIN fresh ON true
"""


@dataclass(frozen=True, slots=True)
class TakenWord:
    """A lead that was told of for the first time. Without an id: there was none."""

    id: UUID | None
    foreign_page: bool


@dataclass(frozen=True, slots=True)
class NewWord:
    """A word with the ids for what is made of it."""

    word: Word
    lead_hash: bytes
    id: UUID
    job_id: UUID


def take_words(tx: Tx, channel: Channel, words: Sequence[NewWord], *, now: datetime) -> list[TakenWord]:
    """Write each lead down once, with a job to fetch it. No two words are of one lead.

    Empty: the channel is no longer what was kept, and nothing was written.
    """
    return tx.all(
        TakenWord,
        _TAKE_WORDS,
        {
            "organization_id": channel.organization_id,
            "channel_id": channel.id,
            "credentials_version": channel.credentials_version,
            "ids": [one.id for one in words],
            "job_ids": [one.job_id for one in words],
            "hashes": [one.lead_hash for one in words],
            "lead_ids": [one.word.lead_id for one in words],
            "form_ids": [one.word.form_id for one in words],
            "page_ids": [one.word.page_id for one in words],
            "ad_ids": [one.word.ad_id for one in words],
            "submitted_ats": [min(one.word.submitted_at or now, now) for one in words],
            "tries": TRIES,
            "now": now,
        },
    )


@dataclass(frozen=True, slots=True)
class Noted:
    """A lead's row, as far as what is made of it depends on it."""

    id: UUID
    state: State


# Read from the form itself, a lead may be new, known, or of somebody who was erased: then there is no row any more.
_NOTE = """
WITH receipt AS (
    INSERT INTO lead_receipts (organization_id, lead_hash, lead_id)
    VALUES (%(organization_id)s, %(lead_hash)s, %(id)s)
    ON CONFLICT DO NOTHING
    RETURNING lead_id
),
written AS (
    INSERT INTO leads (
        organization_id, id, channel_id, provider_lead_id, provider_form_id, page_id, state, found_by, backfilled,
        submitted_at, received_at
    )
    SELECT %(organization_id)s, lead_id, %(channel_id)s, %(provider_lead_id)s, %(provider_form_id)s, %(page_id)s,
           'queued', %(found_by)s, %(backfilled)s, %(submitted_at)s, %(now)s
      FROM receipt
    RETURNING id, state
)
SELECT id, state
  FROM written
 UNION ALL
SELECT id, state
  FROM leads
 WHERE organization_id = %(organization_id)s
   AND provider_lead_id = %(provider_lead_id)s
"""


def note(
    tx: Tx,
    organization_id: UUID,
    lead: Lead,
    *,
    lead_hash: bytes,
    lead_id: UUID,
    channel_id: UUID,
    page_id: str,
    found_by: FoundBy,
    backfilled: bool,
    now: datetime,
) -> Noted | None:
    """Write down that there is this lead, under `lead_id` when it is new. None: its person was erased."""
    return tx.maybe(
        Noted,
        _NOTE,
        {
            "organization_id": organization_id,
            "lead_hash": lead_hash,
            "id": lead_id,
            "channel_id": channel_id,
            "provider_lead_id": lead.id,
            "provider_form_id": lead.form_id,
            "page_id": page_id,
            "found_by": found_by,
            "backfilled": backfilled,
            "submitted_at": min(lead.submitted_at or now, now),
            "now": now,
        },
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A lead that is to be fetched, with the page that has it."""

    lead_id: UUID
    provider_lead_id: str
    provider_form_id: str
    state: State
    channel_id: UUID
    connected: bool
    trouble: str | None
    quiet_until: datetime | None
    credentials: bytes


_WANTED = """
SELECT l.id AS lead_id, l.provider_lead_id, l.provider_form_id, l.state, c.id AS channel_id,
       c.state = 'active' AND c.kind = 'lead_ads' AND c.page_id = l.page_id AS connected, c.trouble, c.quiet_until,
       c.credentials
  FROM leads AS l
  JOIN channels AS c ON c.organization_id = l.organization_id AND c.id = l.channel_id
 WHERE l.organization_id = %(organization_id)s
   AND l.id = %(lead_id)s
   AND l.state IN ('queued', 'failed')
"""


def wanted(tx: Tx, organization_id: UUID, lead_id: UUID) -> Wanted | None:
    """The lead, or None when it is here, was refused, or is gone."""
    return tx.maybe(Wanted, _WANTED, {"organization_id": organization_id, "lead_id": lead_id})


_LOCK = """
SELECT state
  FROM leads
 WHERE organization_id = %(organization_id)s
   AND id = %(lead_id)s
   FOR UPDATE
"""


def lock(tx: Tx, organization_id: UUID, lead_id: UUID) -> State | None:
    """Wait for whoever else is making something of this lead. None: it is gone."""
    return tx.value(_LOCK, {"organization_id": organization_id, "lead_id": lead_id})


_FETCHED = """
UPDATE leads
   SET state = 'fetched', failure = NULL, channel_id = %(channel_id)s, form_id = %(form_id)s,
       provider_form_id = %(provider_form_id)s, contact_id = %(contact_id)s, test = %(test)s, organic = %(organic)s,
       platform = %(platform)s, ad_id = %(ad_id)s, ad_name = %(ad_name)s, adset_id = %(adset_id)s,
       adset_name = %(adset_name)s, campaign_id = %(campaign_id)s, campaign_name = %(campaign_name)s,
       answers = %(answers)s, ticked = %(ticked)s, submitted_at = coalesce(%(submitted_at)s, submitted_at),
       fetched_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(lead_id)s
"""


def fetched(
    tx: Tx,
    organization_id: UUID,
    lead_id: UUID,
    lead: Lead,
    *,
    channel_id: UUID,
    form_id: UUID,
    contact_id: UUID | None,
    test: bool,
    now: datetime,
) -> None:
    """Write down what was answered, as it was given."""
    tx.run(
        _FETCHED,
        {
            "organization_id": organization_id,
            "lead_id": lead_id,
            "channel_id": channel_id,
            "form_id": form_id,
            "provider_form_id": lead.form_id,
            "contact_id": contact_id,
            "test": test,
            "organic": lead.organic,
            **asdict(lead.advertising),
            "answers": Jsonb([{"key": one.key, "values": list(one.values)} for one in lead.answers]),
            "ticked": list(lead.ticked),
            "submitted_at": None if lead.submitted_at is None else min(lead.submitted_at, now),
            "now": now,
        },
    )


# That there was one is known, and nothing that anybody answered.
_REFUSED = """
UPDATE leads
   SET state = %(state)s, failure = NULL, form_id = %(form_id)s, provider_form_id = %(provider_form_id)s,
       contact_id = NULL, answers = NULL, ticked = NULL, platform = NULL, ad_id = NULL, ad_name = NULL,
       adset_id = NULL, adset_name = NULL, campaign_id = NULL, campaign_name = NULL, test = %(test)s,
       fetched_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(lead_id)s
"""


def refused(
    tx: Tx,
    organization_id: UUID,
    lead_id: UUID,
    lead: Lead,
    state: Literal["refused_age", "refused_erased"],
    *,
    form_id: UUID,
    test: bool,
    now: datetime,
) -> None:
    values: dict[str, Any] = {
        "organization_id": organization_id,
        "lead_id": lead_id,
        "state": state,
        "form_id": form_id,
        "provider_form_id": lead.form_id,
        "test": test,
        "now": now,
    }
    tx.run(_REFUSED, values)


_FAILED = """
UPDATE leads
   SET state = %(state)s, failure = %(failure)s
 WHERE organization_id = %(organization_id)s
   AND id = %(lead_id)s
   AND state IN ('queued', 'failed')
"""


def failed(tx: Tx, organization_id: UUID, lead_id: UUID, failure: str, *, final: bool) -> None:
    """Say why it is not here. `final`: not only for the moment."""
    tx.run(
        _FAILED,
        {
            "organization_id": organization_id,
            "lead_id": lead_id,
            "state": "failed" if final else "queued",
            "failure": failure,
        },
    )


_HAVE_AGAIN = """
UPDATE leads
   SET state = 'queued', failure = NULL
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(lead_ids)s)
   AND state IN ('queued', 'failed')
RETURNING id
"""


def have_again(tx: Tx, organization_id: UUID, lead_ids: Sequence[UUID]) -> list[UUID]:
    """Let those that are not here count as just heard of; returns which they are."""
    values: dict[str, Any] = {"organization_id": organization_id, "lead_ids": list(lead_ids)}
    return list(tx.values(_HAVE_AGAIN, values))
