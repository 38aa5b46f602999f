"""Leads and forms as people see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import NotFound
from leadsrally.messaging.leads.types import FormState, State

_LEADS = """
SELECT l.id, l.channel_id, l.form_id, f.name AS form_name, l.provider_lead_id, l.provider_form_id, l.page_id,
       l.contact_id, l.state, l.failure, l.found_by, l.backfilled, l.test, l.organic, l.platform, l.ad_id, l.ad_name,
       l.adset_id, l.adset_name, l.campaign_id, l.campaign_name, l.submitted_at, l.received_at, l.fetched_at,
       l.first_message_id, l.first_message_failure
  FROM leads AS l
  LEFT JOIN lead_forms AS f ON f.organization_id = l.organization_id AND f.id = l.form_id
 WHERE l.organization_id = %(organization_id)s
   AND (l.submitted_at, l.id) < (%(before)s, %(before_id)s)
   AND (%(state)s::text IS NULL OR l.state = %(state)s)
   AND (%(form_id)s::uuid IS NULL OR l.form_id = %(form_id)s)
   AND (%(contact_id)s::uuid IS NULL OR l.contact_id = %(contact_id)s)
   AND (%(test)s::boolean IS NULL OR l.test = %(test)s)
   AND (%(since)s::timestamptz IS NULL OR l.submitted_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR l.submitted_at < %(until)s)
 ORDER BY l.submitted_at DESC, l.id DESC
 LIMIT %(limit)s
"""


def leads(
    tx: Tx,
    organization_id: UUID,
    *,
    state: State | None,
    form_id: UUID | None,
    contact_id: UUID | None,
    test: bool | None,
    since: datetime | None,
    until: datetime | None,
    before: datetime,
    before_id: UUID,
    limit: int,
) -> list[dict[str, Any]]:
    """Leads without their answers, those that were left last first."""
    return tx.dicts(
        _LEADS,
        {
            "organization_id": organization_id,
            "state": state,
            "form_id": form_id,
            "contact_id": contact_id,
            "test": test,
            "since": since,
            "until": until,
            "before": before,
            "before_id": before_id,
            "limit": limit,
        },
    )


_LEAD = """
SELECT l.id, l.channel_id, l.form_id, f.name AS form_name, l.provider_lead_id, l.provider_form_id, l.page_id,
       l.contact_id, l.state, l.failure, l.found_by, l.backfilled, l.test, l.organic, l.platform, l.ad_id, l.ad_name,
       l.adset_id, l.adset_name, l.campaign_id, l.campaign_name, l.submitted_at, l.received_at, l.fetched_at,
       l.first_message_id, l.first_message_failure, l.answers, l.ticked, f.questions, f.disclaimer, f.mapping
  FROM leads AS l
  LEFT JOIN lead_forms AS f ON f.organization_id = l.organization_id AND f.id = l.form_id
 WHERE l.organization_id = %(organization_id)s
   AND l.id = %(lead_id)s
"""


def lead(tx: Tx, organization_id: UUID, lead_id: UUID) -> dict[str, Any]:
    """One lead with what was answered and what was asked. Raises `NotFound`."""
    found = tx.dicts(_LEAD, {"organization_id": organization_id, "lead_id": lead_id})
    if not found:
        raise NotFound("There is no such lead.", code="lead_not_found")
    return found[0]


@dataclass(frozen=True, slots=True)
class ListedForm:
    """A form with how many leads it has brought. Tests do not count."""

    id: UUID
    channel_id: UUID
    provider_form_id: str
    name: str
    locale: str
    state: FormState
    questions: list[dict[str, Any]]
    disclaimer: dict[str, Any] | None
    privacy_url: str | None
    mapping: dict[str, str]
    consents: dict[str, list[Any]]
    country: str | None
    first_message: dict[str, Any] | None
    version: int
    created_at: datetime
    synced_at: datetime
    read_through: datetime | None
    fetched: int
    waiting: int
    failed: int


_FORMS = """
SELECT f.id, f.channel_id, f.provider_form_id, f.name, f.locale, f.state, f.questions, f.disclaimer, f.privacy_url,
       f.mapping, f.consents, f.country, f.first_message, f.version, f.created_at, f.synced_at, f.read_through,
       n.fetched, n.waiting, n.failed
  FROM lead_forms AS f
 CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE l.state = 'fetched') AS fetched,
           count(*) FILTER (WHERE l.state = 'queued') AS waiting,
           count(*) FILTER (WHERE l.state = 'failed') AS failed
      FROM leads AS l
     WHERE l.organization_id = f.organization_id
       AND l.channel_id = f.channel_id
       AND l.provider_form_id = f.provider_form_id
       AND NOT l.test
 ) AS n
 WHERE f.organization_id = %(organization_id)s
   AND f.channel_id = %(channel_id)s
   AND (%(form_id)s::uuid IS NULL OR f.id = %(form_id)s)
   AND (f.created_at, f.id) < (%(before)s, %(before_id)s)
 ORDER BY f.created_at DESC, f.id DESC
 LIMIT %(limit)s
"""


def forms(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    *,
    before: datetime,
    before_id: UUID,
    limit: int,
    form_id: UUID | None = None,
) -> list[ListedForm]:
    """Forms of a page, those that we met last first."""
    return tx.all(
        ListedForm,
        _FORMS,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "form_id": form_id,
            "before": before,
            "before_id": before_id,
            "limit": limit,
        },
    )


_IS_PAGE = """
SELECT id
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND kind = 'lead_ads'
"""


def must_be_page(tx: Tx, organization_id: UUID, channel_id: UUID) -> None:
    """Raise `NotFound` for what is no Lead Ads channel of the organisation."""
    if tx.value(_IS_PAGE, {"organization_id": organization_id, "channel_id": channel_id}) is None:
        raise NotFound("There is no such Lead Ads channel.", code="channel_not_found")
