"""Logging in, and what a token is good for."""

import base64
import json
import re
from functools import cache
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import bcrypt
import jwt
import pytest

from leadsrally.accounts import passwords, tokens
from leadsrally.accounts.permissions import scopes_of
from leadsrally.accounts.types import ROLES, Role
from leadsrally.kit.settings import Settings
from tests.api.conftest import Client, person, problem
from tests.world import SETTINGS, Org, World

KEY = Settings(SETTINGS).key("LEADSRALLY_TOKEN_KEY")
EMAIL, PASSWORD = "Owner@Example.test", "correct horse battery staple"


@cache
def hashed() -> str:
    """Made once: it takes a quarter of a second, as it should."""
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def user_id(world: World, org: Org) -> UUID:
    made = person(world, org).user_id
    world.execute("UPDATE users SET email = %(email)s, password_hash = %(hash)s", email=EMAIL, hash=hashed())
    return made


def log_in(world: World, email: Any = EMAIL, password: Any = PASSWORD) -> tuple[int, Any]:
    return world.api("POST", "/v1/auth/login", None, {"email": email, "password": password})


@pytest.mark.usefixtures("user_id")
class TestLogIn:
    def test_nobody_of_an_organisation_that_proved_no_address_can(self, world: World):
        world.execute("UPDATE organizations SET state = 'pending'")
        problem(log_in(world), 401, "login_failed")

    def test_a_hash_of_lower_cost_is_renewed_by_the_way(self, world: World):
        weak = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()
        world.execute("UPDATE users SET password_hash = %(hash)s", hash=weak)
        assert log_in(world, password="wrong")[0] == 401
        assert world.value("SELECT password_hash FROM users") == weak
        assert log_in(world)[0] == 200
        renewed = world.value("SELECT password_hash FROM users")
        assert renewed.startswith("$2b$12$")
        assert passwords.matches(PASSWORD, renewed)

    def test_A4_a_log_in_that_a_change_of_the_account_overtakes_begins_nothing(self, world: World):
        """The password is changed while the old one is compared: no session by it may outlive the change."""

        def change(*_: str) -> bool:
            world.execute("UPDATE users SET version = version + 1")
            return True

        with mock.patch("leadsrally.accounts.passwords.matches", change):
            problem(log_in(world), 409, "account_changed")
        assert world.rows("SELECT 1 FROM sessions") == []

    def test_the_right_password_gives_a_token_of_fifteen_minutes(self, world: World, user_id: UUID):
        status, token = log_in(world)
        assert (status, token["token_type"], token["expires_in"]) == (200, "bearer", 900)
        status, me = world.api("GET", "/v1/me", token["access_token"])
        assert (status, me["id"], me["email"]) == (200, str(user_id), EMAIL)

    @pytest.mark.parametrize("email", [" owner@example.test ", "OWNER@EXAMPLE.TEST"])
    def test_an_address_is_an_address_in_any_case(self, world: World, email: str):
        assert log_in(world, email)[0] == 200

    def test_A7_a_wrong_password_and_an_unknown_address_get_the_same_answer(self, world: World):
        wrong, unknown = log_in(world, password="wrong"), log_in(world, email="nobody@example.test")
        assert wrong == unknown
        problem(wrong, 401, "login_failed")

    def test_A7_an_unknown_address_costs_as_much(self, world: World):
        """A hash of the same cost is compared either way; without one the answer would come at once."""
        costs: list[bytes] = []
        for email in (EMAIL, "nobody@example.test"):
            with mock.patch.object(bcrypt, "checkpw", wraps=bcrypt.checkpw) as compared:
                log_in(world, email=email, password="wrong")
            costs += [
                hashed_.split(b"$")[2] for _, hashed_ in (call.args for call in compared.call_args_list)
            ]
        assert len(costs) == 2
        assert costs[0] == costs[1]

    def test_A6_a_password_that_cannot_be_right_is_wrong(self, world: World):
        """73 bytes in three scripts, nothing at all: 401 like any other, never a 500."""
        for password in ("x" * 73, "\U0001f980" * 64, "", "x" * 1024):
            problem(log_in(world, password=password), 401, "login_failed")
        for password in ("nul\x00inside", PASSWORD + "\x00"):
            problem(log_in(world, password=password), 422, "malformed")

    def test_A6_nothing_is_trimmed_or_folded(self, world: World):
        for password in (PASSWORD + " ", " " + PASSWORD, PASSWORD.upper()):
            problem(log_in(world, password=password), 401, "login_failed")

    def test_an_address_that_cannot_be_one_is_unknown(self, world: World):
        problem(log_in(world, "a\x00@b.test"), 422, "malformed")
        for email in ("", "' OR 1=1 --", "%", "x" * 320):
            problem(log_in(world, email), 401, "login_failed")

    def test_what_is_no_text_is_malformed(self, world: World):
        wrong: list[dict[str, Any]] = [
            {"password": "x" * 1025},
            {"email": "x" * 321},
            {"email": None},
            {"password": 12345678},
            {"email": ["a"]},
            {"password": {"$ne": ""}},
            {"email": "\ud800@example.test"},
        ]
        for given in wrong:
            problem(log_in(world, **given), 422, "malformed")

    def test_the_beginning_of_a_long_password_is_not_enough(self, world: World, org: Org):
        """bcrypt reads 72 bytes; a longer password never matches the one it begins with."""
        full = "p" * passwords.MAX_BYTES
        world.user(org, email="long@example.test", password=full)
        assert log_in(world, "long@example.test", full)[0] == 200
        assert log_in(world, "long@example.test", full + "q")[0] == 401

    def test_no_answer_repeats_the_password(self, world: World):
        canary = "CANARY-of-a-password"
        for given in ({"password": canary}, {"email": canary}, {"email": [canary]}):
            assert canary not in json.dumps(log_in(world, **given)[1])


