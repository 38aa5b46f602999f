"""Many contacts with queued messages at once, as a campaign would have left them."""

from uuid import UUID

from tests.world import Line, MetaLine, World

_CROWD = """
WITH people AS (
    INSERT INTO contacts (organization_id, id, phone, created_at, updated_at)
    SELECT %(org)s, gen_random_uuid(), '+1202556' || to_char(n, 'FM0000'), %(now)s, %(now)s
      FROM generate_series(0, %(contacts)s - 1) AS n
    RETURNING id
),
threads AS (
    INSERT INTO conversations (organization_id, id, contact_id, channel_id, last_message_at,
                               last_message_id, created_at)
    SELECT %(org)s, gen_random_uuid(), id, %(channel)s, %(now)s, id, %(now)s FROM people
    RETURNING id
),
texts AS (
    INSERT INTO messages (organization_id, id, conversation_id, direction, body, status, status_rank,
                          created_at, expires_at)
    SELECT %(org)s, gen_random_uuid(), t.id, 'outbound', 'text ' || n || ' of ' || t.id, 'queued', 10,
           %(now)s, %(now)s + interval '10 hours'
      FROM threads AS t, generate_series(1, %(each)s) AS n
    RETURNING id, conversation_id
)
INSERT INTO jobs (id, organization_id, queue, kind, payload, run_at, ordering_key, created_at)
SELECT gen_random_uuid(), %(org)s, 'send_message', 'send', jsonb_build_object('message_id', id), %(now)s,
       'conversation:' || conversation_id || ':service', %(now)s
  FROM texts
"""


def gather(world: World, line: Line | MetaLine, *, contacts: int, each: int = 1) -> dict[str, UUID]:
    """Make them, each with `each` queued messages of words of their own; returns contact ids by number."""
    world.execute(
        _CROWD,
        org=line.organization_id,
        channel=line.id,
        contacts=contacts,
        each=each,
        now=world.clock.now,
    )
    rows = world.rows("SELECT phone, id FROM contacts WHERE organization_id = %(o)s", o=line.organization_id)
    return {row["phone"]: row["id"] for row in rows}
