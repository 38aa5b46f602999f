"""Every promise of the policy by its id, with the check that can fail.

A clause without a check is not kept yet and says so. `check` runs against a live system as the auditor's
role, which sees all tenants and no content.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Literal
from uuid import UUID

import psycopg

from leadsrally.accounts import tokens
from leadsrally.accounts.permissions import Action
from leadsrally.kit.db import Tx, refuse_unpinned
from leadsrally.kit.errors import Misconfigured, Unauthenticated
from leadsrally.notices.compose import Letterhead
from leadsrally.notices.specimens import specimens
from leadsrally.privacy import audit
from leadsrally.privacy.export.pages import SPECIMEN, Reach, overview
from leadsrally.privacy.register import REGISTER, declared
from leadsrally.privacy.retention import DELIVERY_LOG
from leadsrally.telemetry.errors import report

_DAYS_AHEAD_AT_LEAST = 7
_NOTICE_GRACE = timedelta(hours=1)
_MAIL_ON_ITS_WAY = timedelta(minutes=5)  # a call takes seconds
_ORDER_SETTLED = timedelta(days=2)  # a day of looking, and the tick that may come late
_EXPORT_TAKES = timedelta(days=1)  # of the largest; most take seconds
_FILES_SETTLED = timedelta(days=2)  # fetching is given up after some hours, an upload dropped after a day
_LEAD_FETCHED = timedelta(days=1)  # its tries are over by then, and it says why it failed
_SWEEP_GRACE = timedelta(hours=1)  # the sweep runs on the hour; a day expires at midnight UTC


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, in a sentence without personal data."""

    kept: bool
    sentence: str


Check = Callable[[Tx, datetime], Finding]


@dataclass(frozen=True, slots=True)
class Clause:
    id: str
    promise: str
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Result:
    clause: Clause
    state: Literal["kept", "broken", "not built"]
    sentence: str


def check_all(tx: Tx, now: datetime) -> list[Result]:
    """Run every check. One that breaks down counts as broken: a promise that cannot be checked is not kept."""
    unseen = len(audit.unseen_tables(tx))
    return [_checked(clause, tx, now, unseen) for clause in CLAUSES]


def _checked(clause: Clause, tx: Tx, now: datetime, unseen: int) -> Result:
    if clause.check is None:
        return Result(clause, "not built", "")
    if unseen:
        return Result(clause, "broken", f"the auditor is not shown every row of {unseen} tables")
    tx.run("SAVEPOINT before_check", {})
    try:
        finding = clause.check(tx, now)
    except psycopg.Error as error:
        tx.run("ROLLBACK TO SAVEPOINT before_check", {})
        return Result(clause, "broken", f"the check itself failed ({type(error).__name__})")
    return Result(clause, "kept" if finding.kept else "broken", finding.sentence)


def _files_come_and_go(tx: Tx, now: datetime) -> Finding:
    waiting, unsent = (
        audit.files_waiting(tx, now - _FILES_SETTLED),
        audit.files_unsent(tx, now - _FILES_SETTLED),
    )
    return Finding(
        waiting == 0 and unsent == 0,
        f"{waiting} files of messages waited for and {unsent} uploads kept unsent for more than two days",
    )


def _meta_as_agreed(tx: Tx, now: datetime) -> Finding:
    late, left = audit.free_text_after_the_window(tx), audit.leads_waiting(tx, now - _LEAD_FETCHED)
    return Finding(
        late == 0 and left == 0,
        f"{late} WhatsApp messages without a template after the 24 hours; {left} leads not asked for within a day",
    )


def _account_data(tx: Tx, _now: datetime) -> Finding:
    expected = {"organization_id", "id", "email", "password_hash", "role", "created_at"}
    expected |= {"version", "mail_blocked_at", "mail_blocked_because"}  # what edits and mail need
    surplus = set(audit.columns_of(tx, "users")) - expected
    return Finding(not surplus, f"{len(surplus)} columns about a user beyond the promised ones")


def _delivery_log_written(tx: Tx, now: datetime) -> Finding:
    days = set(audit.log_days(tx))
    # Without a gap, today included: a day far ahead is no help tomorrow.
    writable = next(ahead for ahead in count() if now.date() + timedelta(days=ahead) not in days)
    return Finding(
        writable > _DAYS_AHEAD_AT_LEAST,
        f"the delivery log can be written today and for {max(writable - 1, 0)} days ahead"
        if writable
        else "the delivery log cannot be written today",
    )


def _everything_declared(tx: Tx, _now: datetime) -> Finding:
    undeclared = set(audit.columns(tx)) - set(declared())
    return Finding(
        not undeclared,
        f"{len({entry.table for entry in REGISTER})} tables hold personal data, each with its basis;"
        f" {len(undeclared)} columns stand in no register",
    )


