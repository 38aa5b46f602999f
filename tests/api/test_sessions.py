"""Staying logged in: refresh tokens, the browser's cookie, the list of sessions and its end."""

import base64
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import pytest

from functions.api.browser import COOKIE
from leadsrally.accounts import refresh_tokens, tokens
from leadsrally.accounts.permissions import scopes_of
from leadsrally.kit.settings import Settings
from tests.api.conftest import Client, person, problem, told
from tests.world import APP_URL, SETTINGS, SOURCE_IP, Answer, Org, World

KEY = Settings(SETTINGS).key("LEADSRALLY_TOKEN_KEY")
DEVICE = "Mozilla/5.0 (of a test)"
OURS = {"origin": APP_URL, "leadsrally-app": "1", "sec-fetch-site": "same-origin"}


def begun(client: Client, kind: str = "client") -> str:
    """The refresh token of a session that has just begun, without the quarter of a second of a password."""
    world, session_id = client.world, client.world.session(client.user_id, client.org)
    token = refresh_tokens.first(client.org.id, session_id)
    world.execute(
        "UPDATE sessions SET token_hash = %(hash)s, kind = %(kind)s, user_agent = %(device)s WHERE id = %(id)s",
        hash=token.hash,
        kind=kind,
        device=DEVICE,
        id=session_id,
    )
    return token.spell(KEY)


def refresh(world: World, token: str, device: str = DEVICE) -> tuple[int, Any]:
    return world.api("POST", "/v1/auth/refresh", None, {"refresh_token": token}, **{"user-agent": device})


def browse(world: World, path: str, token: str | None, body: Any = None, **headers: str) -> Answer:
    """What a page of our own app has the browser ask; `token` is in its cookie."""
    sent = {"content-type": "application/json", "host": "api.example.test", "user-agent": DEVICE, **OURS}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["cookie"] = f"{COOKIE}={token}"
    raw = b"" if body is None else json.dumps(body).encode()
    return world.call(path, headers={k: v for k, v in sent.items() if v != "-"}, body=raw)


def cookie(answer: Answer) -> Any:
    """The one cookie that an answer sets."""
    (line,) = answer.cookies
    (morsel,) = SimpleCookie(line).values()
    assert morsel.key == COOKIE
    return morsel


def session(world: World) -> dict[str, Any]:
    return world.row("SELECT * FROM sessions")


def alarms(world: World) -> list[tuple[str, Any]]:
    rows = world.rows("SELECT kind, payload FROM jobs WHERE queue = 'notify' ORDER BY number")
    return [(row["kind"], row["payload"]) for row in rows]


