"""`leadsrally erasure certificate`: for whoever's account is gone, and with it every way to fetch it."""

from contextlib import closing
from uuid import UUID

from infra.local.production import Installation
from leadsrally.kit.db import Database, refuse_strong_role
from leadsrally.privacy.erasure.certificate import certificate_across


def print_certificate(installation: Installation, erasure_id: UUID) -> None:
    """Print it; its number stood in every mail about the deletion. Raises `NotFound`, `Conflict`."""
    with closing(Database(installation.role_url("leadsrally_backup"))) as db:
        refuse_strong_role(db)
        with db.across() as tx:
            found = certificate_across(tx, erasure_id)
    print(found.text(), end="")
