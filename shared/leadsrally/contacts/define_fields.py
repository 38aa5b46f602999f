"""Give an organisation fields of its own, and name them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.contacts.fields import MAX_CHOICES, MAX_FIELDS, Field, FieldType
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound, Stale
from leadsrally.kit.ids import new_id

# Their own columns have these names, in files and in conditions.
RESERVED: Final = frozenset(
    {"id", "phone", "name", "email", "tags", "time_zone", "restricted", "created_at", "updated_at"}
)

# One at a time within an organisation, so that two at once do not pass the limit together.
_LOCK = "SELECT 1 FROM organizations WHERE id = %(organization_id)s FOR NO KEY UPDATE"
_COUNT = (
    "SELECT count(*) FROM contact_fields WHERE organization_id = %(organization_id)s AND deleted_at IS NULL"
)
_INSERT = """
INSERT INTO contact_fields (organization_id, id, key, label, type, choices, created_at)
VALUES (%(organization_id)s, %(id)s, %(key)s, %(label)s, %(type)s, %(choices)s, %(now)s)
ON CONFLICT (organization_id, key) DO NOTHING
RETURNING id, key, label, type, choices, version, created_at
"""


def define_field(
    tx: Tx,
    organization_id: UUID,
    *,
    key: str,
    label: str,
    type_: FieldType,
    choices: Sequence[str] = (),
    actor: Actor,
    now: datetime,
) -> Field:
    """A new field. Its key and its type stay; its label and choices may change.

    Raises `Invalid` for a reserved key or choices that do not fit the type, and `Conflict` for a key that is taken
    or when there are as many fields as there may be.
    """
    if key in RESERVED:
        raise Invalid("This key names something that every contact has. Choose another.", code="key_reserved")
    _refuse_choices(type_, choices)
    refuse_too_many(tx, organization_id)
    made = tx.maybe(
        Field,
        _INSERT,
        {
            "organization_id": organization_id,
            "id": new_id(now),
            "key": key,
            "label": label,
            "type": type_,
            "choices": list(choices),
            "now": now,
        },
    )
    if made is None:
        raise Conflict("There is a field with this key. Choose another.", code="field_exists")
    audit.record(tx, organization_id, actor, "field.created", now=now, target=("field", made.id))
    return made


def refuse_too_many(tx: Tx, organization_id: UUID) -> None:
    """Raise `Conflict` when no more field fits. Nobody else makes one before this transaction ends."""
    tx.run(_LOCK, {"organization_id": organization_id})
    if tx.value(_COUNT, {"organization_id": organization_id}) >= MAX_FIELDS:
        raise Conflict(f"There are {MAX_FIELDS} fields already. Delete one first.", code="too_many_fields")


def _refuse_choices(type_: FieldType, choices: Sequence[str]) -> None:
    if type_ != "choice" and choices:
        raise Invalid("Only a field of type `choice` has choices.", code="bad_choices")
    once = {choice.casefold() for choice in choices}
    if type_ == "choice" and not 0 < len(once) == len(choices) <= MAX_CHOICES:
        raise Invalid(f"Give 1 to {MAX_CHOICES} choices, each once.", code="bad_choices")


_ONE = """
SELECT id, key, label, type, choices, version, created_at
  FROM contact_fields
 WHERE organization_id = %(organization_id)s
   AND id = %(field_id)s
   AND deleted_at IS NULL
"""


def field(tx: Tx, organization_id: UUID, field_id: UUID) -> Field:
    """Raises `NotFound`."""
    found = tx.maybe(Field, _ONE, {"organization_id": organization_id, "field_id": field_id})
    if found is None:
        raise NotFound("There is no such field.", code="field_not_found")
    return found


_EDIT = """
UPDATE contact_fields
   SET label = coalesce(%(label)s, label),
       choices = coalesce(%(choices)s::text[], choices),
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(field_id)s
   AND version = %(version)s
   AND deleted_at IS NULL
RETURNING id, key, label, type, choices, version, created_at
"""


def edit_field(
    tx: Tx,
    organization_id: UUID,
    field_id: UUID,
    changes: dict[str, Any],
    *,
    version: int,
    actor: Actor,
    now: datetime,
) -> Field:
    """Change its label or its choices. A choice that is taken away stays where it was chosen.

    Raises `NotFound`, `Invalid` and `Stale`.
    """
    before = field(tx, organization_id, field_id)
    if "choices" in changes:
        _refuse_choices(before.type, changes["choices"])
    given = {"label": changes.get("label"), "choices": changes.get("choices"), "version": version}
    edited = tx.maybe(Field, _EDIT, {**given, "organization_id": organization_id, "field_id": field_id})
    if edited is None:
        raise Stale
    details = {"fields": " ".join(name for name in ("label", "choices") if name in changes)}
    audit.record(
        tx, organization_id, actor, "field.edited", now=now, target=("field", field_id), details=details
    )
    return edited
