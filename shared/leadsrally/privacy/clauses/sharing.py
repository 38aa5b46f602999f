"""§4: who else is told."""

from datetime import datetime, timedelta
from typing import Final

from leadsrally.ai.minimise import MESSAGES, minimise
from leadsrally.ai.score import may_ask
from leadsrally.ai.types import Snippet
from leadsrally.kit.db import Tx, Way
from leadsrally.privacy.clauses.types import Clause, Finding
from leadsrally.telemetry.errors import report

_ORDER_SETTLED = timedelta(days=2)  # a day of looking, and the tick that may come late
_LEAD_FETCHED = timedelta(days=1)  # its tries are over by then, and it says why it failed
_MAIL_ON_ITS_WAY = timedelta(minutes=5)  # a call takes seconds

_ORDERS_IN_DOUBT = """
SELECT count(*)
  FROM channel_tasks
 WHERE kind = 'buy'
   AND state IN ('calling', 'unknown')
   AND called_at < %(before)s
"""


def _orders_in_doubt(tx: Tx, before: datetime) -> int:
    """Numbers that were ordered before then, and nobody knows whether they were bought."""
    return tx.value(_ORDERS_IN_DOUBT, {"before": before})


def _numbers_accounted_for(tx: Tx, now: datetime) -> Finding:
    open_orders = _orders_in_doubt(tx, now - _ORDER_SETTLED)
    return Finding(open_orders == 0, f"{open_orders} orders of numbers without a known outcome for two days")


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


def _free_text_after_the_window(tx: Tx) -> int:
    """WhatsApp messages that were no template and were sent to somebody who had not written for 24 hours, or ever."""
    return tx.value(_FREE_TEXT_AFTER_THE_WINDOW, {})


_LEADS_WAITING = """
SELECT count(*) FROM leads WHERE state = 'queued' AND received_at < %(before)s
"""


def _leads_waiting(tx: Tx, before: datetime) -> int:
    """Leads that there was word of before then, and that nobody has fetched or failed to fetch."""
    return tx.value(_LEADS_WAITING, {"before": before})


def _meta_as_agreed(tx: Tx, now: datetime) -> Finding:
    late, left = _free_text_after_the_window(tx), _leads_waiting(tx, now - _LEAD_FETCHED)
    return Finding(
        late == 0 and left == 0,
        f"{late} WhatsApp messages without a template after the 24 hours; {left} leads not asked for within a day",
    )


_CANARIES: Final = ("2025550199", "canary@example.com", "example.com")  # each alone would tell who it is


def _reports_scrubbed(_tx: Tx, _now: datetime) -> Finding:
    planted = "+12025550199 canary@example.com"
    told = repr(report(ValueError(planted), body=planted))
    return Finding(not any(canary in told for canary in _CANARIES), "planted canaries stay out of reports")


# Which address was blocked is not for the auditor to see; of the two that may differ from it, neither counts.
_MAILS_AFTER_BLOCK = """
SELECT count(*)
  FROM notices AS n
  JOIN users AS u ON u.organization_id = n.organization_id AND u.id = n.user_id
 WHERE n.kind NOT IN ('change_email', 'email_changed')
   AND n.taken_at > u.mail_blocked_at + %(grace)s
"""


def _mails_after_block(tx: Tx, grace: timedelta) -> int:
    """Mails to people from whom mail had come back, later than one that was on its way could be."""
    return tx.value(_MAILS_AFTER_BLOCK, {"grace": grace})


def _returned_mail_obeyed(tx: Tx, _now: datetime) -> Finding:
    mails = _mails_after_block(tx, _MAIL_ON_ITS_WAY)
    return Finding(mails == 0, f"{mails} mails to people from whom mail had come back or been called spam")


