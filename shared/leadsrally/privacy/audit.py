"""What the auditor counts, across all tenants: never content, only whether something is as promised."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from leadsrally.kit.db import Tx

# Row security shows a role without a policy of its own an empty table, in which nothing is ever wrong.
_UNSEEN_TABLES = """
SELECT c.relname
  FROM pg_catalog.pg_class AS c
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition
   AND c.relrowsecurity
   AND has_any_column_privilege(c.oid, 'SELECT')
   AND NOT EXISTS (
    SELECT 1
      FROM pg_catalog.pg_policies AS p
     WHERE p.schemaname = 'public'
       AND p.tablename = c.relname
       AND p.permissive = 'PERMISSIVE'
       AND p.cmd IN ('SELECT', 'ALL')
       AND current_user = ANY (p.roles)
       AND p.qual = 'true')
"""


def unseen_tables(tx: Tx) -> list[str]:
    """Tables that this role may read and of which it would not be shown every row."""
    return tx.values(_UNSEEN_TABLES, {})


_COLUMNS = """
SELECT attname
  FROM pg_catalog.pg_attribute
 WHERE attrelid = to_regclass(%(table)s)
   AND attnum > 0
   AND NOT attisdropped
"""


def columns_of(tx: Tx, table: str) -> list[str]:
    return tx.values(_COLUMNS, {"table": f"public.{table}"})


_ALL_COLUMNS = """
SELECT c.relname AS table, a.attname AS name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND NOT c.relispartition
"""


def columns(tx: Tx) -> list[tuple[str, str]]:
    """Every column there is, as (table, column)."""
    return [(row["table"], row["name"]) for row in tx.dicts(_ALL_COLUMNS, {})]


# Without an address, or with the machine's own, nothing leaves it.
_WAY = """
SELECT CASE WHEN (SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()) THEN 'encrypted'
            WHEN inet_client_addr() IS NULL OR inet_client_addr() <<= '127.0.0.0/8' OR inet_client_addr() = '::1'
            THEN 'on this machine'
            ELSE 'clear' END
"""


def way_to_the_database(tx: Tx) -> str:
    """How this connection reaches the database: `encrypted`, `on this machine`, or `clear`."""
    return tx.value(_WAY, {})


_LOG_DAYS = """
SELECT day FROM delivery_log_days() AS day
"""


def log_days(tx: Tx) -> list[date]:
    return tx.values(_LOG_DAYS, {})


_LOG_ROWS_BEFORE = """
SELECT count(*) FROM delivery_log WHERE received_at < %(cutoff)s
"""


def log_rows_before(tx: Tx, cutoff: datetime) -> int:
    return tx.value(_LOG_ROWS_BEFORE, {"cutoff": cutoff})


_EXPORTS_LATE = """
SELECT count(*) FILTER (WHERE state = 'failed' OR (state IN ('waiting', 'building') AND requested_at < %(before)s)) AS unmade,
       count(*) FILTER (WHERE state = 'ready' AND expires_at < %(over)s) AS undeleted
  FROM exports
"""


@dataclass(frozen=True, slots=True)
class ExportsLate:
    unmade: int
    undeleted: int


def exports_late(tx: Tx, *, asked_before: datetime, over_before: datetime) -> ExportsLate:
    """Exports that should be there and are not, and that should be gone and are there."""
    return tx.one(ExportsLate, _EXPORTS_LATE, {"before": asked_before, "over": over_before})


_SCORES_WITHOUT_DISCLOSURE = """
SELECT count(*)
  FROM scores AS s
 WHERE NOT EXISTS (
    SELECT 1
      FROM disclosures AS d
     WHERE d.organization_id = s.organization_id
       AND d.message_id = s.message_id
       AND d.subprocessor = 'anthropic')
"""


def scores_without_disclosure(tx: Tx) -> int:
    return tx.value(_SCORES_WITHOUT_DISCLOSURE, {})


_SENDS_WITHOUT_DISCLOSURE = """
SELECT count(*)
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE m.direction = 'outbound'
   AND m.claimed_at IS NOT NULL
   AND NOT EXISTS (
    SELECT 1
      FROM disclosures AS d
     WHERE d.organization_id = m.organization_id
       AND d.message_id = m.id
       AND d.subprocessor = CASE ch.kind WHEN 'sms' THEN 'twilio' ELSE 'meta' END)
