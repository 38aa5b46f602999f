"""Imports that were under way while somebody was erased: their files were read before, and may bring the person back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from leadsrally.consent.change import address_hashes
from leadsrally.contacts.imports.ids import run_of
from leadsrally.kit.db import Tx
from leadsrally.privacy.erasure.erase_messages import ErasureDesk
from leadsrally.privacy.erasure.store import Erasure

_PAGE: Final = 5_000

_UNDER_WAY = """
SELECT EXISTS (
    SELECT 1
      FROM imports
     WHERE organization_id = %(organization_id)s
       AND id = ANY (%(ids)s)
       AND forgotten_at IS NULL
       AND state NOT IN ('done', 'failed', 'cancelled', 'undone'))
"""


def still_under_way(tx: Tx, organization_id: UUID, import_ids: Sequence[UUID]) -> bool:
    """Whether one of them may still write."""
    return tx.value(_UNDER_WAY, {"organization_id": organization_id, "ids": list(import_ids)})


@dataclass(frozen=True, slots=True)
class _Made:
    id: UUID
    phone: str | None


_MADE = """
SELECT id, phone
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id > %(after)s
   AND id <= %(last)s
 ORDER BY id
 LIMIT %(limit)s
"""


def brought_back(desk: ErasureDesk, erasure: Erasure) -> list[UUID]:
    """Contacts that these imports have made and that have an address of the person's."""
    wanted = set(erasure.known_as)
    return [
        made.id
        for import_id in erasure.import_ids
        for made in _made(desk, erasure.organization_id, import_id)
        if made.phone is not None
        and wanted.intersection(address_hashes(desk.hashes, erasure.organization_id, [made.phone]))
    ]


def _made(desk: ErasureDesk, organization_id: UUID, import_id: UUID) -> Iterator[_Made]:
    run = run_of(import_id, "contact")
    after = run.first
    while True:
        given = {"organization_id": organization_id, "after": after, "last": run.last, "limit": _PAGE}
        with desk.db.tenant(organization_id) as tx:
            page = tx.all(_Made, _MADE, given)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id
