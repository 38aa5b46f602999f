"""What moves through a conversation, as values that know no provider and no database."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self
from uuid import UUID

from leadsrally.contacts.types import Person
from leadsrally.kit.errors import Conflict

if TYPE_CHECKING:
    from leadsrally.kit.download import Incoming

Direction = Literal["inbound", "outbound"]
PermissionKind = Literal["sms", "whatsapp"]
"""The kind of channel that permission is given and taken for."""
Effect = Literal[
    "opt_out",  # the person has opted out there
    "no_marketing",  # the person wants no marketing there
    "withheld",  # the provider holds marketing back from the person for a day
    "template_paused",
    "template_disabled",
    "template_gone",
    "template_changed",  # our copy of it is out of date
    "attention",  # the channel sends nothing until somebody sets it right at the provider
]
"""What a provider's error asks of us beyond the message that it is about."""
ChannelKind = Literal["sms", "whatsapp", "lead_ads"]
Purpose = Literal["service", "marketing", "keyword"]
KeywordSignal = Literal["stop", "start", "help"]
Kind = Literal[
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "button",  # a button of ours was pressed
    "list",  # a row of a list of ours was chosen
    "form",
    "call_permission",
    "order",
    "system",  # the provider tells something about the person
    "unsupported",  # the provider could not pass it on, or we do not know its type
    "template",
    "interactive",
]

TWILIO_CREDENTIALS: Final = "twilio.credentials"
META_CREDENTIALS: Final = "meta.credentials"
"""What a channel's sealed credentials are for, bound into the seal."""
TWILIO_TASK: Final = "twilio.task"
META_TASK: Final = "meta.task"
"""Credentials that a task brings along and that are forgotten with its end."""


class Status(StrEnum):
    """Where an outbound message stands. `RANK` says which report may replace which."""

    QUEUED = "queued"  # ours: waiting for its turn
    CLAIMED = "claimed"  # ours: the gate said yes, the provider is being called
    UNKNOWN = "unknown"  # ours: called, and no answer came back; being looked up
    ACCEPTED = "accepted"  # the provider has it
    SENT = "sent"
    FAILED = "failed"
    UNDELIVERED = "undelivered"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"  # a voice message was listened to
    CANCELED = "canceled"
    REFUSED = "refused"  # ours: the gate said no
    RECEIVED = "received"  # inbound


# A report is applied only when its rank is higher than the stored one, so callbacks may come late, twice
# or in any order. Delivery beats failure because it is proof; failure never beats delivery.
RANK: dict[Status, int] = {
    Status.QUEUED: 10,
    Status.CLAIMED: 20,
    Status.UNKNOWN: 25,
    Status.ACCEPTED: 30,
    Status.SENT: 40,
    Status.FAILED: 50,
    Status.UNDELIVERED: 50,
    Status.DELIVERED: 60,
    Status.READ: 70,
    Status.PLAYED: 80,
    Status.CANCELED: 90,
    Status.REFUSED: 90,
    Status.RECEIVED: 100,
}


@dataclass(frozen=True, slots=True)
class MediaReference:
    """Where the provider keeps a file. The bytes are fetched by a job, never by the webhook."""

    source: str  # an address at Twilio, an id at Meta
    content_type: str  # as the provider says; believed by nobody
    file_name: str = ""  # as the sender called it


