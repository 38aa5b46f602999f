"""§8: how it is kept safe."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.accounts import tokens
from leadsrally.accounts.permissions import Action
from leadsrally.kit.db import Tx, refuse_unpinned
from leadsrally.kit.errors import Misconfigured, Unauthenticated
from leadsrally.privacy.clauses.types import Clause, Finding
from leadsrally.privacy.incidents import hours


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


# 30 days as hours: a day of Postgres is as long as the session's time zone makes it.
_LONG_OR_READABLE_SESSIONS = """
SELECT count(*)
  FROM sessions
 WHERE expires_at > created_at + interval '720 hours'
    OR octet_length(token_hash) <> 32
    OR octet_length(previous_hash) <> 32
"""


def _long_or_readable_sessions(tx: Tx) -> int:
    """Sessions of more than 30 days, and those that hold anything but the hash of a refresh token."""
    return tx.value(_LONG_OR_READABLE_SESSIONS, {})


def _tokens_short(tx: Tx, now: datetime) -> Finding:
    wrong = _long_or_readable_sessions(tx)
    return Finding(
        _a_token_is_scoped_and_ends(now) and wrong == 0,
        f"a token of a trial ends within 15 minutes; {wrong} sessions are longer than 30 days or hold no hash",
    )


_WEAK_HASHES = """
SELECT count(*) FROM users WHERE password_hash !~ '^\\$2[aby]\\$(1[2-9]|[23][0-9])\\$.{53}$'
"""


def _weak_password_hashes(tx: Tx) -> int:
    return tx.value(_WEAK_HASHES, {})


def _passwords_hashed(tx: Tx, _now: datetime) -> Finding:
    weak = _weak_password_hashes(tx)
    return Finding(weak == 0, f"{weak} passwords not stored with bcrypt at cost 12 or more")


_UNSAFE = ("host=db", "host=db sslmode=disable", "host=db sslmode=prefer", "host=db sslmode=require")


def _refused(address: str) -> bool:
    try:
        refuse_unpinned(address)
    except Misconfigured:
        return True
    return False


# Without an address, or with the machine's own, nothing leaves it.
_WAY = """
SELECT CASE WHEN (SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()) THEN 'encrypted'
            WHEN inet_client_addr() IS NULL OR inet_client_addr() <<= '127.0.0.0/8' OR inet_client_addr() = '::1'
            THEN 'on this machine'
            ELSE 'clear' END
"""


def _way_to_the_database(tx: Tx) -> str:
    """How this connection reaches the database: `encrypted`, `on this machine`, or `clear`."""
    return tx.value(_WAY, {})


def _database_pinned(tx: Tx, _now: datetime) -> Finding:
    taken = sum(not _refused(address) for address in _UNSAFE)
    way = _way_to_the_database(tx)
    return Finding(
        taken == 0 and way != "clear",
        f"{taken} of {len(_UNSAFE)} unsafe addresses would be taken in production; this connection is {way}",
    )


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


def _unsealed_credentials(tx: Tx) -> int:
    return tx.value(_UNSEALED_CREDENTIALS, {})


def _credentials_sealed(tx: Tx, _now: datetime) -> Finding:
    readable = _unsealed_credentials(tx)
    return Finding(readable == 0, f"{readable} channels or tasks with credentials that are not sealed")


# Of each confirmed breach, hour by hour: whether everybody was told by then, and whether somebody was alarmed if not.
_BREACHES = """
WITH customers AS (
    SELECT i.id, i.confirmed_at, a.organization_id,
           least(a.told_otherwise_at, (SELECT min(n.taken_at)
                                         FROM notices AS n
                                        WHERE n.organization_id = a.organization_id
                                          AND n.job_id = a.job_id)) AS told_at
      FROM incidents AS i
      LEFT JOIN incident_notices AS a ON a.incident_id = i.id
     WHERE i.confirmed_at IS NOT NULL
       AND i.decided_at IS NULL
       AND NOT i.drill
)
SELECT (SELECT count(*)
          FROM customers
         WHERE coalesce(told_at, %(now)s) > confirmed_at + %(within)s) AS late,
       (SELECT count(*)
          FROM unnest(%(hours)s::integer[]) AS h (hour)
          JOIN incidents AS i ON i.id IN (SELECT c.id
                                            FROM customers AS c
                                           WHERE coalesce(c.told_at, %(now)s) > c.confirmed_at + make_interval(hours => h.hour)
                                                                              + %(watched)s)
         WHERE (i.closed_at IS NULL OR i.closed_at > i.confirmed_at + make_interval(hours => h.hour) + %(watched)s)
           AND NOT EXISTS (SELECT 1
                             FROM incident_escalations AS e
                            WHERE e.incident_id = i.id
                              AND e.hour = h.hour)) AS silent,
       (SELECT count(*) FROM incidents WHERE confirmed_at IS NOT NULL AND NOT drill) AS confirmed,
       (SELECT max(confirmed_at) FROM incidents WHERE drill) AS drilled_at
"""


@dataclass(frozen=True, slots=True)
class _Breaches:
    late: int
    silent: int
    confirmed: int
    drilled_at: datetime | None


def _breaches_told(tx: Tx, now: datetime) -> Finding:
    found = tx.one(
        _Breaches,
        _BREACHES,
        {"now": now, "within": hours.WITHIN, "watched": hours.WATCHED, "hours": list(hours.ESCALATE)},
    )
    drill = (
        f"the last drill was on {found.drilled_at:%Y-%m-%d}" if found.drilled_at else "no drill was held yet"
    )
    return Finding(
        found.late == 0 and found.silent == 0,
        f"of {found.confirmed} confirmed breaches {found.late} customers were not told within 72 hours, and {found.silent}"
        f" times nobody was alarmed on the way; {drill}",
    )


CLAUSES: Final = (
    Clause("P8.1", "Short-lived, scoped tokens", _tokens_short),
    Clause("P8.2", "Passwords with bcrypt", _passwords_hashed),
    Clause("P8.3", "Database traffic over TLS", _database_pinned),
    Clause("P8.4", "Customers' credentials encrypted", _credentials_sealed),
    Clause("P8.5", "Breach notices within 72 hours", _breaches_told),
)
