"""An installation whose policy changes, and time that passes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally import runtime
from leadsrally.privacy.policy import watch as watching
from leadsrally.privacy.policy.text import Text, texts
from leadsrally.privacy.policy.watch import Watch
from tests.world import Org, World

FIRST = texts()[0]
SECOND = replace(FIRST, dated=date(2026, 12, 1), summary="Files lie in another region.")


@dataclass
class House:
    """One installation. `texts` are the versions that its release has."""

    world: World
    texts: Sequence[Text] = (FIRST,)
    hosts: tuple[Any, ...] = ("railway",)
    time_left: timedelta = timedelta(minutes=5)
    _names: int = field(default=0)

    def watch(self) -> list[Any]:
        """One round of the watch; its alarms."""
        door = runtime.of("policy_watch")
        return watching.watch(Watch(door.db, door.clock, self.texts, self.hosts, lambda: self.time_left))

    def customer(self, *owners: str, **columns: Any) -> Org:
        """An organisation with owners."""
        self._names += 1
        org = self.world.organization(f"Customer {self._names}", **columns)
        for address in owners:
            self.person(org, address)
        return org

    def person(self, org: Org, address: str, role: str = "owner", **columns: Any) -> UUID:
        user = uuid4()
        row = {"organization_id": org.id, "id": user, "email": address, "role": role}
        row |= {"password_hash": "$2b$12$" + "a" * 53, "created_at": self.world.clock.now}
        self.world._insert("users", {**row, **columns})
        return user

    def version(self, text: Text = SECOND) -> dict[str, Any]:
        return self.world.row("SELECT * FROM policy_versions WHERE dated = %(day)s", day=text.dated)

    def mails(self) -> list[tuple[str, str]]:
        return [(mail.recipient, mail.subject) for mail in self.world.mailer.mails]


@pytest.fixture
def house(world: World) -> House:
    """Its first version holds."""
    world.clock.now = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
    made = House(world)
    assert made.watch() == []
    world.clock.pass_(hours=1)
    return made
