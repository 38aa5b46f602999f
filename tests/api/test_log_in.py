"""Logging in, and what a token is good for."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest

from tests.world import Org, World

PASSWORD = "pass-word-1"


@pytest.fixture
def email(world: World, org: Org) -> Iterator[str]:
    world.user(org, email="ada@example.test", password=PASSWORD)
    return "ada@example.test"


def log_in(world: World, email: str, password: str) -> tuple[int, dict]:
    return world.api("POST", "/v1/auth/login", body={"email": email, "password": password})


class TestLogIn:
    def test_a_right_password_gives_a_token_of_fifteen_minutes(self, world: World, email: str):
        status, token = log_in(world, email.upper(), PASSWORD)
        assert (status, token["token_type"], token["expires_in"]) == (200, "bearer", 900)
        status, me = world.api("GET", "/v1/me", token["access_token"])
        assert (status, me["email"], me["role"]) == (200, email, "owner")

    def test_A7_wrong_and_unknown_are_refused_in_the_same_words(self, world: World, email: str):
        wrong = log_in(world, email, "not-it")
        unknown = log_in(world, "nobody@example.test", "not-it")
        assert wrong == unknown
        assert wrong[0] == 401

    @pytest.mark.parametrize(
        "password",
        ["x" * 73, "\U0001f600" * 64, "nul\x00inside", PASSWORD + " ", " " + PASSWORD, PASSWORD.upper(), ""],
        ids=["73 bytes", "64 emoji", "NUL", "space behind", "space before", "upper case", "empty"],
    )
    def test_A6_no_password_breaks_it(self, world: World, email: str, password: str):
        assert log_in(world, email, password)[0] == 401

    def test_A6_a_longer_password_is_not_its_first_72_bytes(self, world: World, org: Org):
        world.user(org, email="long@example.test", password="y" * 72)
        assert log_in(world, "long@example.test", "y" * 72)[0] == 200
        assert log_in(world, "long@example.test", "y" * 73)[0] == 401

    def test_a_malformed_request_is_not_echoed(self, world: World):
        status, problem = world.api("POST", "/v1/auth/login", body={"email": 7, "secret": "hunter2"})
        assert (status, problem["code"]) == (422, "malformed")
        assert "hunter2" not in json.dumps(problem)
        assert {"body.email", "body.password"} <= {error["field"] for error in problem["errors"]}

    def test_broken_json_is_a_problem_too(self, world: World):
        answer = world.call(
            "/v1/auth/login", headers={"content-type": "application/json"}, body=b'{"email": '
        )
        assert answer.status == 422
        assert answer.headers["content-type"] == "application/problem+json"


class TestToken:
    @pytest.fixture
    def token(self, world: World, org: Org) -> str:
        return world.token(world.user(org), org)

    def test_A5_it_lives_to_the_last_second(self, world: World, token: str):
        world.clock.now += timedelta(minutes=14, seconds=59)
        assert world.api("GET", "/v1/me", token)[0] == 200
        world.clock.now += timedelta(seconds=1)
        status, problem = world.api("GET", "/v1/me", token)
        assert (status, problem["code"]) == (401, "token_expired")

    def test_A5_forged_ones_are_refused(self, world: World, token: str):
        claims = jwt.decode(token, options={"verify_signature": False})
        key = base64.b64decode(base64.b64encode(b"k" * 32))
        forged = {
            "none": jwt.encode(claims, "", algorithm="none"),
            "other key": jwt.encode(claims, b"j" * 32, algorithm="HS256"),
            "other audience": jwt.encode({**claims, "aud": "elsewhere"}, key, algorithm="HS256"),
            "no expiry": jwt.encode({n: v for n, v in claims.items() if n != "exp"}, key, algorithm="HS256"),
            "cut": token[:-2],
            "nonsense": "a.b.c",
            "empty": "",
        }
        for name, made in forged.items():
            assert world.api("GET", "/v1/me", made or "x")[0] == 401, name

    def test_T13_another_organisation_in_a_forged_claim_is_refused(self, world: World, token: str):
        rival = world.organization("Rival")
        claims = jwt.decode(token, options={"verify_signature": False})
        made = jwt.encode({**claims, "org": str(rival.id)}, b"k" * 32, algorithm="HS256")
        # Even signed with our own key: the person is not one of that organisation's.
        assert world.api("GET", "/v1/me", made)[0] == 401

    def test_T12_a_removed_person_is_refused_at_the_next_request(self, world: World, token: str):
        assert world.api("GET", "/v1/me", token)[0] == 200
        world.execute("DELETE FROM users")
        assert world.api("GET", "/v1/me", token)[0] == 401

    def test_without_one_the_answer_says_what_to_do(self, world: World):
        answer = world.call("/v1/me", method="GET", headers={"host": "x"})
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
