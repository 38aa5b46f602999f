"""E15: a file of any number of contacts is written in the memory of a page of them."""

import tracemalloc

from leadsrally import runtime
from leadsrally.contacts.bulk.types import file_of
from tests.bulk.conftest import EVERYBODY, Bulk
from tests.world import World

LOADED = """
INSERT INTO contacts (organization_id, id, phone, name, email, created_at, updated_at)
SELECT %(org)s, (lpad(to_hex(1760000000000 + n), 12, '0') || '7' || right(md5(n::text), 19))::uuid,
       '+1202' || lpad(n::text, 7, '0'), 'Person ' || n, 'p' || n || '@example.test', %(now)s, %(now)s
  FROM generate_series(%(first)s::integer, %(last)s::integer) AS n
"""


def test_E15_a_file_of_many_takes_no_more_memory_than_a_page_of_it(world: World, bulk: Bulk):
    given = {"org": bulk.org.id, "now": world.clock.now}
    peaks: list[int] = []
    sizes: list[int] = []
    world.execute(LOADED, first=1, last=100, **given)
    bulk.run("export", **EVERYBODY)  # what is imported and cached at the first time
    for first, last in ((101, 5_000), (5_001, 16_000)):
        world.execute(LOADED, first=first, last=last, **given)
        action_id = bulk.asked("export", **EVERYBODY)
        tracemalloc.start()
        bulk.work()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        held = runtime.of("bulk_contacts").storage.find(file_of(bulk.org.id, action_id))
        assert held is not None
        sizes.append(held.bytes)
        assert bulk.shown(action_id)["counts"]["changed"] == last
    assert sizes[1] > 3 * sizes[0]
    assert peaks[1] < 1.2 * peaks[0], peaks
