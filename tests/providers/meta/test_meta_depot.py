"""Leaving a file with WhatsApp: what each answer, or none, comes to. A second copy harms nobody, so a silence is no doubt."""

from collections.abc import Iterator
from typing import Any

import pytest

from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.depot import MetaDepot
from leadsrally.providers.meta.graph import Graph
from leadsrally.sending.types import Depot, Left, NotProcessed, Rejected
from tests.providers.meta.answering import FakeMeta, answering, reset


@pytest.fixture
def meta() -> Iterator[FakeMeta]:
    with answering() as fake:
        fake.body = {"id": "4490709327384033"}
        yield fake


@pytest.fixture
def depot(meta: FakeMeta) -> Iterator[Depot]:
    graph = Graph(MetaCredentials(("secret",), "verify", "token"), base_url=meta.base_url, timeout=2.0)
    yield MetaDepot(graph)
    graph.close()


def leave(depot: Depot) -> Left | NotProcessed | Rejected:
    return depot.leave(
        "106", iter([b"%PDF-", b"1.7"]), file_name="o.pdf", content_type="application/pdf", size=8
    )


def test_left_for_the_number_it_is_sent_from(meta: FakeMeta, depot: Depot) -> None:
    assert leave(depot) == Left("4490709327384033")
    (seen,) = meta.seen
    assert seen.path == "/v26.0/106/media"
    assert b"%PDF-1.7" in seen.raw


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (131053, Rejected("131053")),
        (100, Rejected("100")),
        (190, NotProcessed("error 190", 900.0, trouble="190")),
        (131056, NotProcessed("error 131056", 6.0, holds="pair")),
        (131000, NotProcessed("error 131000")),
    ],
)
def test_refused_by_the_code(meta: FakeMeta, depot: Depot, code: int, outcome: Any) -> None:
    meta.refuse(code, 400)
    told = leave(depot)
    assert type(told) is type(outcome)
    if isinstance(told, NotProcessed):
        assert (told.holds, told.trouble) == (outcome.holds, outcome.trouble)
    else:
        assert told == outcome


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": None}, b"<html>", {"success": True}], ids=str)
def test_an_answer_that_names_no_file_is_asked_for_again(meta: FakeMeta, depot: Depot, body: Any) -> None:
    meta.body = body
    assert isinstance(leave(depot), NotProcessed)


@pytest.mark.parametrize("status", [408, 429, 500, 502])
def test_broken_on_the_way_is_tried_again(meta: FakeMeta, depot: Depot, status: int) -> None:
    meta.status, meta.body = status, b"<html>bad gateway</html>"
    assert isinstance(leave(depot), NotProcessed)


def test_no_answer_is_tried_again_and_holds_up_this_person_only(meta: FakeMeta, depot: Depot) -> None:
    meta.misbehave = reset
    told = leave(depot)
    assert isinstance(told, NotProcessed)
    assert (told.holds, told.trouble) == ("pair", None)
