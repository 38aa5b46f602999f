"""What the pages are made of: the text that holds, what is announced, what the checks found, who is listed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from leadsrally.disclosures.subprocessors import Listed, hosts_of
from leadsrally.kit.errors import NotFound
from leadsrally.notices.compose import Letterhead
from leadsrally.privacy.clauses.standings import Stands, standings
from leadsrally.privacy.policy.text import Item, Text, text_of, texts
from leadsrally.privacy.policy.versions import Version, standing, versions
from leadsrally.runtime import Runtime

_FRESH = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Facts:
    """`version` is None for a text that was not published yet: of an installation in its first minute."""

    text: Text
    version: Version | None
    present: bool  # whether this text is the one that holds
    coming: tuple[Version, ...]
    stands: Mapping[str, Stands]
    subprocessors: tuple[Listed, ...]
    reach: Letterhead
    now: datetime


def gather(door: Runtime, dated: str | None) -> Facts:
    """Everything in one transaction. Raises `NotFound` for a version that was not published."""
    now = door.clock()
    with door.db.across() as tx:
        found, stands = versions(tx), standings(tx)
    stand = standing(found, now)
    version = stand.present if dated is None else _version(found, dated)
    text = text_of(version.dated) if version else texts()[-1]
    if text is None:
        raise _unknown()
    return Facts(
        text,
        version,
        version is stand.present,
        stand.coming,
        stands,
        text.subprocessors(hosts_of(door.settings.optional("LEADSRALLY_HOSTED_BY"))),
        door.letterhead,
        now,
    )


def _version(found: list[Version], dated: str) -> Version:
    try:
        day = date.fromisoformat(dated)
    except ValueError:
        raise _unknown() from None
    version = next((one for one in found if one.dated == day), None)
    if version is None:
        raise _unknown()
    return version


def _unknown() -> NotFound:
    return NotFound("There is no such version of the policy.", code="policy_version_not_found")


def is_stale(facts: Facts, found: Stands) -> bool:
    """Whether its checks, which run every hour, have not run for too long to speak of the present."""
    return facts.now - found.checked_at > _FRESH


def promise_of(facts: Facts, item: Item) -> str:
    """The promise in short, as its check has it; as the policy has it, before the first check."""
    found = facts.stands.get(item.clause)
    return (
        found.promise if found else item.text.format(privacy=facts.reach.privacy, support=facts.reach.support)
    )