def _complaints_directed(_tx: Tx, now: datetime) -> Finding:
    trial = overview(SPECIMEN, (), {}, Reach("privacy@example.com", "support@example.com"), now).decode()
    wanted = ("privacy@example.com", "support@example.com", "data protection authority")
    missing = sum(words not in trial for words in wanted)
    return Finding(missing == 0, f"an export leaves out {missing} of whom to ask and where to complain")


_UNSAFE = ("host=db", "host=db sslmode=disable", "host=db sslmode=prefer", "host=db sslmode=require")


def _database_pinned(tx: Tx, _now: datetime) -> Finding:
    taken = sum(not _refused(address) for address in _UNSAFE)
    way = audit.way_to_the_database(tx)
    return Finding(
        taken == 0 and way != "clear",
        f"{taken} of {len(_UNSAFE)} unsafe addresses would be taken in production; this connection is {way}",
    )


def _refused(address: str) -> bool:
    try:
        refuse_unpinned(address)
    except Misconfigured:
        return True
    return False


def _people_told(tx: Tx, now: datetime) -> Finding:
    late, dead = audit.notices_waiting(tx, now - _NOTICE_GRACE), audit.dead_notices(tx)
    return Finding(not late and not dead, f"{late} notices unmailed for an hour, {dead} given up")


def _returned_mail_obeyed(tx: Tx, _now: datetime) -> Finding:
    mails = audit.mails_after_block(tx, _MAIL_ON_ITS_WAY)
    return Finding(mails == 0, f"{mails} mails to people from whom mail had come back or been called spam")


def _mails_say_where_we_are(_tx: Tx, _now: datetime) -> Finding:
    head = Letterhead("https://app.example", "support@example.com", "privacy@example.com")
    reach = (head.support, head.privacy)
    mute = sum(
        not all(address in form for address in reach for form in (mail.text, mail.html))
        for mail in specimens(head)
    )
    return Finding(mute == 0, f"{mute} kinds of mail without the address for questions or for privacy")


def _scores_disclosed(tx: Tx, _now: datetime) -> Finding:
    silent = audit.scores_without_disclosure(tx)
    return Finding(silent == 0, f"{silent} scores without a disclosure to Anthropic")


def _reports_scrubbed(_tx: Tx, _now: datetime) -> Finding:
    canary = "+12025550199 canary@example.com"
    told = repr(report(ValueError(canary), body=canary))
    return Finding(canary not in told and "example.com" not in told, "a planted canary stays out of reports")


def _sends_disclosed(tx: Tx, _now: datetime) -> Finding:
    silent = audit.sends_without_disclosure(tx)
    return Finding(silent == 0, f"{silent} sends without a disclosure to their provider")


def _tenants_walled(tx: Tx, _now: datetime) -> Finding:
    open_tables, strong_roles = audit.tables_without_row_security(tx), audit.strong_roles(tx)
    return Finding(
        not open_tables and not strong_roles,
        f"{len(open_tables)} tables without forced row security, {len(strong_roles)} function roles that could pass it",
    )


def _delivery_log_swept(tx: Tx, now: datetime) -> Finding:
    due = audit.log_rows_before(tx, DELIVERY_LOG.cutoff(now - _SWEEP_GRACE))
    return Finding(due == 0, f"{due} rows of the delivery log are older than {DELIVERY_LOG.days} days")


def _exports_made(tx: Tx, now: datetime) -> Finding:
    late = audit.exports_late(tx, asked_before=now - _EXPORT_TAKES, over_before=now - _SWEEP_GRACE)
    return Finding(
        late.unmade == 0 and late.undeleted == 0,
        f"{late.unmade} exports failed or not ready after a day, {late.undeleted} still there after their time",
    )


def _corrections_written_down(tx: Tx, _now: datetime) -> Finding:
    silent, locked = audit.edits_without_record(tx), audit.locked_details(tx)
    return Finding(
        silent == 0 and not locked,
        f"of customers' own details {len(locked)} cannot be corrected, and {silent} edits were not written down",
    )


def _opt_outs_obeyed(tx: Tx, _now: datetime) -> Finding:
    sends = audit.sends_after_opt_out(tx)
    return Finding(sends == 0, f"{sends} messages were claimed after their contact's opt-out")


def _consent_on_record(tx: Tx, _now: datetime) -> Finding:
    offers = audit.offers_without_consent(tx)
    return Finding(offers == 0, f"{offers} offers were claimed without a consent on record")


def _passwords_hashed(tx: Tx, _now: datetime) -> Finding:
    weak = audit.weak_password_hashes(tx)
    return Finding(weak == 0, f"{weak} passwords not stored with bcrypt at cost 12 or more")


