"""Search: what is found, what never is, and strings that only look like queries."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Client, Rival, problem
from tests.world import Line, World


def search(client: Client, words: str, rest: str = "") -> list[str]:
    status, page = client.get(f"/v1/messages?search={quote(words)}{rest}")
    assert status == 200, page
    return [hit["body"] for hit in page["items"]]


@pytest.fixture
def texts(world: World, line: Line) -> None:
    for number, text in enumerate(
        [
            "The blue bike please",
            "A blue boat",
            "Ein grünes Fahrrad",
            "bike, bike and BIKE",
            "fin.",
            "東京 まで",
        ]
    ):
        world.clock.pass_(seconds=1)
        world.text(line, text, sender=f"+1202555{number:04d}")


@pytest.mark.usefixtures("texts")
class TestWords:
    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("blue", ["A blue boat", "The blue bike please"]),
            ("BLUE bike", ["The blue bike please"]),
            ("bike", ["bike, bike and BIKE", "The blue bike please"]),
            ('"blue bike"', ["The blue bike please"]),
            ('"bike blue"', []),
            ("blue -boat", ["The blue bike please"]),
            ("boat or Fahrrad", ["Ein grünes Fahrrad", "A blue boat"]),
            ("grünes", ["Ein grünes Fahrrad"]),
            ("東京", ["東京 まで"]),
            ("blue blau", []),
            ("nothing", []),
        ],
    )
    def test_all_words_newest_first(self, client: Client, words: str, found: list[str]):
        assert search(client, words) == found

    @pytest.mark.parametrize("words", ["!!!", "🚲", "'", " ", "-", '""'])
    def test_a_search_without_a_word_finds_nothing(self, client: Client, words: str):
        assert search(client, words) == []

    def test_pages(self, client: Client):
        _, first = client.get("/v1/messages?search=blue%20or%20bike&limit=2")
        _, second = client.get(f"/v1/messages?search=blue%20or%20bike&limit=2&cursor={first['next']}")
        assert [hit["body"] for hit in first["items"] + second["items"]] == [
            "bike, bike and BIKE",
            "A blue boat",
            "The blue bike please",
        ]
        assert second["next"] is None

    @pytest.mark.parametrize("query", ["", "?search=", "?search=" + "x" * 201])
    def test_a_search_needs_a_string(self, client: Client, query: str):
        problem(client.get(f"/v1/messages{query}"), 422, "malformed")


OPERATORS = st.text(st.sampled_from(list("ab '\"!&|():*<->\\%_-+~@^\x00\t\n,;.=/org?#€ß東🚲")), max_size=40)


class TestHostile:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(words=OPERATORS | st.text(max_size=40))
    @example("a & b | !c")
    @example("':*")
    @example("<-> <2>")
    @example("a" * 200)
    @example("'; DROP TABLE messages; --")
    @example("((((((((((")
    @example("\\")
    @example("org:")
    def test_I5_no_string_is_an_error_or_reaches_past_the_tenant(
        self, client: Client, rival: Rival, words: str
    ):
        status, page = client.get(f"/v1/messages?search={quote(words.encode('utf-8', 'replace'))}")
        if not words or "\x00" in words:
            assert status == 422
            return
        assert status == 200, page
        assert page["items"] == []  # nothing of this tenant is there to be found

    def test_T3_words_of_another_tenant_are_never_found(self, client: Client, rival: Rival):
        assert search(rival.client, "rivalword") == ["rivalword of the rival"]
        other = rival.line.organization_id
        for words in (
            "rivalword",
            "rivalword or hello",
            f"org:{other}",
            f"'org:{other}'",
            f'"org:{other}" rivalword',
            f"rivalword or org:{other}",
            f"x or 'org:{other}'",
            "-nothingatall",
        ):
            assert search(client, words) == [], words

    def test_the_tenants_own_mark_is_no_word(self, client: Client, world: World, line: Line):
        world.text(line, "hello")
        assert search(client, str(line.organization_id)) == []
