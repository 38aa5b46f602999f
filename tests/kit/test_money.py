"""Sums of money: whole minor units, of one currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.money import Money, share


class TestMoney:
    @pytest.mark.parametrize(
        ("minor", "currency", "shown"),
        [
            (0, "USD", "0.00 USD"),
            (5, "USD", "0.05 USD"),
            (123456, "EUR", "1,234.56 EUR"),
            (-5, "USD", "-0.05 USD"),
            (1234, "JPY", "1,234 JPY"),
            (1234, "KWD", "1.234 KWD"),
        ],
    )
    def test_it_is_shown_with_the_digits_of_its_currency(self, minor: int, currency: str, shown: str):
        assert str(Money(minor, currency)) == shown

    def test_one_currency_adds_up(self):
        assert Money(1, "USD") + Money(2, "USD") == Money(3, "USD")

    def test_two_do_not(self):
        with pytest.raises(ValueError, match="two currencies"):
            _ = Money(1, "USD") + Money(2, "EUR")


class TestShare:
    @pytest.mark.parametrize(
        ("price", "quantity", "per", "amount"),
        [
            (30, 0, 100, 0),
            (30, 1, 100, 0),
            (30, 2, 100, 1),
            (30, 5, 100, 2),
            (4900, 31, 31, 4900),
            (7, 3, 1, 21),
        ],
    )
    def test_a_half_is_rounded_up(self, price: int, quantity: int, per: int, amount: int):
        assert share(price, quantity, per) == amount

    @given(st.integers(0, 10_000), st.integers(0, 10**9), st.integers(1, 10**6))
    def test_it_is_never_more_than_half_a_unit_off(self, price: int, quantity: int, per: int):
        assert abs(2 * (share(price, quantity, per) * per - price * quantity)) <= per
