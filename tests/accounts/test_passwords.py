"""What can be a password, and what it matches."""

import unicodedata
from unittest import mock

import bcrypt
import pytest
import zxcvbn
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.accounts import passwords
from leadsrally.accounts.passwords import MAX_BYTES, hash_password, matches, refuse_weak
from leadsrally.kit.errors import Invalid

ABOUT = ("ada.lovelace@harbour-bikes.example", "Harbour Bikes & Sons")
CRAB = "\U0001f980"  # four bytes


def refused(password: str, about: tuple[str, ...] = ABOUT) -> str | None:
    try:
        refuse_weak(password, about=about)
    except Invalid as error:
        return error.code
    return None


def quickly(password: str) -> str:
    """A hash as `hash_password` makes it, at the lowest cost."""
    return bcrypt.hashpw(passwords._encoded(password), bcrypt.gensalt(4)).decode()


class TestAccepted:
    @pytest.mark.parametrize(
        "password",
        [
            "correct horse battery staple",
            " leading space and a trailing one ",
            "seven lazy kettles whistle",
            "xK9!vQ2#pL",
            "Überraschung im Kühlregal",
            "лодка ветер кирпич",
            "船　風　レンガ　の　味噌汁",
            "".join(chr(0x1F980 + number * 7 % 31) for number in range(18)),  # 72 bytes
            "v7" * 12 + "mnbwe rtz uiop lkj hgfd",
            "'; DROP TABLE users; --",
            "the harbour bikes are all yellow",
            "={{7*7}}<script>alert(1)</script>",
        ],
    )
    def test_A6_it_is(self, password: str):
        assert refused(password) is None

    @pytest.mark.parametrize(
        ("password", "because"),
        [
            ("", "password_too_short"),
            ("xK9!vQ2#p", "password_too_short"),
            (CRAB * 9, "password_too_short"),
            ("e\u0301" * 9, "password_too_short"),  # nine letters, however they are made
            ("correct horse battery staple" * 3, "password_too_long"),
            ("x9 " * 24 + "y", "password_too_long"),  # 73
            (CRAB * 64, "password_too_long"),
            ("ü" * 37, "password_too_long"),
            ("nul\x00 inside this one", "password_not_text"),
            ("a line\nand another line", "password_not_text"),
            ("half a \ud83e character", "password_not_text"),
        ],
    )
    def test_A6_it_is_not(self, password: str, because: str):
        assert refused(password) == because

    @pytest.mark.parametrize(
        "password",
        [
            "password123", "Password123!", "P@$$w0rd!!", "1234567890", "qwertyuiop", "!@#$%^&*()", "letmein123",
            "abcdefghij", "aaaaaaaaaaaaaaaa", "passwordpassword", "Summer2026!", "12/12/2012", "iloveyou2",
            "zaq12wsxcde3", "drowssap123", "1q2w3e4r5t",
        ],
    )  # fmt: skip
    def test_it_is_guessed_first(self, password: str):
        assert refused(password.ljust(10, "1")) == "password_too_common"

    @pytest.mark.parametrize(
        "password",
        [
            "ada.lovelace@harbour-bikes.example", "ADA.LOVELACE@HARBOUR-BIKES.EXAMPLE", "ada.lovelace",
            "harbourbikes", "Harbour Bikes", "Harbour Bikes & Sons", "harbourbikes1", "Harb0urB1kes", "lovelaceada",
            "harbour-bikes-2026", "bikes & harbour",
        ],
    )  # fmt: skip
    def test_it_is_what_everybody_knows_of_the_account(self, password: str):
        assert refused(password) == "password_too_common"

    @given(st.text(st.characters(), max_size=100))
    def test_A6_any_text_is_accepted_and_matches_or_is_refused_by_name(self, password: str):
        code = refused(password)
        if code is None:
            assert 10 <= len(passwords._encoded(password)) <= MAX_BYTES
            assert matches(password, quickly(password))
        else:
            assert code.startswith("password_")

    @pytest.mark.parametrize(
        "password", ["(4@8({[<369|1!05$+7%2" * 3 + "(4@8({[<3", "1769" * 18, "p4ssw0rd" * 9, "12/" * 24]
    )
    def test_I13_none_holds_its_judging_up(self, password: str):
        """Every spelling of a letter doubles what is looked at, so a long one is looked at in one spelling alone."""
        assert 12 < len(password) <= 72
        with mock.patch.object(zxcvbn, "zxcvbn", wraps=zxcvbn.zxcvbn) as judged:
            refused(password)
        assert [call.args for call in judged.call_args_list] in (
            [],
            [(password.translate(passwords._AS_LETTERS),)],
        )


class TestMatches:
    def test_P8_2_a_hash_is_bcrypts_at_cost_12(self):
        assert hash_password("correct horse battery staple").startswith("$2b$12$")

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("caf\u00e9 au lait, bitte", "cafe\u0301 au lait, bitte"),
            ("\u1112\u1161\u11ab\u1100\u1173\u11af and more", "\ud55c\uae00 and more"),
            ("non\u00a0breaking\u2003spaces", "non breaking spaces"),
        ],
        ids=["accent", "hangul", "spaces"],
    )
    def test_A6_what_looks_the_same_is_the_same(self, one: str, other: str):
        assert one != other
        assert matches(one, quickly(other))
        assert matches(other, quickly(one))

    @given(st.text(min_size=1, max_size=20))
    def test_A6_either_form_of_normalisation_matches(self, password: str):
        hashed = quickly(password)
        usable = len(passwords._encoded(password)) <= MAX_BYTES and "\x00" not in password
        for form in ("NFC", "NFD"):
            assert matches(unicodedata.normalize(form, password), hashed) == usable

    def test_A6_nothing_is_cut(self):
        full = "p" * MAX_BYTES
        assert matches(full, quickly(full))
        assert not matches(full + "q", quickly(full))
        for password in (full + "q", "nul\x00"):
            with pytest.raises(ValueError, match="72 bytes"):
                hash_password(password)

    def test_A6_what_cannot_be_hashed_matches_nothing(self):
        for password in ("\ud800", "\x00", "x" * 5000, CRAB * 64, ""):
            assert not matches(password, quickly("something else"))
        assert not matches("", quickly("x"))

    def test_A7_nobody_has_a_hash_of_the_same_cost(self, monkeypatch: pytest.MonkeyPatch):
        compared: list[bytes] = []
        monkeypatch.setattr(bcrypt, "checkpw", lambda _password, hashed: compared.append(hashed) or True)
        assert not matches("anything at all", None)
        assert [hashed[:7] for hashed in compared] == [b"$2b$12$"]
