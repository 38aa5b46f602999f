"""What people of a customer are told, the mail that tells them, and what can become of a mail."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, Protocol, get_args
from uuid import UUID

from leadsrally.kit.errors import Invalid
from leadsrally.kit.mailbox import one_mailbox
from leadsrally.kit.money import Money

Kind = Literal[
    "verify_signup",
    "account_exists",
    "reset_password",
    "password_changed",
    "change_email",
    "email_changed",
    "invitation",
    "new_login",
    "role_changed",
    "api_key_created",
    "second_factor_changed",
    "session_reuse",
    "invoice_ready",
    "template_stopped",
    "channel_trouble",
    "channel_attention",
    "token_expiring",
    "export_ready",
    "account_deletion",
    "account_kept",
    "policy_change",
    "policy_reminder",
    "incident",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Language = Literal["en", "es", "pt", "fr", "de", "it"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


# -- what is said -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name:
    """Free text that somebody gave to a thing. Shown without line breaks, and never as a link."""

    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """One of a closed list, said in the reader's language: `Word("role", "owner")`."""

    table: Literal["role", "second_factor", "template_state"]
    name: str


@dataclass(frozen=True, slots=True)
class Device:
    """What a log-in came from, as far as the closed lists of `device_of` know it."""

    browser: str | None
    system: str | None


@dataclass(frozen=True, slots=True)
class Passage:
    """Sentences of ours, or of the operator's. Shown whole, as one paragraph."""

    text: str


Fact = str | Name | Word | Device | Passage | Money | datetime
"""One value in a sentence. A plain `str` is an address (of mail or of the internet)."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a notice leads: a path of the front end, signed with the id of a row when `purpose` says for what."""

    path: str
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told. `user_id` is None for somebody who is no user yet."""

    user_id: UUID | None
    address: str = field(repr=False)
    blocked: bool = False  # our mail to this address came back, or was called spam


@dataclass(frozen=True, slots=True)
class Matter:
    """What a notice speaks of, as the database has it now."""

    about_id: UUID
    recipients: tuple[Recipient, ...]
    facts: Mapping[str, Fact]
    language: Language
    time_zone: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One row of `notices`: one person told of one thing."""

    id: UUID
    user_id: UUID | None
    kind: Kind
    address: str = field(repr=False)
    language: Language
    created_at: datetime


# -- how it leaves ------------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one mailbox. `key` makes a repeat harmless: the same key with the same words is one mail.

    Raises `Invalid` for an address that is not exactly one, and for a subject with a line break: what follows
    it would be a header.
    """

    key: UUID
    organization_id: UUID
    recipient: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)

    def __post_init__(self) -> None:
        if one_mailbox(self.recipient) != self.recipient:
            raise Invalid("A mail goes to one mailbox.", code="email_invalid")
        if _CONTROL.search(self.subject):
            raise Invalid("A mail's subject is one line.", code="mail_subject")


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider has it. Taken is not delivered. Without an id it was taken by an earlier try."""

    provider_id: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider said no for good and did nothing. `reason` is a closed word of the provider's."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotNow:
    """No usable answer, or a request to wait. Trying again with the same key is safe."""

    reason: str
    retry_after: float | None = None  # seconds


Outcome = Taken | Refused | NotNow


class Mailer(Protocol):
    """A provider that carries our mail."""

    def send(self, mail: Mail) -> Outcome:
        """Call the provider once. Raises `Misconfigured` when it does not accept our own key or sender."""
        ...

    def allow(self, address: str) -> None:
        """Have the provider try this address again, which it refuses after a bounce or a complaint.

        Harmless when it never refused it. Raises `Unavailable` when it cannot be asked now.
        """
        ...


# -- what becomes of it -------------------------------------------------------------------------------------


class State(StrEnum):
    """Where a notice stands. `RANK` says which may replace which."""

    QUEUED = "queued"  # ours: waiting to be mailed
    WITHHELD = "withheld"  # ours: not mailed; `reason` says why
    REFUSED = "refused"  # the provider, or we, would not take it
    TAKEN = "taken"  # the provider has it
    DELIVERED = "delivered"  # the recipient's mail server has it
    FAILED = "failed"  # the provider could not send it
    SUPPRESSED = "suppressed"  # the provider would not send to this address any more
    BOUNCED = "bounced"  # it came back
    COMPLAINED = "complained"  # delivered, and called spam


# Reports come late, twice and in any order; one that ranks no higher than what is known changes nothing. A
# mail that came back after it was delivered has come back, and nothing is heard after a complaint.
RANK: Final[dict[State, int]] = {
    State.QUEUED: 10,
    State.WITHHELD: 20,
    State.REFUSED: 20,
    State.TAKEN: 30,
    State.DELIVERED: 40,
    State.FAILED: 50,
    State.SUPPRESSED: 50,
    State.BOUNCED: 50,
    State.COMPLAINED: 60,
}

Event = Literal["sent", "delayed", "delivered", "failed", "suppressed", "bounced", "complained"]
Blocking = Literal["bounced", "complained", "suppressed"]


@dataclass(frozen=True, slots=True)
class MailReport:
    """What the provider tells of one mail. `organization_id` and `notice_id` are those the mail was tagged with."""

    id: str  # the provider's id of this report; the same when it is told again
    event: Event
    organization_id: UUID
    notice_id: UUID
    provider_id: str | None
    occurred_at: datetime
    reason: str | None = None  # a closed word
    blocks: Blocking | None = None  # no more mail to this address, and why