class TestToken:
    def test_P8_1_it_ends_after_fifteen_minutes(self, world: World, client: Client):
        token = client.token
        world.clock.pass_(minutes=15, microseconds=-1)
        assert world.api("GET", "/v1/me", token)[0] == 200
        world.clock.pass_(microseconds=1)
        problem(world.api("GET", "/v1/me", token), 401, "token_expired")

    def test_R8_a_clock_that_went_back_does_not_shorten_it(self, world: World, client: Client):
        token = client.token
        world.clock.pass_(hours=-2)
        assert world.api("GET", "/v1/me", token)[0] == 200

    def test_it_names_nobody(self, client: Client):
        claims = json.loads(base64.urlsafe_b64decode(client.token.split(".")[1] + "=="))
        assert claims.keys() == {"sub", "org", "sid", "scope", "aud", "iat", "exp"}
        assert not re.search("@|Harbour", json.dumps(claims))

    def forged(self, client: Client, key: Any = KEY, algorithm: str | None = "HS256", **changes: Any) -> str:
        now = int(client.world.clock.now.timestamp())
        session = client.world.session(client.user_id, client.org)
        claims = {"sub": str(client.user_id), "org": str(client.org.id), "aud": "leadsrally", "iat": now}
        claims |= {"sid": str(session), "scope": "me.read me.edit", "exp": now + 900, **changes}
        return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm)

    def test_the_forger_could_make_a_good_one(self, world: World, client: Client):
        """Else the refusals below would prove nothing."""
        assert world.api("GET", "/v1/me", self.forged(client))[0] == 200

    def test_A5_forged_tokens(self, world: World, client: Client):
        now = int(world.clock.now.timestamp())
        head, body, _ = client.token.split(".")
        edited = json.loads(base64.urlsafe_b64decode(body + "==")) | {"org": str(uuid4())}
        swapped = base64.urlsafe_b64encode(json.dumps(edited).encode()).decode().rstrip("=")
        forgeries = {
            "another key": self.forged(client, key=b"z" * 32),
            "no algorithm": self.forged(client, key=None, algorithm="none"),
            "another algorithm": self.forged(client, key=KEY * 2, algorithm="HS512"),
            "no signature": f"{head}.{body}.",
            "an edited tenant": f"{head}.{swapped}.{client.token.split('.')[2]}",
            "another audience": self.forged(client, aud="others"),
            "no audience": self.forged(client, aud=None),
            "no end": self.forged(client, exp=None),
            "no session": self.forged(client, sid=None),
            "a session that is no id": self.forged(client, sid="1"),
            "no scope": self.forged(client, scope=None),
            "a scope that is no text": self.forged(client, scope=["me.read"]),
            "no person": self.forged(client, sub=None),
            "a person who is no id": self.forged(client, sub="me"),
            "a tenant who is no id": self.forged(client, org=["x"]),
            "an end that is no number": self.forged(client, exp="soon"),
            "no token": "x",
            "no text": "ÿ" * 20,
            "two dots": "..",
        }
        for name, token in forgeries.items():
            answer = world.api("GET", "/v1/me", token)
            assert answer[0] == 401, name
            problem(answer, 401, "token_invalid")
        problem(world.api("GET", "/v1/me", self.forged(client, exp=now)), 401, "token_expired")

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "token x"])
    def test_no_bearer_is_no_token(self, world: World, header: str):
        answer = world.call("/v1/me", method="GET", headers={"authorization": header, "host": "x"})
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"

    def test_T12_a_person_who_was_removed_is_out_at_once(self, world: World, client: Client):
        token = client.token
        world.execute("DELETE FROM users")
        problem(world.api("GET", "/v1/me", token), 401, "session_ended")

    def test_T12_a_role_is_asked_for_at_each_request(self, world: World, client: Client):
        token = client.token
        replay = f"/v1/jobs/{uuid4()}/replay"
        assert world.api("POST", replay, token)[0] == 404
        world.execute("UPDATE users SET role = 'viewer'")
        assert world.api("GET", "/v1/me", token)[1]["role"] == "viewer"
        problem(world.api("POST", replay, token), 403, "forbidden")

    def test_P8_1_a_token_is_good_for_its_scopes_only(self, world: World, client: Client):
        """Also where the role of its person would be enough, and nothing that we do not know counts."""
        narrow = self.forged(client, scope="me.read everything conversations.*")
        assert world.api("GET", "/v1/me", narrow)[0] == 200
        for method, path in (("GET", "/v1/conversations"), ("POST", f"/v1/jobs/{uuid4()}/replay")):
            problem(world.api(method, path, narrow), 403, "scope_missing")
        problem(world.api("GET", "/v1/me", self.forged(client, scope="")), 403, "scope_missing")

    @pytest.mark.parametrize("role", ROLES)
    def test_P8_1_a_session_gets_the_scopes_of_its_role(self, world: World, org: Org, role: Role):
        claims = jwt.decode(person(world, org, role).token, KEY, ["HS256"], audience="leadsrally",
                            options={"verify_exp": False, "verify_iat": False})  # fmt: skip
        assert set(claims["scope"].split()) == scopes_of(role)

    def test_an_organisation_that_proved_no_address_is_nobody(self, world: World, client: Client):
        token = client.token
        world.execute("UPDATE organizations SET state = 'pending'")
        problem(world.api("GET", "/v1/me", token), 401, "session_ended")

    def test_T13_a_person_and_anothers_tenant(self, world: World, client: Client):
        """Even a token that we ourselves signed opens nothing when person and tenant do not belong together."""
        stranger = person(world, world.organization("Rival"))
        mixed = [
            (stranger.org.id, client.user_id, world.session(client.user_id, client.org)),
            (stranger.org.id, stranger.user_id, world.session(client.user_id, client.org)),
            (stranger.org.id, client.user_id, world.session(stranger.user_id, stranger.org)),
            (client.org.id, stranger.user_id, world.session(stranger.user_id, stranger.org)),
        ]
        for ids in mixed:
            token = tokens.issue(KEY, tokens.Bearer(*ids, scopes_of("owner")), world.clock)
            problem(world.api("GET", "/v1/me", token), 401, "session_ended")

    def test_T13_no_header_changes_the_tenant(self, client: Client):
        _, me = client.world.api("GET", "/v1/me", client.token, **{"x-organization-id": str(uuid4())})
        assert me["organization"]["id"] == str(client.org.id)


class TestMe:
    def test_it_says_who_and_what_is_switched_on(self, client: Client):
        status, me = client.get("/v1/me")
        assert status == 200
        assert me["role"] == "owner"
        assert me["organization"] == {
            "id": str(client.org.id),
            "name": "Harbour Bikes",
            "time_zone": "UTC",
            "state": "active",
            "ai_scoring": True,
            "ai_suggestions": True,
            "ai_auto_reply": False,
        }

    def test_no_hash_leaves_the_house(self, client: Client):
        assert "$2b$" not in json.dumps(client.get("/v1/me")[1])
