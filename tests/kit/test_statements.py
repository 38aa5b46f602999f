"""Named parameters, as Postgres counts them."""

from leadsrally.kit.db import _numbered


def test_a_name_has_one_number_wherever_it_stands() -> None:
    sql = "SELECT %(b)s, %(a)s FROM t WHERE x = %(b)s"
    assert _numbered(sql) == (b"SELECT $1, $2 FROM t WHERE x = $1", ("b", "a"))


def test_two_percent_signs_are_one_and_a_cast_is_left_alone() -> None:
    sql = "SELECT %(a)s::text LIKE '%%?%%' AND 7 %% 2 = 1"
    assert _numbered(sql) == (b"SELECT $1::text LIKE '%?%' AND 7 % 2 = 1", ("a",))


def test_a_statement_without_parameters_is_itself() -> None:
    assert _numbered("SELECT 1 -- ü") == ("SELECT 1 -- ü".encode(), ())