def _tokens_short(tx: Tx, now: datetime) -> Finding:
    wrong = audit.long_or_readable_sessions(tx)
    return Finding(
        _a_token_is_scoped_and_ends(now) and wrong == 0,
        f"a token of a trial ends within 15 minutes; {wrong} sessions are longer than 30 days or hold no hash",
    )


def _a_token_is_scoped_and_ends(now: datetime) -> bool:
    nobody, key = UUID(int=0), b"of a trial, not of the house" * 2
    asked = tokens.Bearer(nobody, nobody, nobody, frozenset[Action]({"me.read"}))
    token = tokens.issue(key, asked, lambda: now)
    if tokens.read(key, token, lambda: now) != asked:
        return False
    try:
        tokens.read(key, token, lambda: now + timedelta(minutes=15))
    except Unauthenticated as ended:
        return ended.code == "token_expired"
    return False


def _grown_up_and_in_business(tx: Tx, _now: datetime) -> Finding:
    silent = audit.organizations_without_attestation(tx)
    return Finding(silent == 0, f"{silent} organisations without attestation of business use and of age")


def _credentials_sealed(tx: Tx, _now: datetime) -> Finding:
    readable = audit.unsealed_credentials(tx)
    return Finding(readable == 0, f"{readable} channels or tasks with credentials that are not sealed")


def _numbers_accounted_for(tx: Tx, now: datetime) -> Finding:
    open_orders = audit.orders_in_doubt(tx, now - _ORDER_SETTLED)
    return Finding(open_orders == 0, f"{open_orders} orders of numbers without a known outcome for two days")


CLAUSES: tuple[Clause, ...] = (
    Clause("P1.1", "Of a user only what an account needs", _account_data),
    Clause("P1.2", "Of a contact what the customer imported"),
    Clause("P1.3", "Messages exchanged over SMS and WhatsApp, with their files", _files_come_and_go),
    Clause("P1.4", "AI labels, scores and suggestions, beside their message", _scores_disclosed),
    Clause("P1.5", "A log row for every webhook call", _delivery_log_written),
    Clause("P2.1", "Used to deliver what the customer configured"),
    Clause("P2.2", "AI features only as switched on"),
    Clause("P2.3", "Reliability, abuse prevention, billing"),
    Clause("P2.4", "Owners are told what they need to know", _people_told),
    Clause("P3.1", "A legal basis for each use", _everything_declared),
    Clause("P3.2", "Contacts' consent is obtained and on record", _consent_on_record),
    Clause("P4.1", "Twilio delivers texts and numbers", _numbers_accounted_for),
    Clause("P4.2", "Meta delivers WhatsApp and leads", _meta_as_agreed),
    Clause("P4.3", "Anthropic sees snippets only while AI is on"),
    Clause("P4.4", "Sentry gets no personal data", _reports_scrubbed),
    Clause("P4.5", "Resend delivers our own mail; what comes back is obeyed", _returned_mail_obeyed),
    Clause("P4.6", "Railway hosts the system"),
    Clause("P4.7", "Each transfer to a subprocessor is logged", _sends_disclosed),
    Clause("P5.1", "Access is walled off by tenant and function", _tenants_walled),
    Clause("P5.2", "Standard contractual clauses with each subprocessor"),
    Clause("P6.1", "Accounts end 30 days after deletion"),
    Clause("P6.2", "Messages stay until the customer deletes them"),
    Clause("P6.3", "Error telemetry for 30 days"),
    Clause("P6.4", "Webhook delivery logs for 90 days", _delivery_log_swept),
    Clause("P6.5", "Billing records for 7 years"),
    Clause("P6.6", "Backups for 30 days"),
    Clause("P7.1", "Export on demand", _exports_made),
    Clause("P7.2", "Erasure on demand"),
    Clause("P7.3", "Correction at any time", _corrections_written_down),
    Clause("P7.4", "STOP ends messages", _opt_outs_obeyed),
    Clause("P7.5", "Complaints have an address", _complaints_directed),
    Clause("P8.1", "Short-lived, scoped tokens", _tokens_short),
    Clause("P8.2", "Passwords with bcrypt", _passwords_hashed),
    Clause("P8.3", "Database traffic over TLS", _database_pinned),
    Clause("P8.4", "Customers' credentials encrypted", _credentials_sealed),
    Clause("P8.5", "Breach notices within 72 hours"),
    Clause("P9.1", "Nothing about children under 16", _grown_up_and_in_business),
    Clause("P10.1", "Material changes announced 14 days ahead"),
    Clause("P11.1", "Privacy and support can be reached", _mails_say_where_we_are),
)
