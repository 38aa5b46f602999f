"""The contact that a path names: by the id of a record that was merged into theirs, too."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from functions.api.asking import Asked
from leadsrally.contacts import merge_store


async def _whom(asked: Asked, contact_id: UUID) -> UUID:
    """Whether there is such a contact is for the verb to say."""
    return merge_store.survivor_of(asked.tx, asked.person.organization_id, contact_id)


Whom = Annotated[UUID, Depends(_whom)]
"""For a route: `contact_id: Whom`, of `{contact_id}` in its path."""
