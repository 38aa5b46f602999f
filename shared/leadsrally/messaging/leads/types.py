"""Leads and their forms, as values that know no provider and no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from leadsrally.consent.types import ChannelKind
from leadsrally.kit.errors import Forbidden, NotFound

State = Literal["queued", "fetched", "failed", "refused_age", "refused_erased", "refused_page"]
"""What became of a lead: there is word of it, it is here, it could not be fetched, it was not taken."""
FormState = Literal["active", "archived", "draft", "deleted", "unknown"]
FoundBy = Literal["webhook", "catch_up", "backfill"]
Reading = Literal["catch_up", "backfill"]


@dataclass(frozen=True, slots=True)
class Word:
    """The word that somebody has left a lead. It holds no answers."""

    lead_id: str
    page_id: str
    form_id: str
    ad_id: str | None
    submitted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It has a form that we do not know. `reason` is a word of ours."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """It tells nothing about leads."""


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of a delivery. `raw` is the piece as it came."""

    news: Word | Unreadable | Ignored
    raw: object


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to one question, under the form's key for it. Several values for several choices."""

    key: str
    values: tuple[str, ...]

    @property
    def text(self) -> str:
        return ", ".join(value for value in self.values if value)


@dataclass(frozen=True, slots=True)
class Advertising:
    """Where a lead came from. Nothing of it is there for one that came without an ad."""

    platform: str | None = None
    ad_id: str | None = None
    ad_name: str | None = None
    adset_id: str | None = None
    adset_name: str | None = None
    campaign_id: str | None = None
    campaign_name: str | None = None


@dataclass(frozen=True, slots=True)
class Lead:
    """A filled-in form, in the order of its answers."""

    id: str
    form_id: str
    submitted_at: datetime | None
    answers: tuple[Answer, ...]
    ticked: tuple[str, ...] = ()  # the keys of the checkboxes of the form's disclaimer that were ticked
    organic: bool | None = None  # None: the provider does not say
    advertising: Advertising = field(default_factory=Advertising)


@dataclass(frozen=True, slots=True)
class Question:
    key: str
    label: str
    kind: str  # the provider's word for a standard question, CUSTOM for others


@dataclass(frozen=True, slots=True)
class Checkbox:
    key: str
    text: str
    required: bool
    ticked_before: bool  # whoever did nothing has "ticked" it, which is no consent (CJEU C-673/17)


@dataclass(frozen=True, slots=True)
class Disclaimer:
    """The form's own legal wording, beside the link to its privacy policy."""

    title: str
    text: str
    checkboxes: tuple[Checkbox, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A form as its page has it. The provider does not let the wording of one be changed."""

    id: str
    name: str
    locale: str  # as the provider writes it: en_US
    state: FormState
    questions: tuple[Question, ...]
    disclaimer: Disclaimer | None
    privacy_url: str | None


Mapped = Mapping[str, str]
"""A question's key, and where its answer goes."""
Consents = Mapping[str, Sequence[ChannelKind]]
"""A checkbox's key, and the kinds of channel that whoever ticks it agrees to be written to by."""


@dataclass(frozen=True, slots=True)
class LeadPage:
    """Leads of a form, newest first, and the cursor to go on from; None: these were the last."""

    leads: tuple[Lead, ...]
    after: str | None


class TokenRefused(Forbidden):
    """The channel's access is over until somebody connects it again. `code` is the provider's own."""


class Withheld(NotFound):
    """What was asked for is not there, or is not for this access. `code` is the provider's own."""


class LeadSource(Protocol):
    """Where one page keeps its forms and leads, with the channel's own credentials.

    Every call raises `TokenRefused`, `Withheld`, `Limited` (with the seconds to wait, as far as the provider says)
    or `Unavailable`.
    """

    def lead(self, lead_id: str) -> Lead:
        """One lead with its answers."""
        ...

    def form(self, form_id: str) -> Form:
        """One form."""
        ...

    def forms(self, page_id: str) -> list[Form]:
        """All forms of the page. One that cannot be read is left out, and only that one."""
        ...

    def leads(self, form_id: str, since: datetime, after: str | None) -> LeadPage:
        """The leads left after an instant, one page of them. One that cannot be read is left out."""
        ...

    def test_leads(self, form_id: str) -> frozenset[str]:
        """The ids of the leads that somebody left with the provider's testing tool."""
        ...
