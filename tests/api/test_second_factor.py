"""A second factor from its set-up to the day the phone is lost."""

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from leadsrally.accounts.one_time_code import code_at, step_at
from tests.api.conftest import PASSWORD, Client, person, problem
from tests.api.test_sessions import another
from tests.world import World

EMAIL = "ada@example.test"

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def ada(client: Client) -> Client:
    client.world.execute(
        "UPDATE users SET email = %(email)s WHERE id = %(id)s", email=EMAIL, id=client.user_id
    )
    return client


def set_up(ada: Client) -> bytes:
    status, made = ada.post("/v1/me/second-factor")
    assert status == 200, made
    return base64.b32decode(made["secret"])


def code(ada: Client, secret: bytes, steps: int = 0) -> str:
    return code_at(secret, step_at(ada.world.clock.now) + steps)


def prove(ada: Client, secret: bytes) -> list[str]:
    status, made = ada.post("/v1/me/second-factor/proof", {"code": code(ada, secret)})
    assert status == 200, made
    return made["recovery_codes"]


def switched_on(ada: Client) -> tuple[bytes, list[str]]:
    """The secret and the recovery codes of one that is in use, and half a minute later."""
    secret = set_up(ada)
    codes = prove(ada, secret)
    ada.world.clock.pass_(minutes=1)
    return secret, codes


def log_in(world: World, given: str | None = None, password: str = PASSWORD) -> tuple[int, Any]:
    body = {"email": EMAIL, "password": password} | ({} if given is None else {"code": given})
    return world.api("POST", "/v1/auth/login", None, body)


def state(ada: Client) -> dict[str, Any]:
    return ada.get("/v1/me")[1]["second_factor"]


def audited(world: World) -> list[str]:
    rows = world.rows(
        "SELECT action FROM audit_log WHERE action NOT LIKE 'session%%' ORDER BY occurred_at, id"
    )
    return [row["action"] for row in rows]


class TestSetUp:
    def test_nothing_is_asked_for_before_it_is_proven(self, world: World, ada: Client):
        set_up(ada)
        assert state(ada) == {"on": False, "recovery_codes_left": 0}
        assert log_in(world)[0] == 200

    def test_what_is_shown_fits_an_app(self, ada: Client):
        _, made = ada.post("/v1/me/second-factor")
        assert re.fullmatch("[A-Z2-7]{32}", made["secret"])
        assert made["address"].startswith("otpauth://totp/LeadsRally:ada%40example.test?")
        assert made["secret"] in made["address"]

    def test_the_first_code_switches_it_on(self, world: World, ada: Client):
        codes = prove(ada, set_up(ada))
        assert state(ada) == {"on": True, "recovery_codes_left": 10}
        assert len(set(codes)) == 10
        assert all(re.fullmatch("[a-z2-7]{4}(-[a-z2-7]{4}){3}", shown) for shown in codes)
        assert audited(world) == ["second_factor.added"]
        (job,) = world.rows("SELECT kind, payload FROM jobs")
        assert job == {"kind": "second_factor_changed", "payload": {"user_id": str(ada.user_id)}}

    def test_A4_other_sessions_began_without_and_end(self, world: World, ada: Client):
        mine, other = ada.token, another(ada)
        prove(ada, set_up(ada))
        assert world.api("GET", "/v1/me", mine)[0] == 200
        problem(world.api("GET", "/v1/me", other), 401, "session_ended")

    def test_A3_the_secret_is_sealed_and_codes_are_hashes(self, world: World, ada: Client):
        secret, codes = switched_on(ada)
        row = world.row("SELECT secret FROM second_factors")
        assert secret not in row["secret"]
        assert base64.b32encode(secret) not in row["secret"]
        everything = repr(world.rows("SELECT * FROM recovery_codes") + world.rows("SELECT * FROM audit_log"))
        assert not [shown for shown in codes if shown in everything or shown.replace("-", "") in everything]

    def test_O6_a_secret_moved_to_another_person_opens_nothing(self, world: World, ada: Client):
        secret, _ = switched_on(ada)
        bob = person(world, ada.org)
        set_up(bob)
        world.execute(
            "UPDATE second_factors SET secret = (SELECT secret FROM second_factors WHERE user_id = %(ada)s)",
            ada=ada.user_id,
        )
        answer = bob.post("/v1/me/second-factor/proof", {"code": code(bob, secret)})
        problem(answer, 500, "seal_broken")

    def test_another_one_may_be_set_up_until_then(self, world: World, ada: Client):
        first, second = set_up(ada), set_up(ada)
        problem(ada.post("/v1/me/second-factor/proof", {"code": code(ada, first)}), 403, "code_wrong")
        prove(ada, second)

    def test_but_not_afterwards(self, ada: Client):
        switched_on(ada)
        problem(ada.post("/v1/me/second-factor"), 409, "second_factor_on")

    def test_a_proof_of_nothing(self, ada: Client):
        problem(ada.post("/v1/me/second-factor/proof", {"code": "123456"}), 404, "second_factor_missing")

    def test_A13_each_step_asks_for_a_fresh_proof(self, world: World, ada: Client):
        secret = set_up(ada)
        token = ada.token
        world.clock.pass_(minutes=10)
        for method, path, body in [
            ("POST", "/v1/me/second-factor", None),
            ("POST", "/v1/me/second-factor/proof", {"code": code(ada, secret)}),
            ("POST", "/v1/me/second-factor/recovery-codes", None),
            ("DELETE", "/v1/me/second-factor", None),
        ]:
            problem(world.api(method, path, token, body), 403, "confirmation_needed")


