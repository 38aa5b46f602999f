"""A second factor: set up, prove once, ask for it at each log-in, take it away."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit, limits, one_time_code, recovery_codes, sessions
from leadsrally.accounts.audit import Actor, AuditAction
from leadsrally.accounts.front_desk import FrontDesk, count_try
from leadsrally.accounts.types import Person
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.crypto import SealContext
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Forbidden, NotFound

PURPOSE: Final = "second_factor"  # of its seal


@dataclass(frozen=True, slots=True)
class Factor:
    """What rests of it. The secret is sealed."""

    secret: bytes = field(repr=False)
    last_step: int
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SetUp:
    """Shown once: what goes into the app."""

    secret: str = field(repr=False)
    address: str = field(repr=False)  # otpauth://


_OF = """
SELECT secret, last_step, confirmed_at
  FROM second_factors
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
"""


def of(tx: Tx, organization_id: UUID, user_id: UUID) -> Factor | None:
    """The person's second factor, if one is set up and was proven."""
    found = tx.maybe(Factor, _OF, {"organization_id": organization_id, "user_id": user_id})
    return found if found and found.confirmed_at else None


_STATE = """
SELECT EXISTS (
    SELECT 1
      FROM second_factors
     WHERE organization_id = %(organization_id)s
       AND user_id = %(user_id)s
       AND confirmed_at IS NOT NULL
) AS on, (
    SELECT count(*)
      FROM recovery_codes
     WHERE organization_id = %(organization_id)s
       AND user_id = %(user_id)s
       AND used_at IS NULL
) AS recovery_codes_left
"""


@dataclass(frozen=True, slots=True)
class State:
    on: bool
    recovery_codes_left: int


def state(tx: Tx, organization_id: UUID, user_id: UUID) -> State:
    """What a person is shown of it."""
    return tx.one(State, _STATE, {"organization_id": organization_id, "user_id": user_id})


# One that was never proven asks nobody for anything, so it may be replaced.
_SET_UP = """
INSERT INTO second_factors AS f (organization_id, user_id, secret, created_at)
VALUES (%(organization_id)s, %(user_id)s, %(secret)s, %(now)s)
ON CONFLICT (organization_id, user_id) DO UPDATE
   SET secret = excluded.secret, created_at = excluded.created_at, last_step = 0
 WHERE f.confirmed_at IS NULL
"""


def set_up(desk: FrontDesk, person: Person) -> SetUp:
    """A new secret, which asks for nothing until `prove`. Raises `Conflict` where one is in use."""
    secret = one_time_code.new_secret()
    sealed = desk.vault.seal(secret, _context(person.organization_id, person.id))
    row = {"organization_id": person.organization_id, "user_id": person.id, "secret": sealed}
    with desk.db.tenant(person.organization_id) as tx:
        if not tx.run(_SET_UP, {**row, "now": desk.clock()}):
            raise Conflict("There is a second factor already. Remove it first.", code="second_factor_on")
    return SetUp(one_time_code.spell(secret), one_time_code.address(secret, person.email))


_PROVE = """
UPDATE second_factors
   SET confirmed_at = %(now)s, last_step = %(step)s
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
   AND secret = %(secret)s
   AND confirmed_at IS NULL
"""


def prove(desk: FrontDesk, person: Person, session_id: UUID, code: str) -> list[str]:
    """Switch it on with its first code; returns the recovery codes, which are shown once.

    Every other session of the person ends, since it began without. Raises `NotFound` when nothing waits to be
    proven, `Forbidden` for a wrong code, and `Limited` after too many.
    """
    organization_id = person.organization_id
    count_try(desk, limits.SECOND_FACTOR, str(person.id))
    with desk.db.tenant(organization_id) as tx:
        found = tx.maybe(Factor, _OF, {"organization_id": organization_id, "user_id": person.id})
    if found is None or found.confirmed_at is not None:
        raise NotFound("No second factor waits to be proven. Set one up first.", code="second_factor_missing")
    now = desk.clock()
    secret = desk.vault.open(found.secret, _context(organization_id, person.id))
    step = one_time_code.matching_step(secret, code, now, after=found.last_step)
    if step is None:
        raise wrong_code()
    place = {"organization_id": organization_id, "user_id": person.id, "secret": found.secret}
    with desk.db.tenant(organization_id) as tx:
        if not tx.run(_PROVE, {**place, "step": step, "now": now}):
            raise wrong_code()  # another one was set up, or this one proven, in the same moment
        codes = recovery_codes.renew(tx, desk.hashes, organization_id, person.id)
        _changed(tx, person, session_id, "second_factor.added", now)
        limits.give_back(tx, desk.hashes, limits.SECOND_FACTOR, str(person.id))
    return codes


