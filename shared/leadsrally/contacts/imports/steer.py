"""What a customer does with an import once its file is there: describe it, try it, run it, stop it, undo it."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.places import refuse_unknown_country
from leadsrally.consent.types import ChannelKind
from leadsrally.contacts import fields
from leadsrally.contacts.imports import store
from leadsrally.contacts.imports.desk import UNDO_FOR, ask, promise_to_forget
from leadsrally.contacts.imports.records import DELIMITERS, ENCODINGS
from leadsrally.contacts.imports.rows import MAX_TAG, MAX_TAGS
from leadsrally.contacts.imports.store import Import
from leadsrally.contacts.imports.types import Attestation, Mapped, State
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound, Stale

_LOOKABLE: Final[Sequence[State]] = ("awaiting_file", "ready")


@dataclass(frozen=True, slots=True)
class Description:
    """What the customer says about the file; None leaves as it was."""

    mapping: Sequence[Mapped] | None = None
    country: str | None = None
    tags: Sequence[str] | None = None
    attestation: Attestation | None = None
    channels: Sequence[ChannelKind] | None = None


def look_at(
    tx: Tx,
    organization_id: UUID,
    import_id: UUID,
    *,
    encoding: str | None,
    delimiter: str | None,
    has_header: bool | None,
    now: datetime,
) -> None:
    """Have the file looked at, or looked at again in another way; what is None is found out.

    Raises `NotFound`, `Conflict` once it is under way, `Invalid` for an encoding or delimiter that is not read.
    """
    if (encoding is not None and encoding not in ENCODINGS) or (
        delimiter is not None and delimiter not in DELIMITERS
    ):
        raise Invalid("Choose one of the encodings and delimiters that are offered.", code="shape_unknown")
    _in(tx, organization_id, import_id, _LOOKABLE)
    store.look(tx, organization_id, import_id, encoding=encoding, delimiter=delimiter, has_header=has_header)
    ask(tx, organization_id, "look", import_id, now=now)


def describe(tx: Tx, organization_id: UUID, import_id: UUID, told: Description, *, version: int) -> None:
    """Take down what the columns are, and what is declared about the people.

    Raises `Stale` when somebody else has, `Conflict` before the file was looked at and once it runs, `Invalid` for
    what does not fit the file.
    """
    found = _in(tx, organization_id, import_id, ("ready",))
    if found.version != version:
        raise Stale
    if told.country is not None:
        refuse_unknown_country(told.country)
    if told.mapping is not None:
        _refuse_mapping(tx, organization_id, found, told.mapping)
    if told.tags is not None and (
        len(told.tags) > MAX_TAGS or not all(0 < len(tag.strip()) <= MAX_TAG for tag in told.tags)
    ):
        raise Invalid(f"Give at most {MAX_TAGS} tags of at most {MAX_TAG} characters.", code="tags_too_long")
    if told.attestation is not None and told.attestation.channels:
        _refuse_attestation(found, told.attestation)
    store.describe(
        tx,
        organization_id,
        import_id,
        mapping=None if told.mapping is None else [asdict(one) for one in told.mapping],
        country=told.country,
        tags=None if told.tags is None else [tag.strip() for tag in told.tags],
        attestation=told.attestation,
        channels=told.channels,
    )


def check(tx: Tx, organization_id: UUID, import_id: UUID, *, now: datetime) -> None:
    """Have it tried without changing anything. Raises as `run` does, but needs no declaration."""
    _refuse_unmapped(_in(tx, organization_id, import_id, ("ready",)))
    store.move(tx, organization_id, import_id, ["ready"], "checking", now=now)
    ask(tx, organization_id, "check", import_id, now=now)


def run(tx: Tx, organization_id: UUID, import_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Have it run. Raises `NotFound`, `Conflict` unless it is ready, `Invalid` when something is missing yet.

    P3.2: contacts are imported only with a declaration about their permission, be it that there is none.
    """
    found = _in(tx, organization_id, import_id, ("ready",))
    _refuse_unmapped(found)
    if found.kind == "contacts" and found.attestation is None:
        raise Invalid(
            "Say first which permission these people gave, and where the proof is, or that they gave none.",
            code="attestation_missing",
        )
    store.move(tx, organization_id, import_id, ["ready"], "running", now=now)
    ask(tx, organization_id, "run", import_id, now=now)
    _record(tx, organization_id, import_id, "import.started", actor, now)


