"""What uses a field or a tag, so that it is not taken from under anybody."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast
from uuid import UUID

from leadsrally.contacts.fields import Field
from leadsrally.kit.db import Tx


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that uses it. `name` is empty where it has none."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Uses:
    """By kind of thing: segments that ask about it, imports and forms that fill it, bulk actions under way."""

    segments: list[Use] = field(default_factory=list[Use])
    imports: list[Use] = field(default_factory=list[Use])
    lead_forms: list[Use] = field(default_factory=list[Use])
    bulk_actions: list[Use] = field(default_factory=list[Use])

    def told(self) -> str:
        """As `2 segments and 1 lead form`; empty when nothing uses it."""
        counts = (
            (len(self.segments), "segment"),
            (len(self.imports), "import"),
            (len(self.lead_forms), "lead form"),
            (len(self.bulk_actions), "bulk action"),
        )
        said = [f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts if count]
        return " and ".join(filter(None, (", ".join(said[:-1]), said[-1]))) if said else ""


_SEGMENTS: Final = """
SELECT id, name, condition
  FROM segments
 WHERE organization_id = %(organization_id)s
 ORDER BY lower(name)
"""
_IMPORTS: Final = """
SELECT i.id, i.file_name AS name
  FROM imports AS i
 WHERE i.organization_id = %(organization_id)s
   AND i.state IN ('looking', 'ready', 'checking', 'running')
   AND EXISTS (SELECT 1
                 FROM jsonb_array_elements(i.mapping) AS m
                WHERE m ->> 'to' = 'field'
                  AND m ->> 'field' = %(key)s)
 ORDER BY i.created_at DESC, i.id DESC
 LIMIT 100
"""
_FORMS: Final = """
SELECT f.id, f.name
  FROM lead_forms AS f
 WHERE f.organization_id = %(organization_id)s
   AND EXISTS (SELECT 1 FROM jsonb_each_text(f.mapping) AS m WHERE m.value = 'field:' || %(key)s)
 ORDER BY f.name, f.id
 LIMIT 100
"""
_ACTIONS: Final = """
SELECT id, condition, tag_ids, fields
  FROM bulk_actions
 WHERE organization_id = %(organization_id)s
   AND state IN ('running', 'undoing')
 ORDER BY created_at DESC, id DESC
"""


def uses_of_field(tx: Tx, organization_id: UUID, held: Field) -> Uses:
    """Exact at this moment; of imports and forms a hundred at most."""
    given = {"organization_id": organization_id, "key": held.key}

    def asks(question: dict[str, Any]) -> bool:
        return question.get("on") == f"fields.{held.key}"

    actions = [
        Use(row["id"], "")
        for row in tx.dicts(_ACTIONS, given)
        if held.slot in row["fields"] or any(map(asks, _questions(row["condition"])))
    ]
    return Uses(
        _segments(tx, organization_id, asks),
        tx.all(Use, _IMPORTS, given),
        tx.all(Use, _FORMS, given),
        actions,
    )


def uses_of_tag(tx: Tx, organization_id: UUID, tag_id: UUID) -> Uses:
    """Imports name tags by their names, and make those that are not there: they use none."""

    def asks(question: dict[str, Any]) -> bool:
        return question.get("on") == "tag" and _is(question.get("value"), tag_id)

    actions = [
        Use(row["id"], "")
        for row in tx.dicts(_ACTIONS, {"organization_id": organization_id})
        if tag_id in row["tag_ids"] or any(map(asks, _questions(row["condition"])))
    ]
    return Uses(_segments(tx, organization_id, asks), bulk_actions=actions)


def _segments(tx: Tx, organization_id: UUID, asks: Callable[[dict[str, Any]], bool]) -> list[Use]:
    rows = tx.dicts(_SEGMENTS, {"organization_id": organization_id})
    return [Use(row["id"], row["name"]) for row in rows if any(map(asks, _questions(row["condition"])))]


def _questions(raw: Any) -> Iterator[dict[str, Any]]:
    """Every question of a condition as it is stored, whether it can be read or not."""
    if isinstance(raw, list):
        for one in cast(list[Any], raw):
            yield from _questions(one)
    elif isinstance(raw, dict):
        told = cast(dict[str, Any], raw)
        if "on" in told:
            yield told
        else:
            for one in told.values():
                yield from _questions(one)


def _is(value: Any, tag_id: UUID) -> bool:
    try:
        return UUID(value) == tag_id
    except (ValueError, TypeError, AttributeError):
        return False
