"""The people of an organisation."""

from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Literal, get_args
from uuid import UUID

Role = Literal["owner", "admin", "agent", "viewer"]
Language = Literal["en", "es", "pt", "fr", "de", "it"]
ROLES: tuple[Role, ...] = get_args(Role)  # the strongest first


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asking, as the database knows them at this moment."""

    organization_id: UUID
    id: UUID
    email: str
    role: Role


@dataclass(frozen=True, slots=True)
class Organization:
    id: UUID
    name: str
    time_zone: str
    state: str
    ai_scoring: bool
    ai_suggestions: bool
    ai_auto_reply: bool


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from: the address of the connection itself, never a header's word for it."""

    address: str | None
    device: str  # what the User-Agent header says, at most 300 characters

    @property
    def network(self) -> str:
        """What counts as one source: an IPv4 address, or the /64 that one IPv6 customer gets (RFC 6177)."""
        if self.address is None:
            return "unknown"
        address = ip_address(self.address)
        if isinstance(address, IPv6Address):
            mapped = address.ipv4_mapped
            if mapped is None:
                return str(IPv6Network((address, 64), strict=False))
            address = mapped
        return str(address)