_REMOVE = """
DELETE FROM second_factors
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
RETURNING confirmed_at IS NOT NULL
"""


def remove(tx: Tx, person: Person, session_id: UUID, *, now: datetime) -> None:
    """Ask for it no more. Raises `NotFound` where there is none."""
    was_on = tx.value(_REMOVE, {"organization_id": person.organization_id, "user_id": person.id})
    if was_on is None:
        raise NotFound("There is no second factor.", code="second_factor_missing")
    recovery_codes.clear(tx, person.organization_id, person.id)
    if was_on:
        _changed(tx, person, session_id, "second_factor.removed", now)


def renew_codes(tx: Tx, desk: FrontDesk, person: Person, *, now: datetime) -> list[str]:
    """Ten new recovery codes; the old ones are void. Raises `NotFound` without a second factor."""
    if of(tx, person.organization_id, person.id) is None:
        raise NotFound("There is no second factor.", code="second_factor_missing")
    codes = recovery_codes.renew(tx, desk.hashes, person.organization_id, person.id)
    _written_down(tx, person, "recovery_codes.renewed", now)
    return codes


_USE_STEP = """
UPDATE second_factors
   SET last_step = %(step)s
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
   AND secret = %(secret)s
   AND last_step < %(step)s
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A code, and what it may be: a step of the app's, else a recovery code."""

    factor: Factor
    code: str = field(repr=False)
    step: int | None


def judge(desk: FrontDesk, organization_id: UUID, user_id: UUID, factor: Factor, code: str) -> Shown:
    """What a code is. Outside of a transaction, since the vault may ask a key service."""
    typed = "".join(code.split())
    if len(typed) != one_time_code.DIGITS:
        return Shown(factor, typed, None)
    secret = desk.vault.open(factor.secret, _context(organization_id, user_id))
    step = one_time_code.matching_step(secret, typed, desk.clock(), after=factor.last_step)
    return Shown(factor, typed, step)


def use(
    tx: Tx, desk: FrontDesk, organization_id: UUID, user_id: UUID, shown: Shown, *, now: datetime
) -> bool:
    """Use the code up; False when it is wrong or was used before, also in the same moment."""
    place = {"organization_id": organization_id, "user_id": user_id}
    if shown.step is not None:
        return tx.run(_USE_STEP, {**place, "secret": shown.factor.secret, "step": shown.step}) == 1
    if not recovery_codes.use(tx, desk.hashes, organization_id, user_id, shown.code, now=now):
        return False
    actor = Actor("person", user_id)
    audit.record(tx, organization_id, actor, "recovery_code.used", now=now, target=("user", user_id))
    return True


def wrong_code() -> Forbidden:
    return Forbidden("The code is wrong, or was used before.", code="code_wrong")


def _changed(tx: Tx, person: Person, session_id: UUID, action: AuditAction, now: datetime) -> None:
    _written_down(tx, person, action, now)
    sessions.end_all(
        tx,
        person.organization_id,
        person.id,
        "second_factor_changed",
        actor=Actor("person", person.id),
        now=now,
        besides=session_id,
    )
    ids = {"user_id": str(person.id)}
    enqueue(tx, person.organization_id, "notify", "second_factor_changed", ids, now=now)


def _written_down(tx: Tx, person: Person, action: AuditAction, now: datetime) -> None:
    actor, target = Actor("person", person.id), ("user", person.id)
    audit.record(tx, person.organization_id, actor, action, now=now, target=target)


def _context(organization_id: UUID, user_id: UUID) -> SealContext:
    return SealContext(organization_id, PURPOSE, user_id)
