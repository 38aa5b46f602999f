"""An organisation as it describes itself, and what it has switched on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Literal
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.places import refuse_unknown_country, refuse_unknown_zone
from leadsrally.accounts.types import Language
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid, Stale


@dataclass(frozen=True, slots=True)
class Profile:
    id: UUID
    name: str
    help_contact: str
    time_zone: str
    country: str
    language: Language
    state: str
    ai_scoring: bool
    ai_suggestions: bool
    ai_auto_reply: bool
    ai_daily_calls: int
    ai_daily_tokens: int
    contact_daily_messages: int
    contact_daily_marketing: int
    marketing_opens: time
    marketing_closes: time
    consent_languages: list[str]
    stop_confirmation: str
    opt_out_scope: Literal["channel", "every_channel"]
    version: int
    created_at: datetime


_PROFILE = """
SELECT id, name, help_contact, time_zone, country, language, state, ai_scoring, ai_suggestions, ai_auto_reply,
       ai_daily_calls, ai_daily_tokens, contact_daily_messages, contact_daily_marketing, marketing_opens,
       marketing_closes, consent_languages, stop_confirmation, opt_out_scope, version, created_at
  FROM organizations
 WHERE id = %(organization_id)s
"""


def profile(tx: Tx, organization_id: UUID) -> Profile:
    return tx.one(Profile, _PROFILE, {"organization_id": organization_id})


EDITABLE = (
    "name",
    "help_contact",
    "time_zone",
    "country",
    "language",
    "ai_scoring",
    "ai_suggestions",
    "ai_auto_reply",
    "ai_daily_calls",
    "ai_daily_tokens",
    "contact_daily_messages",
    "contact_daily_marketing",
    "marketing_opens",
    "marketing_closes",
    "consent_languages",
    "stop_confirmation",
    "opt_out_scope",
)

# No column takes NULL, so NULL stands for what is not changed.
_EDIT = """
UPDATE organizations
   SET name = coalesce(%(name)s, name),
       help_contact = coalesce(%(help_contact)s, help_contact),
       time_zone = coalesce(%(time_zone)s, time_zone),
       country = coalesce(%(country)s, country),
       language = coalesce(%(language)s, language),
       ai_scoring = coalesce(%(ai_scoring)s, ai_scoring),
       ai_suggestions = coalesce(%(ai_suggestions)s, ai_suggestions),
       ai_auto_reply = coalesce(%(ai_auto_reply)s, ai_auto_reply),
       ai_daily_calls = coalesce(%(ai_daily_calls)s, ai_daily_calls),
       ai_daily_tokens = coalesce(%(ai_daily_tokens)s, ai_daily_tokens),
       contact_daily_messages = coalesce(%(contact_daily_messages)s, contact_daily_messages),
       contact_daily_marketing = coalesce(%(contact_daily_marketing)s, contact_daily_marketing),
       marketing_opens = coalesce(%(marketing_opens)s, marketing_opens),
       marketing_closes = coalesce(%(marketing_closes)s, marketing_closes),
       consent_languages = coalesce(%(consent_languages)s, consent_languages),
       stop_confirmation = coalesce(%(stop_confirmation)s, stop_confirmation),
       opt_out_scope = coalesce(%(opt_out_scope)s, opt_out_scope),
       version = version + 1
 WHERE id = %(organization_id)s
   AND version = %(version)s
RETURNING id, name, help_contact, time_zone, country, language, state, ai_scoring, ai_suggestions, ai_auto_reply,
          ai_daily_calls, ai_daily_tokens, contact_daily_messages, contact_daily_marketing, marketing_opens,
          marketing_closes, consent_languages, stop_confirmation, opt_out_scope, version, created_at
"""


def edit_profile(
    tx: Tx, organization_id: UUID, changes: Mapping[str, Any], *, version: int, actor: Actor, now: datetime
) -> Profile:
    """Set what `changes` names, out of `EDITABLE`; the audit log says which fields, not to what (P7.3).

    Raises `Invalid` for a time zone or a country that nobody knows, for hours that end before they begin and for a
    confirmation with a link in it, and `Stale` when the profile was changed since `version`.
    """
    if "time_zone" in changes:
        refuse_unknown_zone(changes["time_zone"])
    if "country" in changes:
        refuse_unknown_country(changes["country"])
    if "://" in changes.get("stop_confirmation", ""):
        raise Invalid(
            "The confirmation of a STOP may hold no link: the law allows nothing but the confirmation.",
            code="link_in_confirmation",
        )
    if not changes.keys().isdisjoint(("marketing_opens", "marketing_closes")):
        _refuse_no_hours(profile(tx, organization_id), changes)
    edited = tx.maybe(
        Profile,
        _EDIT,
        {**dict.fromkeys(EDITABLE), **changes, "organization_id": organization_id, "version": version},
    )
    if edited is None:
        raise Stale
    fields = " ".join(name for name in EDITABLE if name in changes)
    audit.record(
        tx,
        organization_id,
        actor,
        "organization.edited",
        now=now,
        target=("organization", organization_id),
        details={"fields": fields},
    )
    return edited


def _refuse_no_hours(now: Profile, changes: Mapping[str, Any]) -> None:
    opens = changes.get("marketing_opens", now.marketing_opens)
    closes = changes.get("marketing_closes", now.marketing_closes)
    if opens >= closes:
        raise Invalid(
            "Offers would never be sent: the hours end before they begin. Choose a later end.",
            code="no_hours",
        )
