"""Which rows of which table an export holds: derived from the register, so that nothing new can be forgotten.

Pure. Of each table that has something to export come the columns that the register exports, and those that hold
no personal data but say how the rows belong together.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, LiteralString

from leadsrally.privacy.register import NOTHING, REGISTER, Entry, Exported, Nothing

EXPORTED: Final = frozenset(
    {
        Exported.ACCOUNT,
        Exported.PEOPLE,
        Exported.CONSENT,
        Exported.MESSAGES,
        Exported.SCORES,
        Exported.DISCLOSURES,
        Exported.DELIVERIES,
    }
)

# How rows of a table are found to be about one contact, by the first of these columns that the table has.
_OF_CONTACT: Final[tuple[tuple[str, LiteralString], ...]] = (
    ("contact_id", "contact_id = {contact}"),
    (
        "conversation_id",
        (
            "conversation_id IN (SELECT id FROM conversations"
            " WHERE organization_id = {organization} AND contact_id = {contact})"
        ),
    ),
    (
        "message_id",
        (
            "message_id IN (SELECT m.id FROM messages AS m JOIN conversations AS c"
            " ON c.organization_id = m.organization_id AND c.id = m.conversation_id"
            " WHERE m.organization_id = {organization} AND c.contact_id = {contact})"
        ),
    ),
)

# What rows about a contact only name by an id. The words a person agreed to, their tags and the names of their fields
# are the customer's, yet without them nobody understands what is told (GDPR Art. 12(1), 15).
_NAMED_BY_THEM: Final[dict[str, LiteralString]] = {
    "tags": (
        "id IN (SELECT tag_id FROM contact_tags"
        " WHERE organization_id = {organization} AND contact_id = {contact})"
    ),
    "contact_fields": (
        "right(id::text, 12) IN (SELECT jsonb_object_keys(fields) FROM contacts"
        " WHERE organization_id = {organization} AND id = {contact}"
        " UNION ALL SELECT jsonb_object_keys(loser -> 'fields') FROM contact_merges"
        " WHERE organization_id = {organization} AND contact_id = {contact})"
    ),
    "consent_wordings": (
        "id IN (SELECT wording_id FROM consent_events"
        " WHERE organization_id = {organization} AND contact_id = {contact})"
    ),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of an export.

    `of_contact` is the condition that picks the rows about one contact, with `{organization}` and `{contact}` to be
    filled, or those that such rows name; None where there are none, or where nothing says about whom a row is.
    """

    folder: str
    table: str
    columns: tuple[str, ...]
    purposes: tuple[str, ...]
    of_contact: LiteralString | None


def sheets(register: Iterable[Entry] = REGISTER, nothing: Iterable[Nothing] = NOTHING) -> tuple[Sheet, ...]:
    """Every table with something to export, in the order of the register."""
    entries: dict[str, list[Entry]] = {}
    for entry in register:
        if entry.exported in EXPORTED:
            entries.setdefault(entry.table, []).append(entry)
    plain: dict[str, list[str]] = {}
    for row in nothing:
        plain.setdefault(row.table, []).extend(row.columns)
    return tuple(_sheet(table, found, plain.get(table, [])) for table, found in entries.items())


def _sheet(table: str, entries: list[Entry], plain: list[str]) -> Sheet:
    columns = [*plain, *(column for entry in entries for column in entry.columns)]
    return Sheet(
        entries[0].exported.value,
        table,
        tuple(columns),
        tuple(dict.fromkeys(entry.purpose for entry in entries)),
        _about_contact(table, columns)
        if any(entry.subject == "contact" for entry in entries)
        else _NAMED_BY_THEM.get(table),
    )


def _about_contact(table: str, columns: list[str]) -> LiteralString | None:
    if table == "contacts":
        return "id = {contact}"
    return next((condition for column, condition in _OF_CONTACT if column in columns), None)


def of_scope(*, one_contact: bool) -> Iterator[Sheet]:
    """The sheets of an export of everything, or of one person."""
    return (sheet for sheet in sheets() if sheet.of_contact is not None or not one_contact)
