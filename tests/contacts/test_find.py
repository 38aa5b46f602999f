"""Finding people in a list of some size: all of them, nobody twice, nobody else's, and by an index."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.contacts import find, lists
from leadsrally.contacts.conditions import All, AnyOf, Condition, Not, Question
from leadsrally.kit.db import Tx
from tests.world import Org, World

MANY = 12_000  # more than a page looks at
# Number n is as old as it is small. Each 200th is a Rare, each 3rd a Common; each 1000th lives in Ulm.
LOADED = """
INSERT INTO contacts (organization_id, id, phone, name, email, fields, created_at, updated_at)
SELECT %(organization_id)s, (lpad(to_hex(1760000000000 + n), 12, '0') || '7' || right(md5(n::text), 19))::uuid,
       '+1202' || lpad(n::text, 7, '0'),
       CASE WHEN n %% 200 = 0 THEN 'Rare' WHEN n %% 3 = 0 THEN 'Common' ELSE 'Other' END || ' Person' || n,
       'p' || n || '@' || n %% 7 || '.example',
       CASE WHEN n %% 1000 = 0 THEN '{"00000000000a": "Ulm"}'::jsonb ELSE '{}' END,
       %(now)s, %(now)s
  FROM generate_series(1, %(many)s) AS n
"""
SCANS = "SELECT sum(seq_scan) FROM pg_stat_xact_user_tables WHERE relname IN ('contacts', 'contact_tags')"

rare = Question("name", "words", "rare")
common = Question("name", "words", "common")
ulm = Question("fields.text", "equal", "Ulm", slot="00000000000a")
missing = Question("name", "words", "nobodyatall")
CONDITIONS: list[tuple[Condition, Any]] = [
    (rare, lambda n: n % 200 == 0),
    (common, lambda n: n % 3 == 0 and n % 200 != 0),
    (ulm, lambda n: n % 1000 == 0),
    (missing, lambda n: False),
    (Question("email", "starts", "P119"), lambda n: str(n).startswith("119")),
    (Question("email", "equal", "p7@0.EXAMPLE"), lambda n: n == 7),
    (Question("phone", "ends", "1199"), lambda n: f"{n:07}".endswith("1199")),
    (Question("phone", "equal", "+12020000012"), lambda n: n == 12),
    (All((rare, ulm)), lambda n: n % 1000 == 0),
    (All((common, Question("email", "starts", "p5"))), lambda n: n % 3 == 0 != n % 200 and str(n)[0] == "5"),
    (AnyOf((ulm, Question("email", "starts", "p119"))), lambda n: n % 1000 == 0 or str(n).startswith("119")),
    (AnyOf((common, rare)), lambda n: n % 3 == 0 or n % 200 == 0),
    (AnyOf((ulm, Not(common))), lambda n: n % 1000 == 0 or n % 3 != 0 or n % 200 == 0),
    (Not(AnyOf((common, Question("phone", "starts", "+12020001")))), lambda n: (
        (n % 3 != 0 or n % 200 == 0) and not 1000 <= n <= 1999)),
]  # fmt: skip


@pytest.fixture(scope="module")
def full(administration: Any) -> Iterator[tuple[World, Org]]:
    """Two tenants with the same many people; read only."""
    from tests.database import clone

    with clone(*administration) as database:
        world = World(database).open()
        orgs = [world.organization(name) for name in ("Harbour Bikes", "Rival")]
        for org in orgs:
            world.execute(LOADED, organization_id=org.id, many=MANY, now=world.clock.now)
        world.execute("VACUUM ANALYZE contacts")
        yield world, orgs[0]
        world.close()


def numbers(contacts: list[Any]) -> list[int]:
    return [int(one.phone.removeprefix("+1202")) for one in contacts]


def pages(tx: Tx, org: Org, condition: Condition, world: World, limit: int = 100) -> Iterator[find.Found]:
    before: UUID | None = find.NEWEST
    while before is not None:
        found = find.page(tx, org.id, condition, before=before, limit=limit, now=world.clock.now)
        yield found
        before = found.next


class TestPages:
    @pytest.mark.parametrize(("condition", "fits"), CONDITIONS, ids=range(len(CONDITIONS)))
    def test_T3_all_are_found_newest_first_nobody_twice_and_no_table_is_read_through(
        self, full: tuple[World, Org], condition: Condition, fits: Any
    ):
        world, org = full
        with runtime.of("api").db.tenant(org.id) as tx:
            found = [n for page in pages(tx, org, condition, world) for n in numbers(page.contacts)]
            assert tx.value(SCANS, {}) == 0
        assert found == [n for n in range(MANY, 0, -1) if fits(n)]

    def test_a_page_that_finds_little_says_where_to_go_on(self, full: tuple[World, Org]):
        world, org = full
        nobody = Question("restricted", "equal", value=True)
        with runtime.of("api").db.tenant(org.id) as tx:
            walked = list(pages(tx, org, nobody, world))
        assert [page.contacts for page in walked] == [[], [], []]
        assert MANY / len(walked) < find.LOOKED_AT

    def test_in_the_order_of_names_no_table_is_read_through(self, full: tuple[World, Org]):
        world, org = full
        seen: list[str] = []
        cursor: str | None = None
        with runtime.of("api").db.tenant(org.id) as tx:
            while cursor is not None or not seen:
                contacts, cursor = lists.page(
                    tx, org.id, None, "name", cursor=cursor, limit=3_000, now=world.clock.now
                )
                seen += [one.name for one in contacts]
            assert tx.value(SCANS, {}) == 0
        assert len(seen) == MANY
        assert seen == sorted(seen, key=str.lower)


class TestCount:
    @pytest.mark.parametrize(("condition", "fits"), CONDITIONS, ids=range(len(CONDITIONS)))
    def test_a_count_is_exact_or_says_by_how_much_it_may_be_off(
        self, full: tuple[World, Org], condition: Condition, fits: Any
    ):
        world, org = full
        true = sum(map(fits, range(1, MANY + 1)))
        with runtime.of("api").db.tenant(org.id) as tx:
            counted = find.count(tx, org.id, condition, now=world.clock.now)
            assert tx.value(SCANS, {}) == 0
            tx.run(
                "SET LOCAL enable_seqscan = off", {}
            )  # it may read all there is; the next test counts who does
            assert find.count(tx, org.id, condition, now=world.clock.now, exact=True) == find.Count(
                true, exact=True
            )
        if counted.exact:
            assert counted.contacts == true
        else:
            assert true > find.LOOKED_AT / 2
            assert abs(counted.contacts - true) <= 2 * counted.margin

    def test_the_sample_is_read_by_its_index(self, full: tuple[World, Org]):
        _, org = full
        with runtime.of("api").db.tenant(org.id) as tx:
            plan = tx.values(
                "EXPLAIN SELECT count(*) FROM contacts AS c WHERE organization_id = %(org)s"
                " AND right(c.id::text, 2) = '00'",
                {"org": org.id},
            )
        assert any("contacts_sample" in line for line in plan), plan