class MediaSource(Protocol):
    """Where one channel's provider keeps files, with the channel's own credentials."""

    def open(self, source: str) -> "AbstractContextManager[Incoming]":
        """The file of a `MediaReference`, as it arrives. Raises as `leadsrally.kit.download.download` does."""
        ...


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message from a contact, as a provider reported it, safe to store in Postgres.

    `content` is what is more than body and media, under the name of its kind, and beside it `context` and
    `referral` where they were given. `body` is what can be read of it in words, if anything.
    """

    provider_message_id: str
    sender: Person
    recipient: str
    body: str
    media: tuple[MediaReference, ...] = ()
    keyword: KeywordSignal | None = None  # the provider acted on an opt-out word and already answered it
    altered: bool = False  # characters that Postgres cannot hold were replaced
    segments: int | None = None
    kind: Kind = "text"
    content: Mapping[str, Any] | None = None
    reply_to: str | None = None  # the provider's id of the message it answers
    sent_at: datetime | None = None  # by the provider's clock
    opens_window: bool = False  # after it WhatsApp lets us write freely for 24 hours


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a contact did to a message that was there before. An empty `text` takes a reaction away."""

    provider_message_id: str
    target: str  # the provider's id of the message it speaks of
    sender: Person
    action: Literal["reaction", "edit", "revoke"]
    text: str  # the emoji, or the new words
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Preference:
    """A contact told the provider whether they want marketing from us. It says nothing about anything else."""

    sender: Person
    wants_marketing: bool
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Renaming:
    """A person is called differently from now on. `before` no longer leads to them, `after` does.

    With nothing in `after` only the device or its keys changed, and somebody should look who is writing.
    """

    provider_message_id: str
    before: Person
    after: Person
    body: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message of ours before it is queued. `content` as in `InboundMessage`; `body` is what it says in words."""

    kind: Kind
    body: str
    content: Mapping[str, Any] | None = None
    reply_to: UUID | None = None  # a message of the same conversation
    template_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One status callback. `message_id` is ours, carried in the callback or its address when we sent it."""

    provider_message_id: str
    status: Status
    error_code: str | None = None
    message_id: UUID | None = None
    reported_at: datetime | None = None  # by the provider's clock
    pricing: Mapping[str, Any] | None = None
    recipient: Person | None = None


@dataclass(frozen=True, slots=True)
class TemplatesChanged:
    """Something became of a template of this WhatsApp account; what, is asked for."""

    waba_id: str


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """Something became of this WhatsApp account or a number of it; what, is asked for."""

    waba_id: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """News that is none of ours, and why."""

    reason: str  # a closed word


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that should have been one of the above and is not."""

    reason: str  # a closed word


News = (
    InboundMessage
    | Amendment
    | Preference
    | Renaming
    | DeliveryReport
    | TemplatesChanged
    | AccountChanged
    | Ignored
    | Unreadable
)


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of a delivery that may hold many, with the number of ours that it is about.

    `raw` makes the piece as it came, for whoever has to find out why it could not be taken; few are ever asked for.
    """

    phone_number_id: str
    news: News
    raw: Callable[[], object] = field(compare=False)
    person: Person | None = None  # whom an unreadable piece seems to be from


@dataclass(frozen=True, slots=True)
class Channel:
    """A customer's connection to a provider. Secrets are inside `credentials`, sealed."""

    organization_id: UUID
    id: UUID
    key: str
    kind: ChannelKind
    address: str | None  # our number in E.164; a page has none
    account_sid: str | None  # Twilio's account, of an SMS channel
    waba_id: str | None  # WhatsApp Business account
    phone_number_id: str | None  # what Meta calls a WhatsApp number
    page_id: str | None  # of a Lead Ads channel
    credentials: bytes
    credentials_version: int
    provider_answers_keywords: bool  # the carrier or Twilio confirms STOP and HELP itself

    @property
    def permission(self) -> PermissionKind:
        """The kind of channel that permission is given and taken for."""
        return "whatsapp" if self.kind == "whatsapp" else "sms"


@dataclass(frozen=True, slots=True)
class AccountState:
    """What a provider says of a customer's account there."""

    active: bool
    trial: bool  # may write to verified numbers only


@dataclass(frozen=True, slots=True)
class NumberWanted:
    """What kind of number is looked for. `area_code` and `contains` narrow it down."""

    country: str  # ISO 3166, two letters
    kind: Literal["local", "mobile", "toll_free"]
    area_code: str | None = None
    contains: str | None = None  # digits and letters, `*` for any one


@dataclass(frozen=True, slots=True)
class AvailableNumber:
    """A number that could be bought, as of a moment ago."""

    number: str
    locality: str
    region: str
    mms: bool
    voice: bool
    address_required: bool  # the regulator wants an address first


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    """A number in the customer's account. `inbound_url` is where its texts go; an application may stand before it."""

    provider_id: str
    number: str
    sms: bool
    inbound_url: str
    inbound_method: str
    application: str


