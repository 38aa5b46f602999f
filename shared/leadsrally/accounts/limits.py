"""How often something may be tried before anybody is known: guesses, mails, codes.

The generic cell rate algorithm: a bucket holds one instant, at which it will be empty again; each try moves it
forward, and what would move it further ahead than `burst` tries has to wait. One statement decides and counts,
so tries at once cannot slip through together. Subjects are keyed hashes, and made alike for addresses that have
an account and for those that have none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Limited

_NOBODY = UUID(int=0)  # the tenant of a hash that is made before a tenant is known


@dataclass(frozen=True, slots=True)
class Limit:
    bucket: str
    burst: int  # tries at once
    every: timedelta  # and one more after each of these


# Wrong passwords: from one source, for one account, and for one account from a source that it was logged in from
# before. Someone who guesses from elsewhere fills the second and cannot keep the owner out of the third (A8).
LOG_IN_SOURCE = Limit("log_in_source", 30, timedelta(seconds=20))
LOG_IN_ACCOUNT = Limit("log_in_account", 10, timedelta(minutes=5))
LOG_IN_KNOWN = Limit("log_in_known", 10, timedelta(minutes=1))
# Six digits of which three are good at any time: five at once and twelve an hour leave one in a thousand a day.
SECOND_FACTOR = Limit("second_factor", 5, timedelta(minutes=5))
SECOND_FACTOR_KNOWN = Limit("second_factor_known", 5, timedelta(minutes=5))
CONFIRM = Limit("confirm", 10, timedelta(minutes=5))  # for one session
REFRESH = Limit("refresh", 60, timedelta(seconds=5))  # for one session: a client that loops
SIGN_UP_SOURCE = Limit("sign_up_source", 20, timedelta(minutes=3))
SIGN_UP_ADDRESS = Limit("sign_up_address", 3, timedelta(hours=1))  # each try sends a mail there
FORGOT_SOURCE = Limit("forgot_source", 20, timedelta(minutes=3))
FORGOT_ADDRESS = Limit("forgot_address", 3, timedelta(minutes=20))
LINK_SOURCE = Limit("link_source", 30, timedelta(seconds=20))  # links of mails that are followed
INVITATIONS = Limit("invitations", 50, timedelta(minutes=10))  # of one organisation
INVITATION = Limit("invitation", 3, timedelta(hours=1))  # mails of one
API_KEY = Limit("api_key", 100, timedelta(milliseconds=100))  # requests of one key
EMAIL_CHANGE = Limit("email_change", 5, timedelta(hours=1))  # for one person: each try sends a mail

_SPEND = """
INSERT INTO rate_limits AS bucket (bucket, subject, full_at)
VALUES (%(bucket)s, %(subject)s, %(now)s + %(every)s)
ON CONFLICT (bucket, subject) DO UPDATE
   SET full_at = greatest(bucket.full_at, %(now)s) + %(every)s
 WHERE bucket.full_at <= %(now)s + %(ahead)s
"""
_FULL_AT = """
SELECT full_at FROM rate_limits WHERE bucket = %(bucket)s AND subject = %(subject)s
"""


def spend(tx: Tx, hashes: KeyedHash, limit: Limit, subject: str, now: datetime) -> timedelta | None:
    """Count one try. Returns how long to wait when it is one too many; that one is not counted."""
    ahead = limit.every * (limit.burst - 1)
    place = _place(hashes, limit, subject)
    if tx.run(_SPEND, {**place, "now": now, "every": limit.every, "ahead": ahead}):
        return None
    return max(tx.value(_FULL_AT, place) - ahead - now, timedelta(seconds=1))


_GIVE_BACK = """
UPDATE rate_limits
   SET full_at = full_at - %(every)s
 WHERE bucket = %(bucket)s
   AND subject = %(subject)s
"""


def give_back(tx: Tx, hashes: KeyedHash, limit: Limit, subject: str) -> None:
    """Take one try back: it was right, and only wrong ones are counted."""
    tx.run(_GIVE_BACK, {**_place(hashes, limit, subject), "every": limit.every})


def refuse(wait: timedelta | None) -> None:
    """Raise `Limited` when there is something to wait for. After the commit, or the tries would not count."""
    if wait is not None:
        raise Limited(
            "Too many tries. Wait a little and try again.",
            code="too_many_tries",
            retry_after=wait.total_seconds(),
        )


# A mark lies in the same table: until when a source counts as one that an account was logged in from.
_KNOWN = "known_source"
_KNOWN_FOR = timedelta(days=30)

_REMEMBER = """
INSERT INTO rate_limits AS bucket (bucket, subject, full_at)
VALUES (%(bucket)s, %(subject)s, %(until)s)
ON CONFLICT (bucket, subject) DO UPDATE SET full_at = excluded.full_at
"""
_IS_KNOWN = """
SELECT count(*) > 0 FROM rate_limits WHERE bucket = %(bucket)s AND subject = %(subject)s AND full_at > %(now)s
"""


def remember_source(tx: Tx, hashes: KeyedHash, account: str, source: str, now: datetime) -> None:
    """From now on, and for 30 days, this account may be tried from there whatever others try elsewhere."""
    mark = hashes.of(_NOBODY, _KNOWN, f"{account}\n{source}")
    tx.run(_REMEMBER, {"bucket": _KNOWN, "subject": mark, "until": now + _KNOWN_FOR})


def knows_source(tx: Tx, hashes: KeyedHash, account: str, source: str, now: datetime) -> bool:
    mark = hashes.of(_NOBODY, _KNOWN, f"{account}\n{source}")
    return tx.value(_IS_KNOWN, {"bucket": _KNOWN, "subject": mark, "now": now})


def _place(hashes: KeyedHash, limit: Limit, subject: str) -> dict[str, object]:
    return {"bucket": limit.bucket, "subject": hashes.of(_NOBODY, limit.bucket, subject)}