_SENDS_WITHOUT_DISCLOSURE = """
SELECT count(*)
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE m.direction = 'outbound'
   AND m.claimed_at IS NOT NULL
   AND c.contact_id IS NOT NULL
   AND NOT EXISTS (
    SELECT 1
      FROM disclosures AS d
     WHERE d.organization_id = m.organization_id
       AND d.message_id = m.id
       AND d.subprocessor = CASE ch.kind WHEN 'sms' THEN 'twilio' ELSE 'meta' END)
"""


def _sends_without_disclosure(tx: Tx) -> int:
    return tx.value(_SENDS_WITHOUT_DISCLOSURE, {})


# WhatsApp keeps a file that is left there before its message is claimed.
_FILES_WITHOUT_DISCLOSURE = """
SELECT count(*)
  FROM media AS f
 WHERE f.provider_id IS NOT NULL
   AND f.message_id IS NOT NULL
   AND NOT EXISTS (
    SELECT 1
      FROM disclosures AS d
     WHERE d.organization_id = f.organization_id
       AND d.message_id = f.message_id
       AND d.subprocessor = 'meta'
       AND 'file' = ANY (d.data_kinds))
"""


def _files_without_disclosure(tx: Tx) -> int:
    return tx.value(_FILES_WITHOUT_DISCLOSURE, {})


def _sends_disclosed(tx: Tx, _now: datetime) -> Finding:
    silent, files = _sends_without_disclosure(tx), _files_without_disclosure(tx)
    return Finding(
        silent == 0 and files == 0,
        f"{silent} sends and {files} files left at WhatsApp without a disclosure to their provider",
    )


# A name, a number and an address in every line, and more lines than may leave.
_SECRETS = ("Zebediah", "+12025550199", "canary@example.com")
_TALK = [Snippet("inbound", f"I am {' '.join(_SECRETS)}, line {line}") for line in range(MESSAGES + 5)]

_MORE_THAN_REDACTED = """
SELECT count(*)
  FROM disclosures
 WHERE subprocessor = 'anthropic'
   AND data_kinds <> ARRAY['redacted_message_text']
"""


def _snippets_only(tx: Tx, _now: datetime) -> Finding:
    told = minimise(_TALK, ["Zebediah Canaryname"])
    leaks = sum(secret in told for secret in _SECRETS) + ("line 4" in told)
    whole = tx.value(_MORE_THAN_REDACTED, {})
    asked = may_ask(scoring=False, suggestions=False)
    return Finding(
        not (leaks or whole or asked),
        f"with AI off a trial {'was asked about' if asked else 'asks nobody'}; of a trial conversation {leaks} things"
        f" left that must not; {whole} transfers were of more than redacted text",
    )


_WAYS: Final[dict[Way, str]] = {
    "verified": "this connection to the host's database is encrypted, and its certificate is of the pinned root",
    "encrypted": "this connection to the database is encrypted, to whoever answered: no root certificate is pinned",
    "clear": "this connection to the database is not encrypted",
    "socket": "nothing of this installation lies at a host: the database is on this machine, so no certificate was checked",
}


def _database_of_the_host(tx: Tx, _now: datetime) -> Finding:
    """A function's own session stands for all: each has the host's one address, with a role of its own."""
    return Finding(tx.way in ("verified", "socket"), _WAYS[tx.way])


CLAUSES: Final = (
    Clause("P4.1", "Twilio delivers texts and numbers", _numbers_accounted_for),
    Clause("P4.2", "Meta delivers WhatsApp and leads", _meta_as_agreed),
    Clause("P4.3", "Anthropic sees snippets only while AI is on", _snippets_only),
    Clause("P4.4", "Sentry gets no personal data", _reports_scrubbed),
    Clause("P4.5", "Resend delivers our own mail; what comes back is obeyed", _returned_mail_obeyed),
    Clause(
        "P4.6", "Railway hosts the system, its database behind a pinned certificate", _database_of_the_host
    ),
    Clause("P4.7", "Each transfer to a subprocessor is logged", _sends_disclosed),
)
