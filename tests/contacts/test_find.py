"""Finding people in a list of some size: all of them, nobody twice, nobody else's, and by an index."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.consent import ledger
from leadsrally.contacts import duplicates, find, lists, people, tags, timeline
from leadsrally.contacts.conditions import EVERYBODY, All, AnyOf, Condition, Not, Question
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
# Each 10th has a tag that is asked about, and all have ten others; each 20th a thread, all of them on one line, and a name there; each 30th has opted out.
BESIDE = """
INSERT INTO tags (organization_id, id, name, created_at) VALUES (%(organization_id)s, %(tag)s, 'tenth', %(now)s);
INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
SELECT organization_id, id, %(tag)s, %(now)s FROM contacts
 WHERE organization_id = %(organization_id)s AND right(phone, 1) = '0';
INSERT INTO tags (organization_id, id, name, created_at)
SELECT %(organization_id)s, md5(n::text)::uuid, 'other ' || n, %(now)s FROM generate_series(1, 10) AS n;
INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
SELECT c.organization_id, c.id, md5(n::text)::uuid, %(now)s FROM contacts AS c CROSS JOIN generate_series(1, 10) AS n
 WHERE c.organization_id = %(organization_id)s;
INSERT INTO conversations (organization_id, id, channel_id, contact_id, last_message_id, last_message_at, created_at)
SELECT organization_id, gen_random_uuid(), %(channel)s, id, id, created_at + right(phone, 7)::integer * interval '1 s', %(now)s
  FROM contacts WHERE organization_id = %(organization_id)s AND right(phone, 7)::integer %% 20 = 0;
INSERT INTO contact_identities (organization_id, kind, value, contact_id, created_at)
SELECT organization_id, 'wa_id', right(phone, -1), id, %(now)s
  FROM contacts WHERE organization_id = %(organization_id)s AND right(phone, 7)::integer %% 20 = 0;
INSERT INTO consent_events (organization_id, id, contact_id, channel_kind, purpose, action, source, scope, occurred_at, recorded_at)
SELECT organization_id, id, id, 'sms', 'all', 'revoke', 'staff', 'organization', %(now)s, %(now)s
  FROM contacts WHERE organization_id = %(organization_id)s AND right(phone, 7)::integer %% 30 = 0;
INSERT INTO consent_states (organization_id, contact_id, channel_kind, purpose, state, source, event_id, since)
SELECT organization_id, id, 'sms', 'all', 'revoked', 'staff', id, %(now)s
  FROM contacts WHERE organization_id = %(organization_id)s AND right(phone, 7)::integer %% 30 = 0
"""
TENTH = UUID(int=10)
LOOKED_INTO = (
    "contacts",
    "contact_tags",
    "contact_identities",
    "conversations",
    "consent_states",
    "consent_events",
)
ALL_SCANS = (
    f"SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE seq_scan > 0 AND relname IN {LOOKED_INTO}"
)
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
            given = {"organization_id": org.id, "now": world.clock.now}
            world.execute(LOADED, many=MANY, **given)
            for statement in BESIDE.split(";"):
                world.execute(statement, tag=TENTH, channel=world.line(org).id, **given)
        for table in LOOKED_INTO:
            world.execute(f"VACUUM ANALYZE {table}")
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


ASKED: list[tuple[str, Condition]] = [
    ("everybody", EVERYBODY),
    ("a tag", Question("tag", "set", TENTH)),
    ("a tag and a word", All((Question("tag", "set", TENTH), rare))),
    ("opted out", Question("consent", "equal", "revoked", of=("sms", "all"))),
    ("not opted out", Not(Question("consent", "equal", "revoked", of=("sms", "all")))),
    ("talked lately", Question("last_message_at", "within_days", 3650)),
    ("never talked", Question("last_message_at", "empty", value=True)),
    ("unread", Question("unread", "equal", value=True)),
    ("a model's word", Question("interest", "at_least", 50)),
    (
        "a number among others",
        AnyOf((Question("phone", "equal", "+12020000012"), Question("phone", "ends", "1199"))),
    ),
    ("in a text", Question("fields.text", "contains", "lm", slot="00000000000a")),
    ("without a value", Question("fields.text", "empty", value=True, slot="00000000000a")),
]


class TestPlans:
    """No list, search, count or bulk action reads a table from end to end."""

    @pytest.mark.parametrize("condition", [one for _, one in ASKED], ids=[name for name, _ in ASKED])
    def test_T3_no_page_no_count_and_no_bulk_action_does(self, full: tuple[World, Org], condition: Condition):
        world, org = full
        now = world.clock.now
        with runtime.of("api").db.tenant(org.id) as tx:
            find.page(tx, org.id, condition, limit=50, now=now)
            find.page(tx, org.id, condition, before=UUID(int=0x0199_0000 << 96), limit=50, now=now)
            find.count(tx, org.id, condition, now=now)
            assert tx.dicts(ALL_SCANS, {}) == []
        with runtime.of("bulk_contacts").db.tenant(org.id) as tx:
            before: UUID | None = find.NEWEST
            found: list[UUID] = []
            while before is not None:
                ids, before = find.bite(tx, org.id, condition, before=before, at_most=2_000, now=now)
                found += ids
            assert tx.dicts(ALL_SCANS, {}) == []
            assert len(set(found)) == len(found)
        with runtime.of("api").db.tenant(org.id) as tx:
            tx.run("SET LOCAL enable_seqscan = off", {})  # it may read all there is
            assert find.count(tx, org.id, condition, now=now, exact=True).contacts == len(found)

    @pytest.mark.parametrize("order", ["newest", "name", "last_activity"])
    def test_no_list_does(self, full: tuple[World, Org], order: lists.Order):
        world, org = full
        with runtime.of("api").db.tenant(org.id) as tx:
            cursor: str | None = None
            for _ in range(3):
                found, cursor = lists.page(
                    tx, org.id, None, order, cursor=cursor, limit=50, now=world.clock.now
                )
                assert len(found) == 50
            assert tx.dicts(ALL_SCANS, {}) == []

    def test_no_look_at_one_person_does(self, full: tuple[World, Org]):
        world, org = full
        with runtime.of("api").db.tenant(org.id) as tx:
            (one,) = find.page(
                tx, org.id, Question("phone", "equal", "+12020000060"), limit=1, now=world.clock.now
            ).contacts
            people.contact(tx, org.id, one.id)
            assert duplicates.suspects(tx, org.id, limit=100).pairs == []
            duplicates.suspects_of(tx, org.id, one.id)
            happened = timeline.timeline(
                tx, org.id, one.id, before=world.clock.now, before_id=find.NEWEST, limit=50
            )
            ledger.events_of(
                tx, org.id, one.id, None, before=world.clock.now, before_id=find.NEWEST, limit=50
            )
            tags.take_off(tx, org.id, [one.id], [TENTH])
            assert tx.dicts(ALL_SCANS, {}) == []
        assert {row["kind"] for row in happened} == {"created", "consent"}
