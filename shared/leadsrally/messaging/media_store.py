"""Files of messages, as they are written and read."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id
from leadsrally.messaging.types import MediaReference

_EXPECT = """
INSERT INTO media (organization_id, id, message_id, place, source, file_name, content_type, created_at)
SELECT %(organization_id)s, given.id, %(message_id)s, given.place - 1, given.source, given.file_name,
       given.content_type, %(now)s
  FROM unnest(%(ids)s::uuid[], %(sources)s::text[], %(file_names)s::text[], %(content_types)s::text[])
       WITH ORDINALITY AS given (id, source, file_name, content_type, place)
"""


def expect(
    tx: Tx, organization_id: UUID, message_id: UUID, media: Sequence[MediaReference], *, now: datetime
) -> list[UUID]:
    """Write down what came with a message, in its order, as pending; returns the ids."""
    ids = [new_id(now) for _ in media]
    tx.run(
        _EXPECT,
        {
            "organization_id": organization_id,
            "message_id": message_id,
            "ids": ids,
            "sources": [item.source for item in media],
            "file_names": [item.file_name for item in media],
            "content_types": [item.content_type for item in media],
            "now": now,
        },
    )
    return ids