class TestRefresh:
    def test_P8_1_each_use_gives_another_token(self, world: World, client: Client):
        first = begun(client)
        status, given = refresh(world, first)
        assert (status, given["token_type"], given["expires_in"]) == (200, "bearer", 900)
        assert given["refresh_token"] != first
        assert world.api("GET", "/v1/me", given["access_token"])[0] == 200
        for _ in range(3):
            world.clock.pass_(minutes=20)
            status, given = refresh(world, given["refresh_token"])
            assert status == 200

    def test_the_answer_is_kept_by_no_cache(self, world: World, client: Client):
        answer = browse(world, "/v1/auth/refresh", begun(client, "browser"))
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")

    def test_A3_the_database_holds_no_token(self, world: World, client: Client):
        first = begun(client)
        _, given = refresh(world, first)
        everything = repr(world.rows("SELECT * FROM sessions")).encode()
        for token in (first, given["refresh_token"]):
            raw = base64.urlsafe_b64decode(token.removeprefix("lrr_") + "=" * 3)
            assert token.encode() not in everything
            assert repr(raw[32:64])[2:-1].encode() not in everything
            assert raw[32:64] not in (session(world)["token_hash"], session(world)["previous_hash"])

    def test_a_session_goes_on_for_fourteen_days_without_use(self, world: World, client: Client):
        token = begun(client)
        world.clock.pass_(days=14, microseconds=-1)
        status, given = refresh(world, token)
        assert status == 200
        world.clock.pass_(days=14)
        problem(refresh(world, given["refresh_token"]), 401, "session_ended")

    def test_a_session_ends_after_thirty_days_however_much_it_is_used(self, world: World, client: Client):
        token = begun(client)
        for _ in range(3):
            world.clock.pass_(days=9)
            _, given = refresh(world, token)
            token = given["refresh_token"]
        world.clock.pass_(days=3, microseconds=-1)
        status, given = refresh(world, token)
        assert status == 200
        world.clock.pass_(microseconds=1)
        problem(refresh(world, given["refresh_token"]), 401, "session_ended")
        problem(world.api("GET", "/v1/me", given["access_token"]), 401, "session_ended")

    def test_it_shows_where_it_was_used_last(self, world: World, client: Client):
        token = begun(client)
        world.clock.pass_(hours=1)
        refresh(world, token, device="another one")
        row = session(world)
        assert (str(row["source_ip"]), row["user_agent"]) == (SOURCE_IP, "another one")
        assert row["last_used_at"] == row["rotated_at"] == world.clock.now

    def test_T12_the_next_token_knows_the_new_role(self, world: World, client: Client):
        token = begun(client)
        world.execute("UPDATE users SET role = 'viewer'")
        _, given = refresh(world, token)
        assert tokens.read(KEY, given["access_token"], world.clock).scopes == scopes_of("viewer")

    @pytest.mark.parametrize(
        "ending",
        [
            "DELETE FROM users",
            "UPDATE organizations SET state = 'pending'",
            "UPDATE sessions SET revoked_at = now()",
        ],
    )
    def test_T12_what_is_gone_is_not_refreshed(self, world: World, client: Client, ending: str):
        token = begun(client)
        world.execute(ending)
        problem(refresh(world, token), 401, "session_ended")
        assert alarms(world) == []

    def test_A5_one_kind_of_token_is_not_the_other(self, world: World, client: Client):
        token = begun(client)
        problem(world.api("GET", "/v1/me", token), 401, "token_invalid")
        problem(refresh(world, client.token), 401, "session_ended")

    def test_A5_forged_tokens_end_nobodys_session(self, world: World, client: Client):
        """Whoever knows the ids of a session must not be able to end it with a made-up token."""
        token = begun(client)
        raw = base64.urlsafe_b64decode(token.removeprefix("lrr_") + "=")

        def spelled(raw: bytes) -> str:
            return "lrr_" + base64.urlsafe_b64encode(raw).decode().rstrip("=")

        assert spelled(raw) == token
        forgeries = [spelled(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]) for place in range(80)]
        forgeries += [
            "",
            "x",
            "lrr_",
            token[:-1],
            token + "AAAA",
            token.replace("lrr_", "lrr_!"),
            "ÿ",
        ]
        forgeries += [refresh_tokens.first(client.org.id, UUID(bytes=raw[16:32])).spell(b"z" * 32)]
        for forged in forgeries:
            problem(refresh(world, forged), 401, "session_ended")
        assert refresh(world, token)[0] == 200
        assert alarms(world) == []

    @pytest.mark.parametrize("body", [None, {}, {"refresh_token": None}])
    def test_without_any_token(self, world: World, body: Any):
        problem(world.api("POST", "/v1/auth/refresh", None, body), 401, "token_missing")


