"""Sign up: an organisation and its owner, waiting for the address to be proven.

Nothing is in `users` before that, so nobody can keep an address from the one who reads its mail. Whether an
address has an account is told to that reader only: the answer, the statements and the hashing are the same (A7).
"""

from dataclasses import asdict, dataclass, field
from datetime import timedelta

from leadsrally.accounts import limits, passwords, store
from leadsrally.accounts.acceptances import refuse_unattested
from leadsrally.accounts.front_desk import FrontDesk
from leadsrally.accounts.places import refuse_unknown_country, refuse_unknown_zone
from leadsrally.accounts.types import Language, Visitor
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.ids import new_id
from leadsrally.kit.mailbox import one_mailbox

LIFETIME = timedelta(hours=24)  # of the link; the sign-up is gone with it


@dataclass(frozen=True, slots=True)
class SignUp:
    organization_name: str
    email: str
    password: str = field(repr=False)
    time_zone: str  # IANA
    country: str  # ISO 3166-1 alpha-2
    language: Language
    business_use: bool  # attested: for a business
    age_16: bool  # attested: of 16 years or more (P9.1)
    terms_version: str
    policy_version: str


# Run for an address that has an account too, and writes nothing then.
_BEGIN = """
WITH organization AS (
    INSERT INTO organizations (id, name, time_zone, country, language, state, created_at)
    SELECT %(organization_id)s, %(organization_name)s, %(time_zone)s, %(country)s, %(language)s, 'pending', %(now)s
     WHERE %(is_new)s
    RETURNING id
)
INSERT INTO signups (
    organization_id, id, email, password_hash, terms_version, policy_version, created_at, expires_at
)
SELECT id, %(id)s, %(email)s, %(password_hash)s, %(terms_version)s, %(policy_version)s, %(now)s, %(expires_at)s
  FROM organization
"""


def sign_up(desk: FrontDesk, wanted: SignUp, visitor: Visitor) -> None:
    """Send a link to the address: to prove it, or to say that it has an account already.

    Raises `Invalid` for what is not attested, for a place that nobody knows, no address, or no password to be had
    here, and `Limited` after too many tries.
    """
    refuse_unattested(business_use=wanted.business_use, age_16=wanted.age_16)
    refuse_unknown_zone(wanted.time_zone)
    refuse_unknown_country(wanted.country)
    email = one_mailbox(wanted.email)
    passwords.refuse_weak(wanted.password, about=(email, wanted.organization_name))
    _count(desk, email, visitor)
    password_hash = passwords.hash_password(wanted.password)
    owner = store.login_by_email(desk.db, email)
    now = desk.clock()
    organization_id = owner.organization_id if owner else new_id(now)
    signup_id = new_id(now)
    with desk.db.tenant(organization_id) as tx:
        tx.run(
            _BEGIN,
            {
                **asdict(wanted),
                "organization_id": organization_id,
                "id": signup_id,
                "is_new": owner is None,
                "email": email,
                "password_hash": password_hash,
                "now": now,
                "expires_at": now + LIFETIME,
            },
        )
        if owner is None:
            enqueue(tx, organization_id, "notify", "verify_signup", {"signup_id": str(signup_id)}, now=now)
        else:
            enqueue(tx, organization_id, "notify", "account_exists", {"user_id": str(owner.id)}, now=now)


def _count(desk: FrontDesk, email: str, visitor: Visitor) -> None:
    now = desk.clock()
    with desk.db.across() as tx:
        wait = limits.spend(tx, desk.hashes, limits.SIGN_UP_SOURCE, visitor.network, now)
        wait = wait or limits.spend(tx, desk.hashes, limits.SIGN_UP_ADDRESS, email.lower(), now)
    limits.refuse(wait)
