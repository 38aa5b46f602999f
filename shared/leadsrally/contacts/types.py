"""People as providers tell of them."""

from dataclasses import dataclass
from typing import Literal

IdentityKind = Literal["wa_id", "bsuid", "parent_bsuid", "number"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider calls a person.

    `wa_id`: WhatsApp's digits for a number. `bsuid`: the id that stands for the person towards one business, and
    may be all that is known of them; `parent_bsuid`: the one that linked business portfolios share.
    """

    kind: IdentityKind
    value: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who wrote, by whatever the provider told: a number, identities, or both."""

    phone: str | None  # E.164, or what the provider gave when it is a short code or a name
    identities: tuple[Identity, ...] = ()  # the surest first
    name: str = ""  # as the person calls themselves there

    @property
    def addresses(self) -> list[str]:
        """All that the person is reached by, as `contacts.store.addresses_of` tells of a contact."""
        named = [f"+{known.value}" if known.kind == "wa_id" else known.value for known in self.identities]
        return named if self.phone is None else [*named, self.phone]

    def named(self, kind: IdentityKind) -> str | None:
        return next((identity.value for identity in self.identities if identity.kind == kind), None)
