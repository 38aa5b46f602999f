"""§1: only this is collected."""

from datetime import date, datetime, timedelta
from itertools import count
from typing import Final, get_args

from leadsrally.contacts.imports.types import Target
from leadsrally.kit.db import Tx
from leadsrally.privacy.clauses.types import Clause, Finding

_FILES_SETTLED = timedelta(days=2)  # fetching is given up after some hours, an upload dropped after a day
_DAYS_AHEAD_AT_LEAST = 7

_COLUMNS = """
SELECT attname
  FROM pg_catalog.pg_attribute
 WHERE attrelid = to_regclass(%(table)s)
   AND attnum > 0
   AND NOT attisdropped
"""


def _columns_of(tx: Tx, table: str) -> list[str]:
    return tx.values(_COLUMNS, {"table": f"public.{table}"})


def _account_data(tx: Tx, _now: datetime) -> Finding:
    expected = {"organization_id", "id", "email", "password_hash", "role", "created_at"}
    expected |= {"version", "mail_blocked_at", "mail_blocked_because"}  # what edits and mail need
    surplus = set(_columns_of(tx, "users")) - expected
    return Finding(not surplus, f"{len(surplus)} columns about a user beyond the promised ones")


_CONTACT = frozenset(
    [
        "organization_id",
        "id",
        "phone",
        "name",
        "email",
        "fields",
        "restricted_at",
        "created_at",
        "updated_at",
        "version",
        "time_zone",
        "email_key",
    ]  # where the person is, for quiet hours; the address as it is compared
)
_BROUGHT_IN: Final = ("phone", "name", "email", "tags", "field", "consent_sms")


def _contact_data(tx: Tx, _now: datetime) -> Finding:
    surplus = set(_columns_of(tx, "contacts")) - _CONTACT
    missing = set(_BROUGHT_IN) - set(get_args(Target))
    return Finding(
        not surplus and not missing,
        f"{len(surplus)} columns about a contact beyond the promised ones; {len(missing)} of {len(_BROUGHT_IN)} kinds of"
        " data cannot be imported",
    )


_FILES_WAITING = """
SELECT count(*) FROM media WHERE state = 'pending' AND created_at < %(before)s
"""


def _files_waiting(tx: Tx, before: datetime) -> int:
    """Files that came with a message before then, and are neither here nor explained."""
    return tx.value(_FILES_WAITING, {"before": before})


_FILES_UNSENT = """
SELECT count(*) FROM media WHERE message_id IS NULL AND created_at < %(before)s
"""


def _files_unsent(tx: Tx, before: datetime) -> int:
    """Files that somebody uploaded before then, and that belong to no message."""
    return tx.value(_FILES_UNSENT, {"before": before})


def _files_come_and_go(tx: Tx, now: datetime) -> Finding:
    waiting, unsent = (
        _files_waiting(tx, now - _FILES_SETTLED),
        _files_unsent(tx, now - _FILES_SETTLED),
    )
    return Finding(
        waiting == 0 and unsent == 0,
        f"{waiting} files of messages waited for and {unsent} uploads kept unsent for more than two days",
    )


_SCORES_WITHOUT_DISCLOSURE = """
SELECT count(*)
  FROM scores AS s
  JOIN messages AS m ON m.organization_id = s.organization_id AND m.id = s.message_id
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
 WHERE c.contact_id IS NOT NULL
   AND NOT EXISTS (
    SELECT 1
      FROM disclosures AS d
     WHERE d.organization_id = s.organization_id
       AND d.message_id = s.message_id
       AND d.subprocessor = 'anthropic')
"""


def _scores_without_disclosure(tx: Tx) -> int:
    return tx.value(_SCORES_WITHOUT_DISCLOSURE, {})


def _scores_disclosed(tx: Tx, _now: datetime) -> Finding:
    silent = _scores_without_disclosure(tx)
    return Finding(silent == 0, f"{silent} scores without a disclosure to Anthropic")


_LOG_DAYS = """
SELECT day FROM delivery_log_days() AS day
"""


def _log_days(tx: Tx) -> list[date]:
    return tx.values(_LOG_DAYS, {})


def _delivery_log_written(tx: Tx, now: datetime) -> Finding:
    days = set(_log_days(tx))
    # Without a gap, today included: a day far ahead is no help tomorrow.
    writable = next(ahead for ahead in count() if now.date() + timedelta(days=ahead) not in days)
    return Finding(
        writable > _DAYS_AHEAD_AT_LEAST,
        f"the delivery log can be written today and for {max(writable - 1, 0)} days ahead"
        if writable
        else "the delivery log cannot be written today",
    )


CLAUSES: Final = (
    Clause("P1.1", "Of a user only what an account needs", _account_data),
    Clause("P1.2", "Of a contact what the customer imported", _contact_data),
    Clause("P1.3", "Messages exchanged over SMS and WhatsApp, with their files", _files_come_and_go),
    Clause("P1.4", "AI labels, scores and suggestions, beside their message", _scores_disclosed),
    Clause("P1.5", "A log row for every webhook call", _delivery_log_written),
)
