"""Ten codes for the day that the phone is lost: each is good once, and the database holds keyed hashes."""

import base64
import os
import re
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx

COUNT: Final = 10
_BYTES: Final = 10  # 80 bits, sixteen characters of base32
_PURPOSE: Final = "recovery_code"

_CLEAR = """
DELETE FROM recovery_codes
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
"""
_KEEP = """
INSERT INTO recovery_codes (organization_id, user_id, code_hash)
SELECT %(organization_id)s, %(user_id)s, hash
  FROM unnest(%(hashes)s::bytea[]) AS hash
"""


def renew(tx: Tx, hashes: KeyedHash, organization_id: UUID, user_id: UUID) -> list[str]:
    """Ten new codes in the place of all old ones. They are shown once."""
    codes = [base64.b32encode(os.urandom(_BYTES)).decode().lower() for _ in range(COUNT)]
    kept = [hashes.of(organization_id, _PURPOSE, code) for code in codes]
    clear(tx, organization_id, user_id)
    tx.run(_KEEP, {"organization_id": organization_id, "user_id": user_id, "hashes": kept})
    return ["-".join(re.findall("....", code)) for code in codes]


def clear(tx: Tx, organization_id: UUID, user_id: UUID) -> None:
    tx.run(_CLEAR, {"organization_id": organization_id, "user_id": user_id})


_USE = """
UPDATE recovery_codes
   SET used_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
   AND code_hash = %(hash)s
   AND used_at IS NULL
"""


def use(tx: Tx, hashes: KeyedHash, organization_id: UUID, user_id: UUID, code: str, *, now: datetime) -> bool:
    """Returns False for a code that is none, or was used. Dashes, blanks and case do not matter."""
    spelled = re.sub(r"[\s-]", "", code).lower()
    params = {
        "organization_id": organization_id,
        "user_id": user_id,
        "hash": hashes.of(organization_id, _PURPOSE, spelled),
        "now": now,
    }
    return tx.run(_USE, params) == 1