@dataclass(frozen=True, slots=True)
class Bought:
    """The provider has taken the order and the number is the customer's."""


@dataclass(frozen=True, slots=True)
class NotBought:
    """The provider said no and did nothing. `code` is the provider's own."""

    code: str


@dataclass(frozen=True, slots=True)
class NotAsked:
    """The order never reached the provider. Safe to try again."""

    retry_after: float | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Doubtful:
    """The order went out and no usable answer came back. It may have been taken; never repeat it blindly."""


Purchase = Bought | NotBought | NotAsked | Doubtful


class ProviderRefused(Conflict):
    """A provider answered that it will not do this. `code` is its own; the sentence holds none of its text."""

    def __init__(self, code: str) -> None:
        super().__init__("The provider refused. See the code for why, and what to do about it.", code=code)


class NumberAccount(Protocol):
    """A customer's account at a provider of phone numbers, open for the length of a `with`.

    Each call asks once. All raise `ProviderRefused` when the answer is no and `Unavailable` when there is none, except
    `buy`, of which that difference is the result.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def state(self) -> AccountState: ...

    def owned(self, number: str) -> OwnedNumber | None:
        """The number, if the account has it."""
        ...

    def search(self, wanted: NumberWanted, limit: int) -> tuple[AvailableNumber, ...]:
        """Numbers that can send texts and could be bought."""
        ...

    def buy(self, number: str) -> Purchase:
        """Order the number, which costs the customer money. There is no idempotency key: never repeat it blindly."""
        ...

    def point(self, provider_id: str, inbound_url: str) -> OwnedNumber:
        """Have the number's texts sent to this address. May be repeated."""
        ...

    def release(self, provider_id: str) -> None:
        """Give the number back. May be repeated: one that is gone already is no error."""
        ...


class NumberProvider(Protocol):
    """A provider of phone numbers. `document` is what a channel's seal holds; only its provider can read it."""

    def account(self, document: bytes, account_sid: str) -> NumberAccount: ...

    def renewed(self, document: bytes, replacement: bytes, until: datetime) -> bytes | None:
        """The replacement, with which the old secret still verifies what comes in `until` then.

        None when it is what we have already.
        """
        ...


# -- a business at Meta -------------------------------------------------------------------------------------

Quality = Literal["green", "yellow", "red", "unknown"]
Health = Literal["available", "limited", "blocked"]
NewsOf = Literal["whatsapp", "page"]


@dataclass(frozen=True, slots=True)
class TokenState:
    """What a provider says of an access token. `page_id`: it is that page's own."""

    valid: bool
    app_id: str
    scopes: frozenset[str]
    expires_at: datetime | None = None  # None: never
    page_id: str | None = None


@dataclass(frozen=True, slots=True)
class NumberState:
    """How a WhatsApp number stands. Words in capitals are the provider's own."""

    number: str | None  # E.164
    status: str  # CONNECTED, and others that are not
    name_status: str
    quality: Quality
    health: Health | None
    health_code: str | None = None  # the provider's, of what limits or blocks it
    messaging_limit: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where an app's news of one kind is sent, and which it is."""

    callback_url: str
    active: bool
    fields: frozenset[str]