def cancel(tx: Tx, organization_id: UUID, import_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Stop it where it is. What is committed stays, is counted, and can be undone. Raises `Conflict` at its end."""
    found = _in(tx, organization_id, import_id, ("awaiting_file", "looking", "ready", "checking", "running"))
    store.move(tx, organization_id, import_id, [found.state], "cancelled", now=now)
    promise_to_forget(tx, organization_id, import_id, now=now)
    _record(tx, organization_id, import_id, "import.cancelled", actor, now)


def undo(tx: Tx, organization_id: UUID, import_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Have it undone, also what it came to before it failed. Raises `Conflict` when it was not run, or more than 24 hours ago, or is a list of suppressions."""
    found = _in(tx, organization_id, import_id, ("done", "cancelled", "failed"))
    if found.state == "failed" and found.started_at is None:
        raise Conflict(_NOT_NOW["failed"], code="import_failed")
    if found.kind == "suppressions":
        raise Conflict(
            "A list of suppressions is not undone as a whole: lift single numbers.", code="not_undoable"
        )
    if found.started_at is None or now >= found.started_at + UNDO_FOR:
        raise Conflict("An import can be undone for 24 hours from its start.", code="too_late_to_undo")
    store.move(tx, organization_id, import_id, [found.state], "undoing", now=now)
    ask(tx, organization_id, "undo", import_id, now=now)
    _record(tx, organization_id, import_id, "import.undone", actor, now)


def no_such_import() -> NotFound:
    return NotFound("There is no such import.", code="import_not_found")


def _in(tx: Tx, organization_id: UUID, import_id: UUID, states: Collection[State]) -> Import:
    found = store.locked(tx, organization_id, import_id)
    if found is None:
        raise no_such_import()
    if found.state not in states:
        raise Conflict(_NOT_NOW[found.state], code=f"import_{found.state}")
    return found


_NOT_NOW: Final[dict[State, str]] = {
    "awaiting_file": "Upload the file and have it looked at first.",
    "looking": "The file is being looked at. Try again in a moment.",
    "ready": "The import has not run yet.",
    "checking": "The import is being tried. Try again when that is done, or cancel it.",
    "running": "The import is running. Try again when it is done, or cancel it.",
    "done": "The import is done. Begin a new one.",
    "cancelled": "The import was cancelled. Begin a new one.",
    "failed": "The file could not be used. Begin a new import.",
    "undoing": "The import is being undone.",
    "undone": "The import was undone. Begin a new one.",
}


def _refuse_mapping(tx: Tx, organization_id: UUID, found: Import, mapping: Sequence[Mapped]) -> None:
    own = fields.definitions(tx, organization_id)
    taken: set[str] = set()
    for one in mapping:
        if not 0 <= one.column < len(found.columns):
            raise Invalid("The file has no such column.", code="column_unknown")
        if one.to == "field" and one.field not in own:
            raise Invalid("There is no such field. Make it first.", code="field_unknown")
        target = f"field {one.field}" if one.to == "field" else one.to
        if target in taken or f"column {one.column}" in taken:
            raise Invalid("Each column and each target can stand in the mapping once.", code="mapping_twice")
        taken |= {target, f"column {one.column}"}


def _refuse_unmapped(found: Import) -> None:
    if not any(one.to == "phone" for one in found.mapped):
        raise Invalid("Say which column holds the phone number.", code="phone_unmapped")
    if found.kind == "suppressions" and not found.channels:
        raise Invalid("Say on which channels the numbers are to be suppressed.", code="channels_missing")


def _refuse_attestation(found: Import, attestation: Attestation) -> None:
    if found.kind == "suppressions":
        raise Invalid("A list of suppressions gives no permission.", code="attestation_superfluous")
    if attestation.wording is None or attestation.method is None or attestation.reference is None:
        raise Invalid(
            "Say how these people agreed, to which words, and where the proof is kept.",
            code="evidence_missing",
        )


def _record(
    tx: Tx, organization_id: UUID, import_id: UUID, action: audit.AuditAction, actor: Actor, now: datetime
) -> None:
    audit.record(tx, organization_id, actor, action, now=now, target=("import", import_id))