class TestReuse:
    def used(self, client: Client) -> tuple[str, dict[str, Any]]:
        first = begun(client)
        status, given = refresh(client.world, first)
        assert status == 200
        return first, given

    def test_A1_an_old_token_ends_the_session_of_both(self, world: World, client: Client):
        first, given = self.used(client)
        world.clock.pass_(seconds=10, microseconds=1)
        problem(refresh(world, first), 401, "session_ended")
        problem(refresh(world, given["refresh_token"]), 401, "session_ended")
        problem(world.api("GET", "/v1/me", given["access_token"]), 401, "session_ended")

    def test_A1_it_is_told_and_written_down_once(self, world: World, client: Client):
        first, _ = self.used(client)
        ended = session(world)["id"]
        world.clock.pass_(minutes=1)
        for _ in range(3):
            refresh(world, first)
        assert alarms(world) == [
            ("session_reuse", {"user_id": str(client.user_id), "session_id": str(ended)})
        ]
        (row,) = world.rows("SELECT action, actor_kind, target_id, details FROM audit_log")
        assert row == {
            "action": "session.reuse_detected",
            "actor_kind": "system",
            "target_id": ended,
            "details": {},
        }
        assert (session(world)["revoked_because"], session(world)["revoked_at"]) == ("reuse", world.clock.now)

    def test_A1_other_sessions_of_the_person_go_on(self, world: World, client: Client):
        first, _ = self.used(client)
        world.clock.pass_(minutes=1)
        refresh(world, first)
        assert world.api("GET", "/v1/me", client.token)[0] == 200  # a new session

    def test_A2_an_answer_that_was_lost_is_given_again(self, world: World, client: Client):
        first, given = self.used(client)
        world.clock.pass_(seconds=10)
        status, again = refresh(world, first)
        assert (status, again["refresh_token"]) == (200, given["refresh_token"])
        world.clock.pass_(minutes=20)
        assert refresh(world, again["refresh_token"])[0] == 200
        assert alarms(world) == []

    def test_A2_but_once(self, world: World, client: Client):
        first, given = self.used(client)
        assert refresh(world, first)[0] == 200
        problem(refresh(world, first), 401, "session_ended")
        problem(refresh(world, given["refresh_token"]), 401, "session_ended")
        assert [kind for kind, _ in alarms(world)] == ["session_reuse"]

    def test_A2_not_on_another_device(self, world: World, client: Client):
        first, given = self.used(client)
        problem(refresh(world, first, device="curl/8"), 401, "session_ended")
        problem(refresh(world, given["refresh_token"]), 401, "session_ended")

    def test_A2_not_the_one_before_the_last(self, world: World, client: Client):
        first, given = self.used(client)
        assert refresh(world, given["refresh_token"])[0] == 200
        problem(refresh(world, first), 401, "session_ended")

    def test_A2_two_tabs_at_once(self, world: World, client: Client):
        """Both get the same next token, whichever was first, and the session lives; twenty times over."""
        token = begun(client)
        start = threading.Barrier(2)

        def tab(_: int) -> tuple[int, Any]:
            start.wait()
            return refresh(world, token)

        with ThreadPoolExecutor(2) as pool:
            for _ in range(20):
                answers = list(pool.map(tab, range(2)))
                assert [status for status, _ in answers] == [200, 200]
                assert answers[0][1]["refresh_token"] == answers[1][1]["refresh_token"] != token
                token = answers[0][1]["refresh_token"]
                world.clock.pass_(minutes=15)
        assert alarms(world) == []

    def test_A1_three_at_once_are_one_too_many(self, world: World, client: Client):
        token = begun(client)
        start = threading.Barrier(3)

        def tab(_: int) -> int:
            start.wait()
            return refresh(world, token)[0]

        with ThreadPoolExecutor(3) as pool:
            assert sorted(pool.map(tab, range(3))) == [200, 200, 401]
        assert session(world)["revoked_because"] == "reuse"
        assert [kind for kind, _ in alarms(world)] == ["session_reuse"]

    def test_a_client_that_loops_has_to_wait(self, world: World, client: Client):
        token = begun(client)
        statuses = []
        for _ in range(70):
            status, given = refresh(world, token)
            statuses.append(status)
            token = given.get("refresh_token", token)
        assert statuses == [200] * 60 + [429] * 10
        world.clock.pass_(seconds=5)
        assert refresh(world, token)[0] == 200


