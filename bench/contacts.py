"""Lists, searches, segment counts and segment pages among 1,000,000 contacts of the tenant that asks.

The layer's own functions, as the API's role under row security, on one kept connection with a transaction open: a
time is that of one call, with its round trips and its rows made into values. The limit of a page is the same contacts
read by primary key by an administrator, who is under no row security; that of a count is the same index's count of
the 256th part. What is asked changes from call to call. A second tenant has a quarter as many. Every plan that the
run made is looked at: none may read a table of people from end to end.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from bench.archive import SETTINGS
from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, percentile, within
from leadsrally.contacts import find, lists
from leadsrally.contacts.conditions import All, Condition, Not, Question
from leadsrally.contacts.people import SHOWN
from leadsrally.kit.cursor import pack
from leadsrally.kit.db import Database, Tx

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_AIM = 20.0  # milliseconds, of the median
_PAGE = 50
_MINE, _THEIRS = UUID("00000000-0000-7000-8000-0000005a5a5a"), UUID("00000000-0000-7000-8000-000000a5a5a5")
_TAG = UUID("00000000-0000-7000-8000-000000000001")
_CITY, _SIZE, _NUMBER = "00000000c001", "00000000c002", "00000000c003"

_PEOPLE = """
INSERT INTO contacts (organization_id, id, phone, name, email, fields, created_at, updated_at)
SELECT %(org)s, (lpad(to_hex(1700000000000 + n * 50), 12, '0') || '7' || right(md5(n || %(org)s::text), 19))::uuid,
       '+1202' || lpad(n::text, 7, '0'),
       initcap('f' || (3000 * random() ^ 2)::int) || ' ' || initcap('l' || (60000 * random() ^ 2)::int),
       'p' || n || '@d' || n %% 5000 || '.example',
       jsonb_build_object(%(city)s::text, 'city' || (800 * random() ^ 2)::int, %(size)s::text, n %% 100,
                          %(number)s::text, 'c-' || n),
       to_timestamp(1700000000 + n / 20), to_timestamp(1700000000 + n / 20)
  FROM generate_series(1, %(many)s) AS n
"""
# One in ten has a thread, one in twenty has said STOP, one in twenty has the tag.
_AROUND = (
    """
INSERT INTO conversations (organization_id, id, contact_id, channel_id, last_message_at, last_message_id, interest,
                           created_at)
SELECT organization_id, id, id, id, created_at, id, (100 * random())::int, created_at
  FROM contacts WHERE hashtext(id::text) %% 10 = 0
""",
    """
INSERT INTO consent_states (organization_id, contact_id, channel_kind, purpose, state, source, event_id, since)
SELECT organization_id, id, 'sms', 'all', 'revoked', 'keyword', id, created_at
  FROM contacts WHERE hashtext(id::text) %% 20 = 1
""",
    """
INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
SELECT organization_id, id, %(tag)s, created_at FROM contacts WHERE hashtext(id::text) %% 20 = 2
""",
)
_BY_KEY = SHOWN + " FROM contacts AS c WHERE c.organization_id = %s AND c.id = ANY (%s)"
_SAMPLE = "SELECT count(*) FROM contacts WHERE organization_id = %s AND right(id::text, 2) = '00'"
_SCANS = "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('contacts', 'contact_tags')"


@dataclass(slots=True)
class Asked:
    """Milliseconds of each call, and of its limit."""

    took: list[float] = field(default_factory=list[float])
    limits: list[float] = field(default_factory=list[float])


def measure(*, quick: bool) -> list[Figure]:
    """Load, then ask all questions in turn, many times."""
    many, calls = (100_000, 40) if quick else (1_000_000, 200)
    with cluster(**SETTINGS) as pg:
        loading = _load(pg, many)
        scans = dict(pg.execute(_SCANS))
        db = Database(pg.url("api"))
        questions = _questions(random.Random(7), many)
        asked = {name: Asked() for name, _ in questions}
        with psycopg.connect(pg.url(), autocommit=True, row_factory=dict_row) as bare:
            for number in range(-5, calls):  # the first ones warm plans and caches
                for name, ask in questions:
                    with db.tenant(_MINE) as tx:
                        started = time.perf_counter()
                        ids = ask(tx)
                        took = (time.perf_counter() - started) * 1000
                    started = time.perf_counter()
                    sql, given = (_SAMPLE, (_MINE,)) if ids is None else (_BY_KEY, (_MINE, ids))
                    bare.execute(sql, given, prepare=True).fetchall()  # pyright: ignore[reportArgumentType]
                    if number >= 0:
                        asked[name].took.append(took)
                        asked[name].limits.append((time.perf_counter() - started) * 1000)
        db.close()
        read_through = sum(seen - scans[name] for name, seen in pg.execute(_SCANS))
    figures = [_figure(name, one) for name, one in asked.items()]
    loaded = alone(
        "rows a second into all indexes", many / loading, "rows/s", note="INSERT … SELECT, no COPY"
    )
    return [
        *figures,
        alone("tables read from end to end", read_through, "times", at_most=None if quick else 0),
        loaded,
    ]


def _figure(name: str, asked: Asked) -> Figure:
    what = "its 256th part counted" if name.startswith("count") else "the same contacts by primary key"
    note = f"p99 {percentile(asked.took, 0.99):.1f} ms"
    return within(
        f"{name}, p50", median(asked.took), "ms", median(asked.limits), what, at_most=_AIM, note=note
    )


def _load(pg: Cluster, many: int) -> float:
    """Fill both tenants; returns the seconds of the first one's contacts."""
    keys = {"city": _CITY, "size": _SIZE, "number": _NUMBER}
    with psycopg.connect(pg.url(), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for org in (_MINE, _THEIRS):
            connection.execute(
                "INSERT INTO organizations (id, name, created_at) VALUES (%s, 'x', now())", (org,)
            )
        started = time.monotonic()
        connection.execute(_PEOPLE, {**keys, "org": _MINE, "many": many})
        seconds = time.monotonic() - started
        connection.execute(_PEOPLE, {**keys, "org": _THEIRS, "many": many // 4})
        for statement in _AROUND:
            connection.execute(statement, {"tag": _TAG})  # pyright: ignore[reportArgumentType]
        connection.execute("VACUUM ANALYZE")
    return seconds


Ask = Callable[[Tx], list[UUID] | None]


def _questions(rng: random.Random, many: int) -> list[tuple[str, Ask]]:
    def page(make: Callable[[], Condition]) -> Ask:
        return lambda tx: [
            one.id
            for one in find.page(tx, _MINE, make(), limit=_PAGE, now=_NOW, before=_somewhere()).contacts
        ]

    def newest(make: Callable[[], Condition]) -> Ask:
        return lambda tx: [one.id for one in find.page(tx, _MINE, make(), limit=_PAGE, now=_NOW).contacts]

    def count(make: Callable[[], Condition]) -> Ask:
        return lambda tx: (find.count(tx, _MINE, make(), now=_NOW), None)[1]

    def listed(order: lists.Order, cursor: Callable[[], str | None]) -> Ask:
        return lambda tx: [
            one.id for one in lists.page(tx, _MINE, None, order, cursor=cursor(), limit=_PAGE, now=_NOW)[0]
        ]

    def _somewhere() -> UUID:
        return UUID(int=((1_700_000_000_000 + rng.randrange(many // 10, many) * 50) << 80))

    def first() -> str:
        return f"f{int(3000 * rng.random() ** 2)}"

    def last() -> str:
        return f"l{int(60000 * rng.random() ** 2)}"

    def city() -> Question:
        return Question("fields.text", "equal", f"city{int(800 * rng.random() ** 2)}", slot=_CITY)

    size = Question("fields.number", "at_least", 50, slot=_SIZE)
    small = Question("fields.number", "at_most", 0, slot=_SIZE)
    stopped = Question("consent", "equal", "revoked", of=("sms", "all"))
    warm = Question("interest", "at_least", 50)
    tagged = Question("tag", "set", _TAG)
    number = lambda: rng.randrange(1, many)  # noqa: E731
    return [
        ("list, newest", listed("newest", lambda: pack(str(_somewhere())))),
        ("list, by name", listed("name", lambda: pack(f"{first()} ", str(UUID(int=0))))),
        ("list, by last activity", listed("last_activity", lambda: None)),
        ("search, a first name", newest(lambda: Question("name", "words", first()))),
        ("search, the beginning of a name", newest(lambda: Question("name", "words", last()[:3]))),
        ("search, first and last name", newest(lambda: Question("name", "words", f"{first()} {last()[:2]}"))),
        ("search, a name that nobody has", newest(lambda: Question("name", "words", f"zz{number()}"))),
        ("search, a number", newest(lambda: Question("phone", "equal", f"+1202{number():07}"))),
        ("search, the last four digits", newest(lambda: Question("phone", "ends", f"{number() % 10000:04}"))),
        ("search, an address", newest(lambda: Question("email", "equal", f"p{(n := number())}@d{n % 5000}.example"))),
        ("search, the beginning of an address", newest(lambda: Question("email", "starts", f"p{number()}"[:5]))),
        ("search, one word as typed", newest(lambda: find.typed(last(), "US"))),
        ("search, a value that one has", newest(lambda: Question("fields.text", "equal", f"c-{number()}", slot=_NUMBER))),
        ("search, a value that many have", newest(city)),
        ("segment page, a tag", page(lambda: tagged)),
        ("segment page, half of all by a number", page(lambda: size)),
        ("segment page, one in a hundred by a number", page(lambda: small)),
        ("segment page, a city and no STOP", page(lambda: All((city(), Not(stopped))))),
        ("segment page, a tag, a score and no STOP", page(lambda: All((tagged, warm, Not(stopped))))),
        ("count, a city", count(city)),
        ("count, a value that one has", count(lambda: Question("fields.text", "equal", f"c-{number()}", slot=_NUMBER))),
        ("count, a tag", count(lambda: tagged)),
        ("count, half of all by a number", count(lambda: size)),
        ("count, a score and no STOP", count(lambda: All((warm, Not(stopped))))),
    ]  # fmt: skip