class TestLogIn:
    def test_the_password_alone_is_not_enough(self, world: World, ada: Client):
        switched_on(ada)
        problem(log_in(world), 401, "second_factor_required")
        problem(log_in(world, password="wrong, surely"), 401, "login_failed")
        assert world.rows("SELECT 1 FROM sessions WHERE kind = 'client' AND user_agent <> ''") == []

    def test_with_the_code_it_is(self, world: World, ada: Client):
        secret, _ = switched_on(ada)
        status, token = log_in(world, code(ada, secret))
        assert status == 200
        assert world.api("GET", "/v1/me", token["access_token"])[0] == 200

    def test_a_code_counts_once(self, world: World, ada: Client):
        secret, _ = switched_on(ada)
        given = code(ada, secret)
        assert log_in(world, given)[0] == 200
        problem(log_in(world, given), 401, "code_wrong")
        problem(log_in(world, code(ada, secret, -1)), 401, "code_wrong")
        world.clock.pass_(seconds=30)
        assert log_in(world, code(ada, secret))[0] == 200

    def test_the_code_of_its_proof_counts_no_more(self, world: World, ada: Client):
        secret = set_up(ada)
        given = code(ada, secret)
        prove(ada, secret)
        problem(log_in(world, given), 401, "code_wrong")

    def test_a_code_counts_once_also_when_it_is_used_twice_at_the_same_time(self, world: World, ada: Client):
        secret, _ = switched_on(ada)
        given = code(ada, secret)
        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(lambda _: log_in(world, given)[0], range(4)))
        assert statuses == [200, 401, 401, 401]

    @pytest.mark.parametrize(
        "given", ["000000", "", "1", "12345", "1234567", "abcdef", "not a code", "½" * 6]
    )
    def test_what_is_no_code(self, world: World, ada: Client, given: str):
        switched_on(ada)
        problem(log_in(world, given), 401, "code_wrong")

    def test_A8_codes_are_guessed_five_times(self, world: World, ada: Client):
        switched_on(ada)
        statuses = [log_in(world, f"{number:06d}")[0] for number in range(8)]
        assert statuses == [401] * 5 + [429] * 3

    def test_A8_whoever_guesses_elsewhere_keeps_nobody_out(self, world: World, ada: Client):
        secret, _ = switched_on(ada)
        assert log_in(world, code(ada, secret))[0] == 200
        world.clock.pass_(seconds=30)
        body = json.dumps({"email": EMAIL, "password": PASSWORD, "code": "000000"}).encode()
        headers = {"content-type": "application/json", "host": "x"}
        for number in range(8):
            world.call("/v1/auth/login", headers=headers, body=body, source_ip=f"198.51.100.{number}")
        assert log_in(world, code(ada, secret))[0] == 200

    def test_a_reset_of_the_password_does_not_go_around_it(self, world: World, ada: Client):
        switched_on(ada)
        world.execute("UPDATE users SET version = version + 1")
        problem(log_in(world), 401, "second_factor_required")

    def test_G4_no_answer_repeats_a_code(self, world: World, ada: Client):
        switched_on(ada)
        assert "CANARY" not in json.dumps(log_in(world, "CANARY")[1])


