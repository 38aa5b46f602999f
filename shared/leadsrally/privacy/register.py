"""The register of personal data: every column that can hold any, and what is promised about it.

Pure data. Export, erasure, retention and the record of processing (GDPR Art. 30) read it. A column of the
live schema that stands neither in `REGISTER` nor in `NOTHING` fails the build, and so does one that stands
here and exists no more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from leadsrally.disclosures.store import Subprocessor

Subject = Literal[
    "contact",  # a person whom a customer messages
    "user",  # a person of a customer
    "caller",  # whoever called an address of ours
    "staff",  # a person of the operator
]
Basis = Literal["contract", "legitimate_interest", "consent", "legal_obligation"]  # GDPR Art. 6(1)

# Everything lies in the hosted database, so this one is told all of it and is not repeated below.
HOST: Subprocessor = "railway"


class Category(StrEnum):
    """The promise of the policy that permits the data to be there. Nothing else may be."""

    ACCOUNT = "P1.1"
    CONTACT = "P1.2"
    CONTENT = "P1.3"
    AI = "P1.4"
    TELEMETRY = "P1.5"
    DISCLOSURE = "P4.7"
    SUPPRESSION = "P7.2"
    CREDENTIAL = "P8.4"


class Kept(StrEnum):
    """For how long, by the rule of the policy that says so."""

    ACCOUNT = "while the account is active, and 30 days after its deletion (P6.1)"
    CUSTOMER = "until the customer deletes it (P6.2)"
    UNDO = "a day, as long as it can be undone, and an hour (P1.2)"
    MOMENT = "until it is applied to its message, eight days at most (P6.2)"
    SHORT = "until it is used or has expired, some days at most (P1.1)"
    SESSION = "as long as the session, and 30 days (P1.1)"
    LOG = "90 days (P6.4)"
    ASKED = "until the provider has deleted its copy, 30 days at most (P6.2)"
    LEADS = "91 days, as long as a provider hands out what was left before (P7.2)"
    ASIDE = "until its cause is found, 30 days at most (P6.4)"
    HASH = "as long as the organisation's account, as a keyed hash that cannot be read back (P7.2)"
    BILLING = "7 years from the end of the month that is billed (P6.5)"
    DATABASE = "as long as the database"


class Exported(StrEnum):
    """In which part of an export it is found, or why in none."""

    ACCOUNT = "account"
    PEOPLE = "people"
    CONSENT = "consent"
    MESSAGES = "messages"
    SCORES = "scores"
    DISCLOSURES = "disclosures"
    DELIVERIES = "deliveries"
    WITHHELD = "not: whoever holds it gets in"
    HASHED = "not: it is a hash of what the export holds"
    COPIED = "not: it is a copy of what the export holds"
    UNRELATED = "not: it says nothing about the person who asks"


class Erased(StrEnum):
    """What becomes of it when its person is erased."""

    ROW = "deleted with its row"
    MESSAGE = "deleted with its message"
    BLANKED = "set to NULL; the row is somebody else's"
    STAYS_HASHED = "stays, as a keyed hash"
    EXPIRES = "expires with its day"
    PSEUDONYM = "set to nothing; the invoice stays, under a pseudonym"
    GOES = "goes by a window of its own; until then nothing says whose it is"
    STAYS = "stays"


@dataclass(frozen=True, slots=True)
class Entry:
    """Columns of one table about which the same is promised."""

    table: str
    columns: tuple[str, ...]
    subject: Subject
    category: Category
    purpose: str
    basis: Basis
    kept: Kept
    exported: Exported
    erased: Erased
    shared: tuple[Subprocessor, ...]  # besides HOST


@dataclass(frozen=True, slots=True)
class Nothing:
    """Columns that hold no personal data, because of what they are."""

    table: str
    columns: tuple[str, ...]
    # word: one of a closed list; ours: text of the operator's, about the house and nobody in particular
    because: Literal["id", "count", "flag", "time", "word", "setting", "ours"]


def _entry(
    table: str,
    columns: str,
    subject: Subject,
    category: Category,
    purpose: str,
    basis: Basis,
    kept: Kept,
    exported: Exported,
    erased: Erased,
    *shared: Subprocessor,
) -> Entry:
    return Entry(
        table, tuple(columns.split()), subject, category, purpose, basis, kept, exported, erased, shared
    )


def _nothing(table: str, **columns: str) -> Iterable[Nothing]:
    for because in ("id", "count", "flag", "time", "word", "setting", "ours"):
        if because in columns:
            yield Nothing(table, tuple(columns[because].split()), because)


# fmt: off
REGISTER: tuple[Entry, ...] = (
    # People of customers
    _entry("organizations", "name help_contact", "user", Category.ACCOUNT, "name the customer", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "twilio", "resend"),
    _entry("users", "email role created_at", "user", Category.ACCOUNT, "log in and be told", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "resend"),
    _entry("users", "password_hash", "user", Category.ACCOUNT, "log in", "contract", Kept.ACCOUNT, Exported.WITHHELD, Erased.ROW),
    _entry("users", "mail_blocked_at mail_blocked_because", "user", Category.ACCOUNT, "send no mail that comes back", "legitimate_interest", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("signups", "email created_at", "user", Category.ACCOUNT, "prove the address", "contract", Kept.SHORT, Exported.COPIED, Erased.ROW, "resend"),
    _entry("signups", "mail_blocked_at mail_blocked_because", "user", Category.ACCOUNT, "send no mail that comes back", "legitimate_interest", Kept.SHORT, Exported.COPIED, Erased.ROW),
    _entry("signups", "password_hash", "user", Category.ACCOUNT, "log in", "contract", Kept.SHORT, Exported.WITHHELD, Erased.ROW),
    _entry("acceptances", "user_id document document_version accepted_at", "user", Category.ACCOUNT, "prove what was accepted", "legal_obligation", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("sessions", "source_ip user_agent created_at last_used_at revoked_because", "user", Category.TELEMETRY, "show where somebody is logged in", "legitimate_interest", Kept.SESSION, Exported.ACCOUNT, Erased.ROW, "resend"),
    _entry("sessions", "token_hash previous_hash", "user", Category.ACCOUNT, "stay logged in", "contract", Kept.SESSION, Exported.WITHHELD, Erased.ROW),
    _entry("presence", "conversation_id writing seen_at", "user", Category.CONTENT, "keep two from answering at once", "legitimate_interest", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("email_changes", "old_email new_email created_at", "user", Category.ACCOUNT, "prove the new address", "contract", Kept.SHORT, Exported.COPIED, Erased.ROW, "resend"),
    _entry("second_factors", "secret", "user", Category.ACCOUNT, "log in", "contract", Kept.ACCOUNT, Exported.WITHHELD, Erased.ROW),
    _entry("recovery_codes", "code_hash", "user", Category.ACCOUNT, "log in without the second factor", "contract", Kept.ACCOUNT, Exported.WITHHELD, Erased.ROW),
    _entry("invitations", "email role created_at", "user", Category.ACCOUNT, "let somebody in", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "resend"),
    _entry("invitations", "mail_blocked_at mail_blocked_because", "user", Category.ACCOUNT, "send no mail that comes back", "legitimate_interest", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("invitations", "invited_by", "user", Category.ACCOUNT, "show who invited", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.BLANKED),
    _entry("api_keys", "name created_at last_used_at", "user", Category.ACCOUNT, "tell keys apart", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "resend"),
    _entry("api_keys", "key_hash", "user", Category.ACCOUNT, "let a program in", "contract", Kept.ACCOUNT, Exported.WITHHELD, Erased.ROW),
    _entry("notices", "user_id kind about_id address state reason provider_id created_at taken_at delivered_at returned_at read_at", "user", Category.ACCOUNT, "tell people what they need to know, and prove it", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "resend"),
    _entry("notice_events", "event reason occurred_at recorded_at", "user", Category.ACCOUNT, "prove what became of a mail", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "resend"),
    _entry("audit_log", "actor_id action target_id details occurred_at", "user", Category.ACCOUNT, "show who did what", "legitimate_interest", Kept.ACCOUNT, Exported.ACCOUNT, Erased.STAYS),
    _entry("exports", "requested_by requested_at state ready_at expires_at rows_done", "user", Category.ACCOUNT, "hand over what is kept, and show that it was", "legal_obligation", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("exports", "position", "contact", Category.CONTACT, "go on where the part before ended", "legal_obligation", Kept.SHORT, Exported.COPIED, Erased.ROW),
    _entry("account_deletions", "requested_by requested_at reversed_by reversed_at", "user", Category.ACCOUNT, "delete the account, and show that it was", "legal_obligation", Kept.ACCOUNT, Exported.ACCOUNT, Erased.BLANKED),
    _entry("erasures", "requested_by requested_at state finished_at", "user", Category.ACCOUNT, "show that it was erased", "legal_obligation", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("erasures", "known_as", "contact", Category.SUPPRESSION, "erase whoever an import brings back", "legal_obligation", Kept.MOMENT, Exported.HASHED, Erased.ROW),
    _entry("provider_copies", "provider_id", "contact", Category.CONTENT, "have the provider delete its copy", "legal_obligation", Kept.ASKED, Exported.COPIED, Erased.GOES, "twilio", "meta"),
    _entry("idempotency_keys", "actor_id key request_hash answer", "user", Category.ACCOUNT, "do once what is asked twice", "contract", Kept.SHORT, Exported.COPIED, Erased.ROW),
    _entry("rate_limits", "subject", "caller", Category.TELEMETRY, "slow down guessing", "legitimate_interest", Kept.SESSION, Exported.HASHED, Erased.STAYS),
    _entry("channels", "address account_sid waba_id phone_number_id page_id app_id", "user", Category.CREDENTIAL, "send and receive", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "twilio", "meta"),
    _entry("channels", "credentials", "user", Category.CREDENTIAL, "send and receive", "contract", Kept.ACCOUNT, Exported.WITHHELD, Erased.ROW, "twilio", "meta"),
    _entry("templates", "name language form", "user", Category.CONTENT, "send what Meta has approved", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "meta"),
    _entry("channels", "name", "user", Category.ACCOUNT, "tell one's channels apart", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("lead_forms", "name questions disclaimer privacy_url first_message", "user", Category.CONTENT, "read what people left in it", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "meta"),
    _entry("channel_tasks", "number account_sid wanted result actor_id created_at", "user", Category.CREDENTIAL, "look after channels", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW, "twilio", "meta"),
    _entry("channel_tasks", "secret", "user", Category.CREDENTIAL, "look after channels", "contract", Kept.SHORT, Exported.WITHHELD, Erased.ROW, "twilio", "meta"),
    _entry("messages", "author_id", "user", Category.CONTENT, "show who wrote", "contract", Kept.CUSTOMER, Exported.MESSAGES, Erased.BLANKED),
    _entry("messages", "idempotency_key", "user", Category.CONTENT, "send once", "contract", Kept.CUSTOMER, Exported.UNRELATED, Erased.ROW),
    _entry("contact_notes", "author_id", "user", Category.CONTACT, "show who wrote", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.BLANKED),
    _entry("contact_fields", "key old_key label choices", "user", Category.ACCOUNT, "name what is known of contacts", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("contact_merges", "actor_id", "user", Category.CONTACT, "show who merged", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.BLANKED),
    _entry("segments", "name condition", "user", Category.ACCOUNT, "choose contacts", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("tags", "name old_name", "user", Category.ACCOUNT, "sort contacts", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.ROW),
    _entry("consent_events", "actor_id", "user", Category.CONTACT, "show who decided", "legal_obligation", Kept.CUSTOMER, Exported.CONSENT, Erased.BLANKED),

    _entry("invoices", "customer_name", "user", Category.ACCOUNT, "charge for the service", "legal_obligation", Kept.BILLING, Exported.ACCOUNT, Erased.PSEUDONYM),

    # Contacts
    _entry("contacts", "email_key", "contact", Category.CONTACT, "know the person again", "contract", Kept.CUSTOMER, Exported.COPIED, Erased.ROW),
    _entry("contacts", "phone name email time_zone created_at updated_at", "contact", Category.CONTACT, "know and reach the person", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.ROW, "twilio", "meta"),
    _entry("contacts", "fields", "contact", Category.CONTACT, "know the person", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.ROW),
    _entry("contacts", "restricted_at", "contact", Category.CONTACT, "leave the person in peace", "legal_obligation", Kept.CUSTOMER, Exported.PEOPLE, Erased.ROW),
    _entry("contact_merges", "loser filled consents merged_at split_at", "contact", Category.CONTACT, "take apart what was merged", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.ROW),
    _entry("contact_merge_moves", "row_key", "contact", Category.CONTACT, "take apart what was merged", "contract", Kept.CUSTOMER, Exported.COPIED, Erased.ROW),
    _entry("contact_tags", "tagged_at", "contact", Category.CONTACT, "sort contacts", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.ROW),
    _entry("contact_notes", "body created_at edited_at", "contact", Category.CONTACT, "know the person", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.ROW),
    _entry("contact_identities", "kind value created_at retired_at", "contact", Category.CONTACT, "know and reach the person", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.ROW, "meta"),
    _entry("imports", "file_name columns sample mapping", "contact", Category.CONTACT, "show what is imported", "contract", Kept.UNDO, Exported.COPIED, Erased.ROW),
    _entry("imports", "attestation", "user", Category.CONTACT, "prove what was declared about permission", "legal_obligation", Kept.CUSTOMER, Exported.CONSENT, Erased.STAYS),
    _entry("imports", "actor_id", "user", Category.ACCOUNT, "show who imported", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.BLANKED),
    _entry("import_changes", "before after", "contact", Category.CONTACT, "undo an import", "contract", Kept.UNDO, Exported.COPIED, Erased.ROW),
    _entry("bulk_actions", "condition fields", "contact", Category.CONTACT, "do the same about many contacts", "contract", Kept.UNDO, Exported.COPIED, Erased.ROW),
    _entry("bulk_actions", "actor_id", "user", Category.ACCOUNT, "show who changed contacts", "contract", Kept.ACCOUNT, Exported.ACCOUNT, Erased.BLANKED),
    _entry("bulk_changes", "before", "contact", Category.CONTACT, "undo what was done about many contacts", "contract", Kept.UNDO, Exported.COPIED, Erased.ROW),
    _entry("conversations", "address", "contact", Category.CONTACT, "reach the person", "contract", Kept.CUSTOMER, Exported.COPIED, Erased.ROW, "meta"),
    _entry("conversations", "last_message_at last_inbound_at quiet_until marketing_quiet_until created_at attention ai_paused_at", "contact", Category.CONTENT, "order the inbox", "contract", Kept.CUSTOMER, Exported.MESSAGES, Erased.ROW),
    _entry("conversations", "preview preview_kind", "contact", Category.CONTENT, "show the inbox", "contract", Kept.CUSTOMER, Exported.COPIED, Erased.ROW),
    _entry("conversations", "assignee_id ai_paused_by", "user", Category.CONTENT, "show who answers", "contract", Kept.CUSTOMER, Exported.MESSAGES, Erased.BLANKED),
    _entry("conversations", "intent interest", "contact", Category.AI, "order the inbox", "contract", Kept.CUSTOMER, Exported.COPIED, Erased.ROW),
    _entry("messages", "body", "contact", Category.CONTENT, "deliver and show; score, when switched on", "contract", Kept.CUSTOMER, Exported.MESSAGES, Erased.ROW, "twilio", "meta", "anthropic"),
    _entry("messages", "kind content reaction reacted_at edited_at revoked_at reply_to", "contact", Category.CONTENT, "deliver and show", "contract", Kept.CUSTOMER, Exported.MESSAGES, Erased.ROW, "meta"),
    _entry("media", "file_name content_type bytes sha256 state reason created_at settled_at", "contact", Category.CONTENT, "deliver and show", "contract", Kept.CUSTOMER, Exported.MESSAGES, Erased.MESSAGE, "twilio", "meta"),
    _entry("media", "provider_id provider_until", "contact", Category.CONTENT, "send the file that was left at the provider", "contract", Kept.CUSTOMER, Exported.COPIED, Erased.MESSAGE, "meta"),
    _entry("media", "source", "contact", Category.CONTENT, "fetch the file", "contract", Kept.MOMENT, Exported.COPIED, Erased.MESSAGE, "twilio", "meta"),
    _entry("messages", "words", "contact", Category.CONTENT, "find the message", "contract", Kept.CUSTOMER, Exported.COPIED, Erased.ROW),
    _entry("messages", "direction purpose status error_code verdict created_at claimed_at sent_at said_at delivered_at read_at expires_at pricing", "contact", Category.CONTENT, "show what became of it", "contract", Kept.CUSTOMER, Exported.MESSAGES, Erased.ROW),
    _entry("messages", "provider_message_id", "contact", Category.CONTENT, "recognise it at the provider", "contract", Kept.CUSTOMER, Exported.MESSAGES, Erased.ROW, "twilio", "meta"),
    _entry("message_receipts", "provider_hash", "contact", Category.CONTENT, "refuse a repeat", "legitimate_interest", Kept.HASH, Exported.HASHED, Erased.STAYS_HASHED),
    _entry("early_reports", "provider_hash status error_code received_at reported_at pricing", "contact", Category.CONTENT, "apply it to its message", "contract", Kept.MOMENT, Exported.COPIED, Erased.GOES),
    _entry("early_amendments", "target_hash action body said_at received_at", "contact", Category.CONTENT, "apply it to its message", "contract", Kept.MOMENT, Exported.COPIED, Erased.GOES),
    _entry("quarantine", "piece person_hash piece_hash reason received_at", "contact", Category.TELEMETRY, "find out why a message could not be taken", "legitimate_interest", Kept.ASIDE, Exported.DELIVERIES, Erased.ROW),
    _entry("scores", "intent interest reason suggestions wants_to_stop language", "contact", Category.AI, "help to answer", "contract", Kept.CUSTOMER, Exported.SCORES, Erased.MESSAGE),
    _entry("scores", "outcome model prompt_version created_at", "contact", Category.AI, "say how it came about", "contract", Kept.CUSTOMER, Exported.SCORES, Erased.MESSAGE),

    _entry("leads", "provider_lead_id answers ticked submitted_at received_at fetched_at", "contact", Category.CONTACT, "know the person and what they asked for", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.ROW, "meta"),
    _entry("leads", "platform organic ad_id ad_name adset_id adset_name campaign_id campaign_name", "contact", Category.CONTACT, "say where the person came from", "contract", Kept.CUSTOMER, Exported.PEOPLE, Erased.ROW, "meta"),
    _entry("lead_receipts", "lead_hash", "contact", Category.CONTACT, "take a lead once", "legitimate_interest", Kept.HASH, Exported.HASHED, Erased.STAYS_HASHED),

    # What is permitted, and who was told
    _entry("consent_events", "channel_kind purpose action source scope word occurred_at recorded_at", "contact", Category.CONTACT, "prove what was permitted", "legal_obligation", Kept.CUSTOMER, Exported.CONSENT, Erased.ROW),
    _entry("consent_events", "method reference", "contact", Category.CONTACT, "prove what was permitted", "legal_obligation", Kept.CUSTOMER, Exported.CONSENT, Erased.ROW),
    _entry("consent_wordings", "words created_at", "user", Category.CONTACT, "prove what was permitted", "legal_obligation", Kept.ACCOUNT, Exported.CONSENT, Erased.ROW),
    _entry("consent_wordings", "digest", "user", Category.CONTACT, "keep a wording once", "legal_obligation", Kept.ACCOUNT, Exported.HASHED, Erased.ROW),
    _entry("consent_states", "channel_kind purpose state source since", "contact", Category.CONTACT, "obey what is permitted", "legal_obligation", Kept.CUSTOMER, Exported.CONSENT, Erased.ROW),
    _entry("suppressions", "number_hash source since", "contact", Category.SUPPRESSION, "keep an opt-out true", "legal_obligation", Kept.HASH, Exported.CONSENT, Erased.STAYS_HASHED),
    _entry("erased_addresses", "address_hash erased_at", "contact", Category.SUPPRESSION, "let no old lead bring back who was erased", "legal_obligation", Kept.LEADS, Exported.HASHED, Erased.STAYS_HASHED),
    _entry("listed_numbers", "phone number_hash listed_at", "contact", Category.SUPPRESSION, "show whom the customer listed", "legitimate_interest", Kept.CUSTOMER, Exported.CONSENT, Erased.ROW),
    _entry("unsubscribe_links", "address_hashes created_at", "contact", Category.SUPPRESSION, "opt out by a link", "legal_obligation", Kept.HASH, Exported.HASHED, Erased.STAYS_HASHED, "twilio", "meta"),
    _entry("disclosures", "subprocessor purpose data_kinds disclosed_at", "contact", Category.DISCLOSURE, "say who was told", "legal_obligation", Kept.CUSTOMER, Exported.DISCLOSURES, Erased.ROW),

    # Telemetry
    _entry("delivery_log", "source_ip received_at request_id", "caller", Category.TELEMETRY, "find faults and abuse", "legitimate_interest", Kept.LOG, Exported.DELIVERIES, Erased.EXPIRES),
    _entry("outside_checks", "looked_by note", "staff", Category.TELEMETRY, "prove who looked at a provider", "legal_obligation", Kept.DATABASE, Exported.UNRELATED, Erased.STAYS),
    _entry("_yoyo_log", "username hostname created_at_utc", "staff", Category.TELEMETRY, "know who changed the schema", "legitimate_interest", Kept.DATABASE, Exported.UNRELATED, Erased.STAYS),
)

NOTHING: tuple[Nothing, ...] = (
    *_nothing("organizations", id="id", flag="ai_scoring ai_suggestions ai_auto_reply", word="state", time="created_at charged_until", count="version", setting="time_zone country language ai_daily_calls ai_daily_tokens contact_daily_messages contact_daily_marketing marketing_opens marketing_closes consent_languages stop_confirmation opt_out_scope"),
    *_nothing("users", id="organization_id id", count="version"),
    *_nothing("signups", id="organization_id id", time="expires_at used_at", word="terms_version policy_version"),
    *_nothing("acceptances", id="organization_id id"),
    *_nothing("presence", id="organization_id user_id"),
    *_nothing("sessions", id="organization_id id user_id", time="rotated_at confirmed_at expires_at revoked_at", word="kind"),
    *_nothing("password_resets", id="organization_id id user_id", time="created_at expires_at used_at"),
    *_nothing("email_changes", id="organization_id id user_id", time="expires_at used_at"),
    *_nothing("second_factors", id="organization_id user_id", count="last_step", time="created_at confirmed_at"),
    *_nothing("recovery_codes", id="organization_id user_id", time="used_at"),
    *_nothing("invitations", id="organization_id id", time="expires_at accepted_at revoked_at"),
    *_nothing("api_keys", id="organization_id id user_id", time="expires_at revoked_at", setting="scopes"),
    *_nothing("notices", id="organization_id id job_id", count="rank", setting="language"),
    *_nothing("notice_events", id="organization_id id notice_id"),
    *_nothing("policy_versions", id="id", flag="material", ours="fingerprint summary", time="dated published_at announced_for told_at effective_at altered_at"),
    *_nothing("policy_notices", id="organization_id version_id job_id", time="asked_at out_at", word="telling"),
    *_nothing("incidents", id="id", flag="drill", count="people_about records_about", ours="title nature consequences measures not_notified", time="detected_at recorded_at confirmed_at decided_at closed_at"),
    *_nothing("incident_escalations", id="incident_id", count="hour", time="escalated_at"),
    *_nothing("incident_scopes", id="id incident_id", word="table_name exposure", time="since until added_at"),
    *_nothing("incident_notices", id="organization_id incident_id job_id", count="counts", time="found_at asked_at told_otherwise_at", word="told_how"),
    *_nothing("clause_runs", id="id", count="kept broken not_built", time="started_at finished_at"),
    *_nothing("clause_standings", word="clause state", ours="promise sentence", time="checked_at passed_at since"),
    *_nothing("audit_log", id="organization_id id", word="actor_kind target_kind"),
    *_nothing("exports", id="organization_id id contact_id", count="counts rows_total"),
    *_nothing("export_parts", id="organization_id export_id", count="number bytes", time="made_at"),
    *_nothing("account_deletions", id="organization_id id", count="counts", time="erases_at erasing_at erased_at", word="state_before"),
    *_nothing("erasures", id="organization_id id subject_id conversation_ids import_ids", count="counts messages_total", word="kind"),
    *_nothing("provider_copies", id="organization_id id channel_id erasure_id", count="attempts", time="ends_at asked_at next_at", word="what reason"),
    *_nothing("provider_outcomes", id="organization_id erasure_id", count="deleted kept", time="kept_until", word="provider"),
    *_nothing("idempotency_keys", id="organization_id", time="created_at"),
    *_nothing("rate_limits", word="bucket", time="full_at"),
    *_nothing("channels", id="organization_id id key", count="credentials_version version", flag="provider_answers_keywords", time="quiet_until trouble_since created_at checked_at disconnected_at token_expires_at expiry_warned_at challenged_at", word="kind state trouble checks health quality messaging_limit name_status"),
    *_nothing("templates", id="organization_id id waba_id provider_id", time="created_at changed_at synced_at", word="category state reason quality"),
    *_nothing("channel_tasks", id="organization_id id channel_id", time="called_at finished_at", word="kind provider state failure actor_kind"),
    *_nothing("jobs", id="id organization_id payload lease_token ordering_key unique_key", count="attempts max_attempts number", time="run_at lease_until rung_at created_at", word="queue kind state error"),
    *_nothing("contacts", id="organization_id id", count="version"),
    *_nothing("contact_fields", id="organization_id id", count="version", time="created_at deleted_at", word="type"),
    *_nothing("tags", id="organization_id id", count="version", time="created_at deleted_at"),
    *_nothing("contact_tags", id="organization_id contact_id tag_id"),
    *_nothing("contact_merges", id="organization_id id contact_id loser_id"),
    *_nothing("contact_merge_moves", id="organization_id merge_id", word="kind"),
    *_nothing("segments", id="organization_id id", count="version", time="created_at"),
    *_nothing("contact_notes", id="organization_id id contact_id", count="version"),
    *_nothing("contact_identities", id="organization_id contact_id"),
    *_nothing("imports", id="organization_id id", count="bytes rows lines_done counts checked undo_counts version", flag="has_header", time="created_at started_at progressed_at finished_at forgotten_at", word="kind state reason actor_kind encoding delimiter", setting="country tags channels"),
    *_nothing("import_changes", id="organization_id import_id contact_id tag_ids", count="line", time="recorded_at", word="undone"),
    *_nothing("bulk_actions", id="organization_id id contact_ids segment_id tag_ids place", count="expected margin counts undo_counts", time="created_at progressed_at finished_at forgotten_at", word="kind state reason actor_kind"),
    *_nothing("bulk_changes", id="organization_id action_id contact_id tag_ids", time="recorded_at", word="undone"),
    *_nothing("erased_addresses", id="organization_id"),
    *_nothing("listed_numbers", id="organization_id"),
    *_nothing("conversations", id="organization_id id contact_id channel_id last_message_id merge_id", count="unread_count"),
    *_nothing("message_receipts", id="organization_id channel_id message_id"),
    *_nothing("messages", id="organization_id id conversation_id template_id", count="segments status_rank", flag="altered"),
    *_nothing("media", id="organization_id id message_id", count="place"),
    *_nothing("early_reports", id="organization_id", count="status_rank"),
    *_nothing("early_amendments", id="organization_id channel_id"),
    *_nothing("quarantine", id="organization_id channel_id delivery_id"),
    *_nothing("lead_forms", id="organization_id id channel_id provider_form_id reading_after", count="version", time="created_at synced_at read_through reading_since reading_begun_at", word="state mapping consents reading_for", setting="locale country"),
    *_nothing("leads", id="organization_id id channel_id form_id contact_id provider_form_id page_id first_message_id", flag="test backfilled", word="state failure found_by first_message_failure"),
    *_nothing("lead_receipts", id="organization_id lead_id"),
    *_nothing("delivery_log", id="id organization_id channel_id message_id", count="http_status bytes counts", word="provider kind outcome reason"),
    *_nothing("consent_events", id="organization_id id contact_id message_id wording_id"),
    *_nothing("consent_wordings", id="organization_id id"),
    *_nothing("consent_states", id="organization_id contact_id event_id"),
    *_nothing("unsubscribe_links", id="organization_id contact_id", count="number", word="channel_kind"),
    *_nothing("suppressions", id="organization_id id", word="channel_kind purpose"),
    *_nothing("disclosures", id="organization_id id contact_id message_id"),
    *_nothing("scores", id="organization_id id message_id", count="input_tokens output_tokens"),
    *_nothing("usage", id="organization_id cause_id", count="quantity", flag="late", time="occurred_on", word="kind detail"),
    *_nothing("invoices", id="organization_id id number", count="total lines", time="month issued_at kept_until", word="plan currency", setting="seller customer_country"),
    *_nothing("invoice_lines", id="organization_id invoice_id", count="place quantity included price per amount", time="month", word="kind detail"),
    *_nothing("invoice_numbers", count="year last"),
    *_nothing("ai_usage", id="organization_id", count="calls tokens", time="day"),
    *_nothing("outside_checks", id="id", count="days", time="looked_at", word="subject verdict"),
    *_nothing("backups", id="id", count="bytes row_count", time="at made_at deleted_at"),
    *_nothing("retention_windows", id="organization_id", count="version", time="obeyed_from changed_at", setting="messages_days conversations_days leads_days notes_days media_days delivery_log_days"),
    *_nothing("retention_runs", id="organization_id id", count="due_before deleted due_after", time="cutoff started_at finished_at", word="kind"),
    *_nothing("sweep_runs", id="id", count="due_before deleted due_after", flag="dry_run", time="cutoff started_at finished_at oldest_at", word="rule"),
    # Of the tool that migrates
    *_nothing("_yoyo_log", id="id migration_hash migration_id", word="operation comment"),
    *_nothing("_yoyo_migration", id="migration_hash migration_id", time="applied_at_utc"),
    *_nothing("_yoyo_version", count="version", time="installed_at_utc"),
    *_nothing("yoyo_lock", count="locked pid", time="ctime"),
)
# fmt: on


def declared() -> list[tuple[str, str]]:
    """Every declared column, as (table, column). One that is declared twice comes twice."""
    rows: tuple[Entry | Nothing, ...] = (*REGISTER, *NOTHING)
    return [(row.table, column) for row in rows for column in row.columns]
