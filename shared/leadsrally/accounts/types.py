"""The people of an organisation."""

from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

Role = Literal["owner", "admin", "agent", "viewer"]
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