"""


def sends_without_disclosure(tx: Tx) -> int:
    return tx.value(_SENDS_WITHOUT_DISCLOSURE, {})


# The last word before the claim decides: revoked, and not granted again since; for this kind of channel, and for
# all purposes or the message's own. Taking back one of them grants nothing of the other. About
# marketing the newest word of the person counts, in whatever order they came.
_SENDS_AFTER_OPT_OUT = """
SELECT count(DISTINCT (m.organization_id, m.id))
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 CROSS JOIN (VALUES ('all'), ('marketing'), ('service')) AS about (purpose)
 CROSS JOIN LATERAL (
    SELECT e.action
      FROM consent_events AS e
     WHERE e.organization_id = c.organization_id
       AND e.contact_id = c.contact_id
       AND e.channel_kind = ch.kind
       AND e.purpose = about.purpose
       AND e.recorded_at < m.claimed_at
     ORDER BY CASE e.purpose WHEN 'marketing' THEN e.occurred_at ELSE e.recorded_at END DESC
     LIMIT 1
 ) AS last_word
 WHERE m.direction = 'outbound'
   AND about.purpose IN ('all', m.purpose)
   AND m.purpose <> 'keyword'
   AND m.claimed_at IS NOT NULL
   AND last_word.action = 'revoke'
"""


def sends_after_opt_out(tx: Tx) -> int:
    return tx.value(_SENDS_AFTER_OPT_OUT, {})


_OFFERS_WITHOUT_CONSENT = """
SELECT count(*)
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE m.direction = 'outbound'
   AND m.purpose = 'marketing'
   AND m.claimed_at IS NOT NULL
   AND NOT EXISTS (
    SELECT 1
      FROM consent_events AS e
     WHERE e.organization_id = c.organization_id
       AND e.contact_id = c.contact_id
       AND e.channel_kind = ch.kind
       AND e.purpose IN ('all', 'marketing')
       AND e.action = 'grant'
       AND e.recorded_at <= m.claimed_at)
"""


def offers_without_consent(tx: Tx) -> int:
    """Offers that were claimed while no yes to them was on record."""
    return tx.value(_OFFERS_WITHOUT_CONSENT, {})


# A version counts up with each edit. What changed a person's account is told of the person.
_EDITS_WITHOUT_RECORD = """
SELECT (SELECT count(*)
          FROM organizations AS o
         WHERE o.version - 1 > (SELECT count(*)
                                  FROM audit_log AS l
                                 WHERE l.organization_id = o.id
                                   AND l.action = 'organization.edited'))
     + (SELECT count(*)
          FROM users AS u
         WHERE u.version - 1 > (SELECT count(*)
                                  FROM audit_log AS l
                                 WHERE l.organization_id = u.organization_id
                                   AND l.target_id = u.id
                                   AND l.action IN ('member.role_changed', 'email.changed', 'password.changed',
                                                    'password.reset', 'second_factor.added',
                                                    'second_factor.removed')))
"""


def edits_without_record(tx: Tx) -> int:
    """Profiles and members that were edited more often than the audit log knows."""
    return tx.value(_EDITS_WITHOUT_RECORD, {})


_LOCKED_DETAILS = """
SELECT d.name || '.' || d.detail
  FROM (VALUES ('organizations', 'name'), ('organizations', 'help_contact'), ('organizations', 'time_zone'),
               ('organizations', 'country'), ('organizations', 'language'), ('users', 'email'), ('users', 'role'),
               ('users', 'password_hash')) AS d (name, detail)
 WHERE NOT has_column_privilege('leadsrally_api', d.name, d.detail, 'UPDATE')
"""


def locked_details(tx: Tx) -> list[str]:
    """Details of a customer that the product shows and could not correct."""
    return tx.values(_LOCKED_DETAILS, {})


_WEAK_HASHES = """
SELECT count(*) FROM users WHERE password_hash !~ '^\\$2[aby]\\$(1[2-9]|[23][0-9])\\$.{53}$'
"""


def weak_password_hashes(tx: Tx) -> int:
    return tx.value(_WEAK_HASHES, {})


# 30 days as hours: a day of Postgres is as long as the session's time zone makes it.
_LONG_OR_READABLE_SESSIONS = """
SELECT count(*)
  FROM sessions
 WHERE expires_at > created_at + interval '720 hours'
    OR octet_length(token_hash) <> 32
    OR octet_length(previous_hash) <> 32
"""


def long_or_readable_sessions(tx: Tx) -> int:
    """Sessions of more than 30 days, and those that hold anything but the hash of a refresh token."""
    return tx.value(_LONG_OR_READABLE_SESSIONS, {})


_WITHOUT_ATTESTATION = """
SELECT count(*)
  FROM organizations AS o
 WHERE o.state <> 'pending'
   AND (SELECT count(DISTINCT a.document)
          FROM acceptances AS a
         WHERE a.organization_id = o.id
           AND a.document IN ('business_use', 'age')) < 2