class TestBrowser:
    """The token in a cookie: who may use it, and from where."""

    def test_A3_the_cookie_is_out_of_every_scripts_reach(self, world: World, client: Client):
        answer = browse(world, "/v1/auth/refresh", begun(client, "browser"))
        assert answer.status == 200
        given = json.loads(answer.body)
        assert given["refresh_token"] is None
        set_cookie = cookie(answer)
        assert set_cookie.value not in answer.body
        assert (set_cookie["path"], set_cookie["samesite"], set_cookie["domain"]) == ("/", "strict", "")
        assert set_cookie["secure"] is True
        assert set_cookie["httponly"] is True
        assert set_cookie["max-age"] == str(30 * 24 * 3600)
        assert browse(world, "/v1/auth/refresh", set_cookie.value).status == 200

    @pytest.mark.parametrize(
        "foreign",
        [
            {"origin": "null"},
            {"origin": "https://evil.test"},
            {"origin": "https://sibling.example.test"},
            {"origin": f"{APP_URL}.evil.test"},
            {"origin": APP_URL.replace("https", "http")},
            {"origin": f"{APP_URL}:8443"},
            {"origin": "-"},
            {"sec_fetch_site": "same-site"},
            {"sec_fetch_site": "cross-site"},
            {"sec_fetch_site": "none"},
            {"leadsrally_app": "-"},
        ],
        ids=str,
    )
    def test_A10_no_other_site_can_use_it(self, world: World, client: Client, foreign: dict[str, str]):
        token = begun(client, "browser")
        answer = browse(world, "/v1/auth/refresh", token, **foreign)
        assert (answer.status, told(answer)["code"]) == (403, "foreign_origin")
        assert answer.cookies == ()
        assert browse(world, "/v1/auth/refresh", token).status == 200, "and it was not used up"

    def test_A10_nor_log_somebody_in(self, world: World, org: Org):
        """Else a page could have you work in its own account."""
        body = {"email": "a@b.test", "password": "x", "session": "browser"}
        answer = browse(world, "/v1/auth/login", None, body, origin="https://evil.test")
        assert (answer.status, told(answer)["code"]) == (403, "foreign_origin")
        assert world.rows("SELECT 1 FROM rate_limits") == [], "nothing was tried"

    def test_A10_nobody_is_invited_to_ask_from_elsewhere(self, world: World):
        headers = {"host": "x", "origin": "https://evil.test", "access-control-request-method": "POST"}
        for path in ("/v1/auth/refresh", "/v1/me"):
            answer = world.call(path, method="OPTIONS", headers=headers)
            assert answer.status == 405
            assert not [name for name in answer.headers if name.startswith("access-control")]

    def test_A10_a_cookie_is_no_access_token(self, world: World, client: Client):
        token = begun(client, "browser")
        answer = world.call("/v1/me", method="GET", headers={"host": "x", "cookie": f"{COOKIE}={token}"})
        assert answer.status == 401

    def test_A10_a_browsers_token_is_taken_from_its_cookie_only(self, world: World, client: Client):
        problem(refresh(world, begun(client, "browser")), 401, "session_ended")

    def test_a_clients_token_is_not_taken_from_a_cookie(self, world: World, client: Client):
        assert browse(world, "/v1/auth/refresh", begun(client, "client")).status == 401

    def test_A11_a_log_in_begins_a_session_of_its_own(self, world: World, client: Client):
        """Whatever cookie somebody planted before is replaced, and its session is not the one that begins."""
        planted = begun(person(world, client.org), "browser")
        world.execute("UPDATE users SET email = 'me@example.test' WHERE id = %(id)s", id=client.user_id)
        with unhashed():
            body = {"email": "me@example.test", "password": "any", "session": "browser"}
            answers = [browse(world, "/v1/auth/login", planted, body) for _ in range(2)]
        assert [answer.status for answer in answers] == [200, 200]
        assert len({planted, *(cookie(answer).value for answer in answers)}) == 3
        mine = world.rows("SELECT id FROM sessions WHERE user_id = %(id)s", id=client.user_id)
        assert len(mine) == 2

    def test_logging_out_takes_the_cookie_away(self, world: World, client: Client):
        token = begun(client, "browser")
        answer = world.call(
            "/v1/auth/logout", headers={"host": "x", "authorization": f"Bearer {client.token}"}
        )
        assert answer.status == 204
        assert (cookie(answer).value, cookie(answer)["max-age"]) == ("", "0")
        assert browse(world, "/v1/auth/refresh", token).status == 401


class TestLogOut:
    def test_its_tokens_are_dead_at_once(self, world: World, client: Client):
        token, refresh_token = client.token, begun(client)
        assert world.api("POST", "/v1/auth/logout", token) == (204, None)
        problem(world.api("GET", "/v1/me", token), 401, "session_ended")
        problem(world.api("POST", "/v1/auth/logout", token), 401, "session_ended")
        problem(refresh(world, refresh_token), 401, "session_ended")
        assert alarms(world) == [], "that was no theft"

    def test_other_sessions_go_on(self, world: World, client: Client):
        token = client.token
        other = another(client)
        assert world.api("POST", "/v1/auth/logout", token)[0] == 204
        assert world.api("GET", "/v1/me", other)[0] == 200

    def test_everywhere(self, world: World, client: Client):
        mine, other = client.token, another(client)
        stranger = person(world, client.org).token
        assert world.api("POST", "/v1/auth/logout", mine, {"everywhere": True})[0] == 204
        for token in (mine, other):
            problem(world.api("GET", "/v1/me", token), 401, "session_ended")
        assert world.api("GET", "/v1/me", stranger)[0] == 200

    def test_it_is_written_down(self, world: World, client: Client):
        world.api("POST", "/v1/auth/logout", client.token)
        world.clock.pass_(seconds=1)
        world.api("POST", "/v1/auth/logout", client.token, {"everywhere": True})
        rows = world.rows("SELECT action, actor_id, details FROM audit_log ORDER BY id")
        assert [(row["action"], row["details"]) for row in rows] == [
            ("session.ended", {"reason": "logged_out"}),
            ("sessions.ended", {"reason": "logged_out"}),
        ]
        assert {row["actor_id"] for row in rows} == {client.user_id}


