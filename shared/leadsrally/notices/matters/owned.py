"""Matters of what the owners look after: invoices, templates, channels."""

from datetime import datetime

from leadsrally.jobs.types import Job
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import made_at
from leadsrally.kit.money import Money
from leadsrally.notices.matters.addressed import OwnersRow, named, owners_matter
from leadsrally.notices.types import Matter, Name, Word

_INVOICE = """
SELECT i.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('number', i.number, 'month', i.month, 'total', i.total, 'currency', i.currency) AS detail
  FROM invoices AS i
  JOIN organizations AS o ON o.id = i.organization_id
 WHERE i.organization_id = %(organization_id)s
   AND i.id = %(invoice_id)s
"""


def invoice_ready(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(OwnersRow, _INVOICE, named(job, "invoice_id", now))
    return thing and owners_matter(
        tx,
        job,
        thing,
        {
            "invoice": Name(thing.detail["number"]),
            "month": Name(thing.detail["month"][:7]),
            "total": Money(thing.detail["total"], thing.detail["currency"]),
        },
    )


_TEMPLATE = """
SELECT t.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('name', t.name, 'language', t.language, 'state', t.state) AS detail
  FROM templates AS t
  JOIN organizations AS o ON o.id = t.organization_id
 WHERE t.organization_id = %(organization_id)s
   AND t.id = %(template_id)s
"""


def template_stopped(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(OwnersRow, _TEMPLATE, named(job, "template_id", now))
    return thing and owners_matter(
        tx,
        job,
        thing,
        {
            "at": made_at(job.id),
            "template": Name(thing.detail["name"]),
            "template_language": Name(thing.detail["language"]),
            "template_state": Word("template_state", thing.detail["state"]),
        },
    )


# Set right in the meantime, it is no matter any more.
_CHANNEL = """
SELECT c.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('address', c.address, 'name', nullif(c.name, ''), 'since', c.trouble_since) AS detail
  FROM channels AS c
  JOIN organizations AS o ON o.id = c.organization_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(channel_id)s
   AND c.trouble IS NOT NULL
"""


def channel_trouble(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(OwnersRow, _CHANNEL, named(job, "channel_id", now))
    return thing and owners_matter(
        tx,
        job,
        thing,
        {
            "at": datetime.fromisoformat(thing.detail["since"]),
            "channel": _called(thing),
        },
    )


# Replaced in the meantime, or past its end, it is no matter any more.
_EXPIRING = """
SELECT c.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('address', c.address, 'name', nullif(c.name, ''), 'until', c.token_expires_at) AS detail
  FROM channels AS c
  JOIN organizations AS o ON o.id = c.organization_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(channel_id)s
   AND c.token_expires_at > %(now)s
"""


def token_expiring(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(OwnersRow, _EXPIRING, named(job, "channel_id", now))
    return thing and owners_matter(
        tx,
        job,
        thing,
        {"until": datetime.fromisoformat(thing.detail["until"]), "channel": _called(thing)},
    )


def _called(channel: OwnersRow) -> Name:
    """The channel's number; of a page the name that somebody gave it."""
    return Name(channel.detail["address"] or channel.detail["name"] or "Meta")