class BusinessAccess(Protocol):
    """A business at Meta by way of the customer's app, open for the length of a `with`. A node is an account or a page.

    Each call asks once. All raise `ProviderRefused` when the answer is no and `Unavailable` when there is none.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def app(self) -> None:
        """Whether the app's id and secret belong together: refused when they do not."""
        ...

    def token(self) -> TokenState: ...

    def numbers(self, waba_id: str) -> frozenset[str]:
        """Ids of the account's phone numbers."""
        ...

    def number(self, phone_number_id: str) -> NumberState: ...

    def messaging_limit(self, phone_number_id: str) -> str | None: ...

    def page(self, page_id: str) -> None:
        """Whether the page can be read: refused when it cannot."""
        ...

    def forms(self, page_id: str) -> None:
        """Whether the page's lead forms can be listed: refused when they cannot."""
        ...

    def subscription(self, of: NewsOf) -> Subscription | None: ...

    def subscribed(self, node: str) -> frozenset[str] | None:
        """The fields of the node that the app is installed for, empty where none are named; None: it is not installed."""
        ...

    def listen(self, of: NewsOf, callback_url: str, fields: frozenset[str]) -> None:
        """Have the app's news of this kind sent there. The provider makes sure of the address meanwhile."""
        ...

    def subscribe(self, node: str, fields: frozenset[str]) -> None:
        """Install the app on the node. May be repeated."""
        ...

    def unsubscribe(self, node: str) -> None: ...


class BusinessProvider(Protocol):
    """`document` is what a channel's seal holds; only its provider can read it."""

    def access(self, document: bytes, app_id: str) -> BusinessAccess: ...

    def renewed(self, document: bytes, replacement: bytes, until: datetime, named: bytes) -> bytes | None:
        """The document with what was replaced; the old app secret still verifies what comes in `until` then.

        A token is put only in the place of the one that `named` holds, the document of the channel it was entered for,
        and a verify token only into that very document. None when nothing changes.
        """
        ...


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an inbound message. `duplicate` means that nothing changed."""

    duplicate: bool
    message_id: UUID | None
    conversation_id: UUID | None
    contact_id: UUID | None


@dataclass(frozen=True, slots=True)
class Message:
    id: UUID
    conversation_id: UUID
    contact_id: UUID
    direction: Direction
    body: str
    status: Status
    created_at: datetime
    error_code: str | None = None


# -- templates ----------------------------------------------------------------------------------------------

TemplateState = Literal[
    "approved",
    "pending",
    "rejected",
    "paused",
    "disabled",
    "in_appeal",
    "deleted",
    "archived",
    "limit_exceeded",
    "unknown",
]
TemplateCategory = Literal["marketing", "utility", "authentication"]
HeaderKind = Literal["text", "image", "video", "document", "location"]
GAP: Final = re.compile(r"\{\{\s*(\w{1,64})\s*\}\}")
ButtonKind = Literal["quick_reply", "url", "phone", "copy_code", "other"]


@dataclass(frozen=True, slots=True)
class Wording:
    """A text with gaps like `{{1}}` or `{{first_name}}`.

    `values` are their names, each once: numbers in their order, names as they come.
    """

    text: str
    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        names = list(dict.fromkeys(GAP.findall(text)))
        numbers = all(name.isdecimal() for name in names)
        return cls(text, tuple(sorted(names, key=int) if numbers else names))

    def filled(self, values: Mapping[str, str]) -> str:
        """The text; a gap without a value stays as it is."""
        return GAP.sub(lambda gap: values.get(gap[1], gap[0]), self.text)


@dataclass(frozen=True, slots=True)
class Header:
    kind: HeaderKind
    wording: Wording  # empty for a file


@dataclass(frozen=True, slots=True)
class Button:
    kind: ButtonKind
    text: str
    url: str | None = None
    wants_value: bool = False  # the end of the address, or a code to copy


@dataclass(frozen=True, slots=True)
class TemplateForm:
    """What a template looks like and what it wants. `named`: its values go by name, not by number."""

    body: Wording
    header: Header | None = None
    footer: str = ""
    buttons: tuple[Button, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True)
class TemplateNews:
    """One template in one language, as its provider has it now."""

    provider_id: str
    name: str
    language: str
    category: TemplateCategory
    state: TemplateState
    reason: str | None  # the provider's word for a rejection
    quality: Quality
    form: TemplateForm


class TemplateCatalogue(Protocol):
    """Where a WhatsApp account keeps its templates."""

    def templates(self, waba_id: str) -> list[TemplateNews]:
        """All of them, in every state.

        Raises `leadsrally.kit.errors.Unavailable` when it cannot be asked, and `leadsrally.kit.errors.Forbidden`,
        its code the provider's, when it does not let us in.
        """
        ...