class TestList:
    def test_it_shows_where_one_is_logged_in(self, world: World, client: Client):
        token = begun(client)
        world.clock.pass_(minutes=1)
        refresh(world, token)
        world.clock.pass_(minutes=-1)
        another(client)
        status, page = client.get("/v1/sessions")
        assert status == 200
        mine, other = page["items"]
        assert (mine["current"], other["current"]) == (True, False)
        assert mine["source_ip"] == SOURCE_IP
        assert mine["user_agent"] == DEVICE
        assert "hash" not in json.dumps(page)

    def test_neither_what_has_ended_nor_anybody_elses(self, world: World, client: Client):
        person(world, client.org).token  # noqa: B018  a colleague is logged in
        another(client)
        world.execute("UPDATE sessions SET revoked_at = %(now)s WHERE kind = 'browser'", now=world.clock.now)
        another(client)
        world.execute("UPDATE sessions SET expires_at = %(now)s WHERE kind = 'browser'", now=world.clock.now)
        assert [row["current"] for row in client.get("/v1/sessions")[1]["items"]] == [True]

    def test_one_of_them_can_be_ended(self, world: World, client: Client):
        mine, other = client.token, another(client)
        rows = client.get("/v1/sessions")[1]["items"]
        (wanted,) = [row["id"] for row in rows if not row["current"]]
        assert world.api("DELETE", f"/v1/sessions/{wanted}", mine) == (204, None)
        problem(world.api("GET", "/v1/me", other), 401, "session_ended")
        assert world.api("GET", "/v1/me", mine)[0] == 200
        problem(world.api("DELETE", f"/v1/sessions/{wanted}", mine), 404, "session_not_found")

    def test_T1_a_colleagues_session_is_as_none(self, world: World, client: Client):
        theirs = world.session(person(world, client.org).user_id, client.org)
        answers = [world.api("DELETE", f"/v1/sessions/{name}", client.token) for name in (theirs, uuid4())]
        assert answers[0] == answers[1]
        problem(answers[0], 404, "session_not_found")

    def test_all_others_can_be_ended(self, world: World, client: Client):
        mine, others = client.token, [another(client), another(client)]
        assert world.api("DELETE", "/v1/sessions", mine) == (204, None)
        for token in others:
            problem(world.api("GET", "/v1/me", token), 401, "session_ended")
        assert world.api("GET", "/v1/me", mine)[0] == 200


class TestRace:
    def test_T12_no_request_that_begins_after_a_role_was_taken_is_let_through(
        self, world: World, client: Client
    ):
        """Requests hammer while the role changes; what begins after the commit is refused."""
        token = client.token
        path = f"/v1/jobs/{uuid4()}/replay"
        taken = threading.Event()
        seen: list[tuple[bool, int]] = []

        def hammer() -> None:
            while len([1 for after, _ in seen if after]) < 5:
                after = taken.is_set()
                seen.append((after, world.api("POST", path, token)[0]))

        thread = threading.Thread(target=hammer)
        thread.start()
        while len(seen) < 10:
            time.sleep(0.001)
        world.execute("UPDATE users SET role = 'viewer' WHERE id = %(id)s", id=client.user_id)
        taken.set()
        thread.join()
        assert {status for after, status in seen if not after} >= {404}
        assert {status for after, status in seen if after} == {403}

    def test_A4_a_refresh_and_a_log_out_at_once(self, world: World, client: Client):
        """Whichever comes first, the session is over."""
        for _ in range(10):
            token, access = begun(client), client.token
            acts: list[Callable[[], Any]] = [
                lambda token=token: refresh(world, token),
                lambda access=access: world.api("POST", "/v1/auth/logout", access),
            ]
            with ThreadPoolExecutor(2) as pool:
                refreshed, _ = list(pool.map(lambda act: act(), acts))
            if refreshed[0] == 200:
                problem(refresh(world, refreshed[1]["refresh_token"]), 401, "session_ended")
                problem(world.api("GET", "/v1/me", refreshed[1]["access_token"]), 401, "session_ended")
            assert world.rows("SELECT 1 FROM sessions WHERE revoked_at IS NULL") == []


def another(client: Client) -> str:
    """The access token of one more session of the same person, in a browser."""
    world, session_id, now = client.world, uuid4(), client.world.clock.now
    times = dict.fromkeys(("rotated_at", "confirmed_at", "created_at", "last_used_at"), now)
    row = {"organization_id": client.org.id, "id": session_id, "user_id": client.user_id, "kind": "browser"}
    world._insert(
        "sessions", {**row, **times, "token_hash": bytes(32), "expires_at": now + timedelta(days=14)}
    )
    return tokens.issue(
        KEY, tokens.Bearer(client.org.id, client.user_id, session_id, scopes_of("owner")), world.clock
    )


def unhashed() -> Any:
    """Every password is right, and takes no time."""
    return mock.patch("leadsrally.accounts.passwords.matches", return_value=True)
