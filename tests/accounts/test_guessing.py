"""A8: a thousand guesses. They are slowed down, and whom they are aimed at is kept out of nowhere they work."""

from typing import Any
from unittest import mock
from uuid import uuid4

import pytest

from leadsrally.accounts.front_desk import FrontDesk
from leadsrally.accounts.log_in import Attempt, log_in
from leadsrally.accounts.types import Visitor
from leadsrally.kit.errors import LeadsRallyError
from tests.world import Org, World

RIGHT = "the right one"
HOME = Visitor("203.0.113.7", "a browser")


@pytest.fixture(autouse=True)
def compared(world: World, org: Org) -> Any:
    """Hashes are compared in no time, and how often they are is counted."""
    for name in ("ada", "bob"):
        world._insert(
            "users",
            {
                "organization_id": org.id,
                "id": uuid4(),
                "email": f"{name}@example.test",
                "password_hash": "$2b$12$" + "a" * 53,
                "role": "owner",
                "created_at": world.clock.now,
            },
        )
    with mock.patch(
        "leadsrally.accounts.passwords.matches", side_effect=lambda password, _: password == RIGHT
    ) as matches:
        yield matches


def tried(desk: FrontDesk, email: str, password: str, visitor: Visitor) -> str:
    """`in`, or by which code it was refused."""
    try:
        log_in(desk, Attempt(email, password), visitor)
    except LeadsRallyError as error:
        return error.code
    return "in"


def address(number: int) -> Visitor:
    return Visitor(f"198.51.{number // 250}.{number % 250 + 1}", "curl/8")


class TestOneAccount:
    @pytest.mark.parametrize("email", ["ada@example.test", "nobody@example.test"])
    def test_A8_a_thousand_guesses_from_a_thousand_places(self, desk: FrontDesk, compared: Any, email: str):
        told = [tried(desk, email, f"guess {number}", address(number)) for number in range(1000)]
        assert told == ["login_failed"] * 10 + ["too_many_tries"] * 990
        assert compared.call_count == 10, "and only those cost a hash"

    def test_A8_the_owner_still_gets_in_from_where_they_work(self, desk: FrontDesk):
        assert tried(desk, "ada@example.test", RIGHT, HOME) == "in"
        for number in range(50):
            tried(desk, "ada@example.test", f"guess {number}", address(number))
        assert tried(desk, "ada@example.test", RIGHT, address(1000)) == "too_many_tries"
        assert [tried(desk, "ada@example.test", RIGHT, HOME) for _ in range(20)] == ["in"] * 20

    def test_A8_and_may_even_mistype_it(self, desk: FrontDesk):
        tried(desk, "ada@example.test", RIGHT, HOME)
        for number in range(50):
            tried(desk, "ada@example.test", f"guess {number}", address(number))
        told = [tried(desk, "ada@example.test", "mistyped", HOME) for _ in range(9)]
        assert told == ["login_failed"] * 9
        assert tried(desk, "ada@example.test", RIGHT, HOME) == "in"

    def test_A8_a_known_place_is_no_licence_to_guess(self, desk: FrontDesk):
        tried(desk, "ada@example.test", RIGHT, HOME)
        told = [tried(desk, "ada@example.test", f"guess {number}", HOME) for number in range(15)]
        assert told == ["login_failed"] * 10 + ["too_many_tries"] * 5

    def test_A8_a_place_that_is_known_for_one_account_is_not_for_another(self, desk: FrontDesk):
        tried(desk, "ada@example.test", RIGHT, HOME)
        for number in range(15):
            tried(desk, "bob@example.test", f"guess {number}", address(number))
        assert tried(desk, "bob@example.test", RIGHT, HOME) == "too_many_tries"

    def test_it_is_over_after_a_while(self, world: World, desk: FrontDesk):
        for number in range(15):
            tried(desk, "ada@example.test", f"guess {number}", address(number))
        world.clock.pass_(minutes=5)
        assert tried(desk, "ada@example.test", RIGHT, address(1000)) == "in"

    def test_right_ones_are_not_counted(self, desk: FrontDesk):
        assert {tried(desk, "ada@example.test", RIGHT, HOME) for _ in range(60)} == {"in"}

    def test_an_address_is_one_in_any_case(self, desk: FrontDesk):
        spellings = ["ada@example.test", "ADA@example.test", " Ada@Example.Test "]
        told = [tried(desk, spellings[number % 3], "guess", address(number)) for number in range(12)]
        assert told == ["login_failed"] * 10 + ["too_many_tries"] * 2


class TestOneSource:
    def test_A8_many_accounts_from_one_place(self, desk: FrontDesk, compared: Any):
        told = [tried(desk, f"user{number}@example.test", "password1", HOME) for number in range(200)]
        assert told == ["login_failed"] * 30 + ["too_many_tries"] * 170
        assert compared.call_count == 30

    def test_A8_the_addresses_of_one_customer_are_one_place(self, desk: FrontDesk):
        """Who has one IPv6 address has 2^64 of them."""
        told = [
            tried(desk, f"user{number}@example.test", "x", Visitor(f"2001:db8:1:2::{number:x}", ""))
            for number in range(40)
        ]
        assert told == ["login_failed"] * 30 + ["too_many_tries"] * 10

    def test_A8_who_is_refused_for_the_place_is_not_counted_for_the_account(self, desk: FrontDesk):
        for number in range(60):
            tried(desk, f"user{number}@example.test", "x", HOME)
        for _ in range(60):
            assert tried(desk, "ada@example.test", "x", HOME) == "too_many_tries"
        assert tried(desk, "ada@example.test", RIGHT, address(1)) == "in"

    @pytest.mark.parametrize(
        "header", ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"]
    )
    def test_A8_no_header_makes_it_another_place(self, world: World, header: str):
        statuses = [
            world.api(
                "POST",
                "/v1/auth/login",
                None,
                {"email": f"user{number}@example.test", "password": "x"},
                **{header: f"198.51.100.{number}"},
            )[0]
            for number in range(32)
        ]
        assert statuses == [401] * 30 + [429] * 2

    def test_A8_one_is_told_when_to_come_again(self, world: World):
        for _ in range(11):
            body = b'{"email": "ada@example.test", "password": "x"}'
            headers = {"content-type": "application/json", "host": "x"}
            answer = world.call("/v1/auth/login", headers=headers, body=body)
        assert (answer.status, answer.headers["retry-after"]) == (429, "301")
