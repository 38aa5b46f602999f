"""Evidence of what somebody attested and accepted when they came in, kept as long as the account."""

from datetime import datetime
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid
from leadsrally.kit.ids import new_id


def refuse_unattested(*, business_use: bool, age_16: bool) -> None:
    """Raise `Invalid` unless both are attested (P9.1)."""
    if not (business_use and age_16):
        raise Invalid(
            "LeadsRally is for businesses, and for people of 16 years or more. Confirm both to go on.",
            code="attestation_needed",
        )


_ACCEPTED = """
INSERT INTO acceptances (organization_id, id, user_id, document, document_version, accepted_at)
VALUES (%(organization_id)s, %(id)s, %(user_id)s, %(document)s, %(version)s, %(accepted_at)s)
"""


def record_acceptances(
    tx: Tx, organization_id: UUID, user_id: UUID, *, terms_version: str, policy_version: str, at: datetime
) -> None:
    """What the form attested at the time it was sent, under the terms and the policy that it showed."""
    accepted = {
        "terms": terms_version,
        "privacy_policy": policy_version,
        "business_use": terms_version,
        "age": terms_version,
    }
    for document, version in accepted.items():
        tx.run(
            _ACCEPTED,
            {
                "organization_id": organization_id,
                "id": new_id(at),
                "user_id": user_id,
                "document": document,
                "version": version,
                "accepted_at": at,
            },
        )