"""


def organizations_without_attestation(tx: Tx) -> int:
    return tx.value(_WITHOUT_ATTESTATION, {})


# A sealed blob begins with its version and holds nothing readable: neither Twilio's account nor the names under which
# Twilio's and Meta's tokens are written down.
_UNSEALED_CREDENTIALS = """
SELECT (SELECT count(*)
          FROM channels
         WHERE get_byte(credentials, 0) <> 1
            OR position(convert_to(account_sid, 'UTF8') IN credentials) > 0
            OR position('auth_tokens'::bytea IN credentials) > 0
            OR position('access_token'::bytea IN credentials) > 0
            OR position('app_secrets'::bytea IN credentials) > 0)
     + (SELECT count(*)
          FROM channel_tasks
         WHERE get_byte(secret, 0) <> 1
            OR position('auth_token'::bytea IN secret) > 0)
"""


def unsealed_credentials(tx: Tx) -> int:
    return tx.value(_UNSEALED_CREDENTIALS, {})


# What the window's end was then is not kept; that it had ended for good can be seen, whatever was deleted since.
_FREE_TEXT_AFTER_THE_WINDOW = """
SELECT count(*)
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE ch.kind = 'whatsapp'
   AND m.direction = 'outbound'
   AND m.kind <> 'template'
   AND m.claimed_at >= coalesce(c.last_inbound_at + interval '24 hours', '-infinity')
"""


def free_text_after_the_window(tx: Tx) -> int:
    """WhatsApp messages that were no template and were sent to somebody who had not written for 24 hours, or ever."""
    return tx.value(_FREE_TEXT_AFTER_THE_WINDOW, {})


_LEADS_WAITING = """
SELECT count(*) FROM leads WHERE state = 'queued' AND received_at < %(before)s
"""


def leads_waiting(tx: Tx, before: datetime) -> int:
    """Leads that there was word of before then, and that nobody has fetched or failed to fetch."""
    return tx.value(_LEADS_WAITING, {"before": before})


_FILES_WAITING = """
SELECT count(*) FROM media WHERE state = 'pending' AND created_at < %(before)s
"""


def files_waiting(tx: Tx, before: datetime) -> int:
    """Files that came with a message before then, and are neither here nor explained."""
    return tx.value(_FILES_WAITING, {"before": before})


_FILES_UNSENT = """
SELECT count(*) FROM media WHERE message_id IS NULL AND created_at < %(before)s
"""


def files_unsent(tx: Tx, before: datetime) -> int:
    """Files that somebody uploaded before then, and that belong to no message."""
    return tx.value(_FILES_UNSENT, {"before": before})


_NOTICES_WAITING = """
SELECT count(*) FROM notices WHERE state = 'queued' AND created_at < %(cutoff)s
"""


def notices_waiting(tx: Tx, cutoff: datetime) -> int:
    """Notices from before `cutoff` that are still to be mailed."""
    return tx.value(_NOTICES_WAITING, {"cutoff": cutoff})


_DEAD_NOTICES = """
SELECT count(*) FROM jobs WHERE queue = 'notify' AND state = 'dead'
"""


def dead_notices(tx: Tx) -> int:
    """Jobs that were to tell somebody something and were given up."""
    return tx.value(_DEAD_NOTICES, {})


# Which address was blocked is not for the auditor to see; of the two that may differ from it, neither counts.
_MAILS_AFTER_BLOCK = """
SELECT count(*)
  FROM notices AS n
  JOIN users AS u ON u.organization_id = n.organization_id AND u.id = n.user_id
 WHERE n.kind NOT IN ('change_email', 'email_changed')
   AND n.taken_at > u.mail_blocked_at + %(grace)s
"""


def mails_after_block(tx: Tx, grace: timedelta) -> int:
    """Mails to people from whom mail had come back, later than one that was on its way could be."""
    return tx.value(_MAILS_AFTER_BLOCK, {"grace": grace})


_ORDERS_IN_DOUBT = """
SELECT count(*)
  FROM channel_tasks
 WHERE kind = 'buy'
   AND state IN ('calling', 'unknown')
   AND called_at < %(before)s
"""


def orders_in_doubt(tx: Tx, before: datetime) -> int:
    """Numbers that were ordered before then, and nobody knows whether they were bought."""
    return tx.value(_ORDERS_IN_DOUBT, {"before": before})


_TABLES_WITHOUT_ROW_SECURITY = """
SELECT c.relname
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
 WHERE n.nspname = 'public'
   AND c.relkind IN ('r', 'p')
   AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
"""


def tables_without_row_security(tx: Tx) -> list[str]:
    return tx.values(_TABLES_WITHOUT_ROW_SECURITY, {})


_STRONG_ROLES = """
SELECT r.rolname
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname LIKE 'leadsrally\\_%%'
   AND r.rolcanlogin
   AND r.rolname <> 'leadsrally_migrate'
   AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole
        OR EXISTS (SELECT 1 FROM pg_catalog.pg_auth_members AS m WHERE m.member = r.oid)
        OR EXISTS (SELECT 1 FROM pg_catalog.pg_class AS c WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p')))
"""


def strong_roles(tx: Tx) -> list[str]:
    return tx.values(_STRONG_ROLES, {})