class TestRecovery:
    def test_a_recovery_code_stands_for_the_app_once(self, world: World, ada: Client):
        _, codes = switched_on(ada)
        assert log_in(world, codes[0])[0] == 200
        problem(log_in(world, codes[0]), 401, "code_wrong")
        assert state(ada) == {"on": True, "recovery_codes_left": 9}
        assert audited(world)[-1] == "recovery_code.used"

    def test_it_may_be_typed_as_people_type(self, world: World, ada: Client):
        _, codes = switched_on(ada)
        assert log_in(world, f" {codes[1].upper()} ")[0] == 200
        assert log_in(world, codes[2].replace("-", " "))[0] == 200

    def test_once_also_at_the_same_time(self, world: World, ada: Client):
        _, codes = switched_on(ada)
        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(lambda _: log_in(world, codes[0])[0], range(4)))
        assert statuses == [200, 401, 401, 401]

    def test_another_persons_code_is_none(self, world: World, ada: Client):
        _, codes = switched_on(ada)
        bob = person(world, ada.org)
        switched_on(bob)
        world.execute("UPDATE users SET email = 'bob@example.test' WHERE id = %(id)s", id=bob.user_id)
        body = {"email": "bob@example.test", "password": PASSWORD, "code": codes[0]}
        problem(world.api("POST", "/v1/auth/login", None, body), 401, "code_wrong")

    def test_renewing_voids_the_old_ones(self, world: World, ada: Client):
        _, old = switched_on(ada)
        ada.confirm()
        status, made = ada.post("/v1/me/second-factor/recovery-codes")
        assert status == 200
        assert not set(old) & set(made["recovery_codes"])
        problem(log_in(world, old[0]), 401, "code_wrong")
        assert log_in(world, made["recovery_codes"][0])[0] == 200
        assert "recovery_codes.renewed" in audited(world)

    def test_without_a_second_factor_there_are_none(self, ada: Client):
        problem(ada.post("/v1/me/second-factor/recovery-codes"), 404, "second_factor_missing")


class TestRemove:
    def test_nothing_is_asked_for_any_more(self, world: World, ada: Client):
        _, codes = switched_on(ada)
        mine, other = ada.token, another(ada)
        ada.confirm()
        assert world.api("DELETE", "/v1/me/second-factor", mine) == (204, None)
        assert state(ada) == {"on": False, "recovery_codes_left": 0}
        assert log_in(world)[0] == 200
        problem(world.api("GET", "/v1/me", other), 401, "session_ended")
        assert world.rows("SELECT 1 FROM recovery_codes") == []
        assert audited(world)[-1] == "second_factor.removed"
        kinds = [row["kind"] for row in world.rows("SELECT kind FROM jobs ORDER BY number")]
        assert kinds[:2] == ["second_factor_changed"] * 2
        assert codes

    def test_where_there_is_none(self, ada: Client):
        problem(ada.world.api("DELETE", "/v1/me/second-factor", ada.token), 404, "second_factor_missing")


class TestConfirm:
    def confirm(self, ada: Client, token: str, **proof: str) -> tuple[int, Any]:
        return ada.world.api("POST", "/v1/auth/confirm", token, proof)

    def test_A13_a_code_is_proof_too(self, world: World, ada: Client):
        secret, codes = switched_on(ada)
        token = ada.token
        world.clock.pass_(minutes=10)
        for proof in (code(ada, secret), codes[0]):
            assert self.confirm(ada, token, code=proof)[0] == 200
            problem(self.confirm(ada, token, code=proof), 403, "code_wrong")
        assert world.api("PATCH", "/v1/me", token, {"email": f"{uuid4().hex}@example.test"})[0] == 202

    def test_not_without_a_second_factor(self, ada: Client):
        problem(self.confirm(ada, ada.token, code="123456"), 403, "code_wrong")

    @pytest.mark.parametrize("proof", [{}, {"password": PASSWORD, "code": "123456"}], ids=["neither", "both"])
    def test_one_of_the_two(self, ada: Client, proof: dict[str, str]):
        problem(self.confirm(ada, ada.token, **proof), 422, "proof_missing")
