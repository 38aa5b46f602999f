"""Search in a long history, by the way back in time and by the text index, and what its words may be."""

from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.kit.cursor import START, Place
from leadsrally.kit.db import Tx
from leadsrally.messaging import inbox
from tests.world import Line, World

NEWEST = 21_000  # more than a search goes back through before it asks the text index
# Which messages hold a word, counted from the oldest. A page has fifty.
WORDS = {
    "each": range(1, NEWEST + 1),
    "often": range(1, NEWEST + 1, 25),
    "seldom": range(1, NEWEST + 1, 3_000),
    "former": range(1, 201, 2),
    "lately": [*range(1, 31), *range(NEWEST - 19, NEWEST + 1)],
    "rushed": range(NEWEST - 49, NEWEST + 1),
}

HISTORY = """
INSERT INTO messages (organization_id, id, conversation_id, direction, body, status, status_rank, created_at)
SELECT %(organization_id)s, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, %(conversation_id)s,
       'inbound',
       'each'
       || CASE WHEN n %% 25 = 1 THEN ' often' ELSE '' END
       || CASE WHEN n %% 3000 = 1 THEN ' seldom' ELSE '' END
       || CASE WHEN n <= 200 AND n %% 2 = 1 THEN ' former' ELSE '' END
       || CASE WHEN n <= 30 OR n > %(newest)s - 20 THEN ' lately' ELSE '' END
       || CASE WHEN n > %(newest)s - 50 THEN ' rushed' ELSE '' END,
       -- Six in the same moment, so that a page ends between two of them.
       'received', 1, %(now)s::timestamptz + n / 6 * interval '1 second'
  FROM generate_series(1, %(newest)s) AS n
"""

SCANS = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'messages'"


def searched(tx: Tx, organization_id: UUID, words: str, place: Place = START) -> list[dict[str, Any]]:
    return inbox.search(tx, organization_id, words, before=place.at, before_id=place.id, limit=50)


def every_page(tx: Tx, organization_id: UUID, words: str) -> list[int]:
    """The numbers of all messages found, page by page, in the order of the pages."""
    found: list[int] = []
    place = START
    while page := searched(tx, organization_id, words, place):
        found += [int(row["id"].hex[-12:]) for row in page]
        place = Place(page[-1]["created_at"], page[-1]["id"])
    return found


class TestSearch:
    def test_T3_however_it_is_found_it_is_all_there_newest_first_and_this_tenants(
        self, world: World, line: Line
    ):
        rival = world.line(world.organization("Rival"))
        for its in (line, rival):
            conversation_id = world.conversation(its)
            world.execute(
                HISTORY,
                organization_id=its.organization_id,
                conversation_id=conversation_id,
                newest=NEWEST,
                now=world.clock.now,
            )
        world.execute("ANALYZE messages")
        with runtime.of("api").db.tenant(line.organization_id) as tx:
            for word, numbers in WORDS.items():
                wanted = sorted(numbers, reverse=True)
                if word == "each":
                    page = searched(tx, line.organization_id, word)
                    assert [int(row["id"].hex[-12:]) for row in page] == wanted[:50]
                else:
                    assert every_page(tx, line.organization_id, word) == wanted, word
            assert every_page(tx, line.organization_id, "former -lately") == list(range(199, 30, -2))
            either = sorted({*WORDS["seldom"], *WORDS["former"]}, reverse=True)
            assert every_page(tx, line.organization_id, "each seldom or former") == either
            assert tx.value(SCANS, {}) == 0, "a search read every tenant's messages"

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("it's o'clock", "o'clock"),
            ("see example.com/it's\\here", "example.com/it's\\here"),
            ("back\\slash", "slash"),
            ("x" * 254, "x" * 254),
            ("é" * 254 + " bike", "é" * 254),
            ("before " + "x" * 255 + " after", "before after"),
            ("y" * 2_046, None),
            ("before " + "ж" * 1_023 + " after", "after"),
            ("w" * 60_000, None),
            (" ".join(f"{n:x}" for n in range(12_000)), "2edf"),
        ],
        ids=lambda value: None if value is None else value[:12],
    )
    def test_a_text_of_odd_words_is_stored_and_found_by_those_that_are_words(
        self, world: World, line: Line, body: str, words: str | None
    ):
        assert world.text(line, body).status == 200
        with runtime.of("api").db.tenant(line.organization_id) as tx:
            for wanted in [words] if words else []:
                assert [row["body"] for row in searched(tx, line.organization_id, wanted)] == [body]
        assert world.value("SELECT body FROM messages") == body
