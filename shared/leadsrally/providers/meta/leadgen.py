"""Meta's word that there are leads, piece by piece. It holds no answers.

https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving: `entry[].changes[]` of object `page` with
field `leadgen`. Ids are strings in recent captures and integers in older documents; what an ad would say is missing, or
0, for a lead that came without one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from leadsrally.messaging.leads.types import Ignored, Item, Unreadable, Word
from leadsrally.providers.meta.reading import identifier, instant, is_list, listing, mapping

_NODE: Final = re.compile(r"[0-9]{1,64}", re.ASCII)


def items(document: Mapping[str, object]) -> Iterator[Item]:
    """Every piece of a page's delivery, in its order. Never raises, whatever the document holds."""
    entries = document.get("entry")
    if not is_list(entries):
        yield Item(Unreadable("entry"), document)
    for entry in listing(entries):
        changes = mapping(entry).get("changes")
        if not is_list(changes):
            yield Item(Unreadable("changes"), entry)
        for change in listing(changes):
            yield Item(_change(mapping(change), node(mapping(entry).get("id"))), change)


def _change(change: Mapping[str, object], entry_id: str) -> Word | Unreadable | Ignored:
    field, value = change.get("field"), mapping(change.get("value"))
    if isinstance(field, str) and field != "leadgen":
        return Ignored()
    lead_id = node(value.get("leadgen_id"))
    if not isinstance(field, str) or not lead_id:
        return Unreadable("lead_id" if value else "change")
    page_id = node(value.get("page_id")) or entry_id
    if not page_id:
        return Unreadable("page_id")
    return Word(
        lead_id=lead_id,
        page_id=page_id,
        form_id=node(value.get("form_id")),
        ad_id=optional_node(value.get("ad_id")),
        submitted_at=instant(value.get("created_time")),
    )


def node(value: object) -> str:
    """The id of a node: digits, be they written as a number or as a string; else empty."""
    found = identifier(value)
    return found if _NODE.fullmatch(found) else ""


def optional_node(value: object) -> str | None:
    """As `node`, None where there is none; older captures write 0 for that."""
    found = node(value)
    return found if found.strip("0") else None
