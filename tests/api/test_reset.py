"""Passwords and addresses that change: who may, by which link, and what dies with it."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import bcrypt
import pytest

from leadsrally.kit import links
from leadsrally.kit.settings import Settings
from tests.api.conftest import Client, person, problem
from tests.api.test_sessions import another
from tests.world import SETTINGS, World

LINK_KEY = Settings(SETTINGS).key("LEADSRALLY_LINK_KEY")
EMAIL, OLD, NEW = "ada@example.test", "the old one of ada 1", "seven lazy kettles whistle"

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def ada(client: Client) -> Client:
    client.world.execute(
        "UPDATE users SET email = %(email)s, password_hash = %(hash)s WHERE id = %(id)s",
        email=EMAIL,
        hash=bcrypt.hashpw(OLD.encode(), bcrypt.gensalt(4)).decode(),
        id=client.user_id,
    )
    return client


def forgot(world: World, email: str = EMAIL, **headers: str) -> tuple[int, Any]:
    return world.api("POST", "/v1/auth/forgot", None, {"email": email}, **headers)


def link(world: World, purpose: str = "reset", table: str = "password_resets") -> str:
    """What stands in the newest link."""
    row = world.rows(f"SELECT organization_id, id FROM {table} ORDER BY created_at DESC, id DESC LIMIT 1")[0]
    return links.sign(LINK_KEY, purpose, row["organization_id"], row["id"])


def reset(world: World, token: str, password: str = NEW) -> tuple[int, Any]:
    return world.api("POST", "/v1/auth/reset", None, {"token": token, "password": password})


def log_in(world: World, password: str, email: str = EMAIL) -> int:
    return world.api("POST", "/v1/auth/login", None, {"email": email, "password": password})[0]


def mails(world: World) -> list[str]:
    return [row["kind"] for row in world.rows("SELECT kind FROM jobs WHERE queue = 'notify' ORDER BY number")]


def audited(world: World) -> list[tuple[str, Any]]:
    rows = world.rows("SELECT action, target_id FROM audit_log WHERE action NOT LIKE 'session%%' ORDER BY id")
    return [(row["action"], row["target_id"]) for row in rows]


class TestForgot:
    def test_A7_a_stranger_cannot_tell_whether_there_is_an_account(self, world: World, ada: Client):
        known, unknown = forgot(world), forgot(world, "nobody@example.test")
        assert known == unknown == (202, {"status": "on_its_way"})
        assert mails(world) == ["reset_password"]
        assert [queue for queue, _ in world.rung] == ["notify", "notify"], "the bell rings for nobody too"
        assert len(world.rows("SELECT 1 FROM password_resets")) == 1

    @pytest.mark.parametrize(
        "email", ["", "x", "a\x01b", "' OR 1=1 --", "%", "x" * 320, " ADA@example.test "]
    )
    def test_whatever_is_asked_for(self, world: World, ada: Client, email: str):
        assert forgot(world, email)[0] == 202
        assert len(mails(world)) == (email.strip().lower() == EMAIL)

    def test_A9_the_link_does_not_depend_on_who_is_asked(self, world: World, ada: Client):
        """What the mail is made of holds ids only; the host of its link is a setting."""
        forgot(world, host="evil.test", **{"x-forwarded-host": "evil.test", "forwarded": "host=evil.test"})
        rows = repr(world.rows("SELECT * FROM jobs") + world.rows("SELECT * FROM password_resets"))
        assert "evil" not in rows

    def test_an_address_gets_three_mails_and_then_one_in_twenty_minutes(self, world: World, ada: Client):
        for email in (EMAIL, "nobody@example.test"):
            assert [forgot(world, email)[0] for _ in range(4)] == [202, 202, 202, 429]
        assert len(mails(world)) == 3
        world.clock.pass_(minutes=20)
        assert [forgot(world, EMAIL.upper())[0] for _ in range(2)] == [202, 429]


class TestReset:
    def test_it_sets_the_password(self, world: World, ada: Client):
        forgot(world)
        assert reset(world, link(world)) == (204, None)
        assert (log_in(world, OLD), log_in(world, NEW)) == (401, 200)
        assert mails(world) == ["reset_password", "password_changed"]
        assert audited(world) == [("password.reset", ada.user_id)]
        assert world.value("SELECT version FROM users WHERE id = %(id)s", id=ada.user_id) == 2

    def test_A4_every_session_dies(self, world: World, ada: Client):
        tokens = [ada.token, another(ada)]
        colleague = person(world, ada.org).token
        forgot(world)
        reset(world, link(world))
        for token in tokens:
            problem(world.api("GET", "/v1/me", token), 401, "session_ended")
        assert world.api("GET", "/v1/me", colleague)[0] == 200
        rows = world.rows(
            "SELECT DISTINCT revoked_because FROM sessions WHERE user_id = %(id)s", id=ada.user_id
        )
        assert [row["revoked_because"] for row in rows] == ["password_reset"]

    def test_A9_once(self, world: World, ada: Client):
        forgot(world)
        token = link(world)
        assert reset(world, token)[0] == 204
        problem(reset(world, token, "another one of a thief 7"), 404, "link_invalid")
        assert log_in(world, NEW) == 200

    def test_A9_once_also_when_it_is_used_twice_at_the_same_time(self, world: World, ada: Client):
        forgot(world)
        token = link(world)
        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(lambda _: reset(world, token)[0], range(4)))
        assert statuses[0] == 204
        assert set(statuses[1:]) <= {404, 409}

    def test_A9_for_an_hour(self, world: World, ada: Client):
        forgot(world)
        token = link(world)
        world.clock.pass_(hours=1)
        problem(reset(world, token), 404, "link_invalid")
        world.clock.pass_(microseconds=-1)
        assert reset(world, token)[0] == 204

    def test_A9_only_the_newest(self, world: World, ada: Client):
        forgot(world)
        first = link(world)
        world.clock.pass_(minutes=1)
        forgot(world)
        problem(reset(world, first), 404, "link_invalid")
        assert reset(world, link(world))[0] == 204

    def test_A9_an_older_one_does_not_come_back_when_the_newest_is_gone(self, world: World, ada: Client):
        """The sweep takes used rows away; what they replaced stays replaced."""
        forgot(world)
        first = link(world)
        world.clock.pass_(minutes=1)
        forgot(world)
        reset(world, link(world))
        world.execute("DELETE FROM password_resets WHERE created_at = %(now)s", now=world.clock.now)
        problem(reset(world, first), 404, "link_invalid")

    def test_A9_not_for_another_account(self, world: World, ada: Client):
        other = person(world, world.organization("Rival"))
        forgot(world)
        row = world.row("SELECT id FROM password_resets")
        problem(reset(world, links.sign(LINK_KEY, "reset", other.org.id, row["id"])), 404, "link_invalid")
        assert log_in(world, OLD) == 200

    @pytest.mark.parametrize("purpose", ["signup", "email", "invite", ""])
    def test_A9_not_by_a_link_for_something_else(self, world: World, ada: Client, purpose: str):
        forgot(world)
        problem(reset(world, link(world, purpose)), 404, "link_invalid")

    def test_A6_a_weak_one_is_refused_and_the_link_still_counts(self, world: World, ada: Client):
        forgot(world)
        token = link(world)
        for weak, code in (("short", "password_too_short"), (EMAIL, "password_too_common"), ("x9 " * 25, "password_too_long"), ("Harbour Bikes", "password_too_common")):  # fmt: skip
            problem(reset(world, token, weak), 422, code)
        assert reset(world, token)[0] == 204

    def test_A4_links_that_are_still_out_are_void(self, world: World, ada: Client):
        """Also the one that a thief had sent to an address of their own."""
        ada.world.api("PATCH", "/v1/me", ada.token, {"email": "thief@example.test"})
        stolen = link(world, "email", "email_changes")
        forgot(world)
        reset(world, link(world))
        problem(world.api("POST", "/v1/auth/email", None, {"token": stolen}), 404, "link_invalid")
        assert log_in(world, NEW) == 200

    def test_no_second_factor_is_needed_and_nobody_is_logged_in(self, world: World, ada: Client):
        forgot(world)
        answer = reset(world, link(world))
        assert answer == (204, None)
        assert world.rows("SELECT 1 FROM sessions WHERE revoked_at IS NULL") == []


class TestChangePassword:
    def change(
        self, ada: Client, current: str = OLD, new: str = NEW, token: str | None = None
    ) -> tuple[int, Any]:
        body = {"current_password": current, "new_password": new}
        return ada.world.api("POST", "/v1/me/password", token or ada.token, body)

    def test_A4_every_other_session_dies(self, world: World, ada: Client):
        mine, other = ada.token, another(ada)
        assert self.change(ada) == (204, None)
        assert world.api("GET", "/v1/me", mine)[0] == 200
        problem(world.api("GET", "/v1/me", other), 401, "session_ended")
        assert (log_in(world, OLD), log_in(world, NEW)) == (401, 200)
        assert mails(world)[0] == "password_changed"
        assert audited(world) == [("password.changed", ada.user_id)]

    def test_the_old_one_must_be_known(self, world: World, ada: Client):
        problem(self.change(ada, current="not this one, surely"), 403, "password_wrong")
        assert log_in(world, OLD) == 200

    def test_A6_the_new_one_must_be_good(self, world: World, ada: Client):
        problem(self.change(ada, new="Harbour Bikes 1"), 422, "password_too_common")
        assert log_in(world, OLD) == 200
        assert mails(world) == ["new_login"]

    def test_A8_a_stolen_session_guesses_ten_times(self, world: World, ada: Client):
        statuses = [self.change(ada, current=f"guess {number} of a thief")[0] for number in range(13)]
        assert statuses == [403] * 10 + [429] * 3
        assert self.change(ada, token=another(ada))[0] == 204, "and does not keep its owner out"

    def test_right_ones_are_not_counted(self, ada: Client):
        for _ in range(15):
            assert self.change(ada, new=OLD)[0] == 204


class TestChangeEmail:
    def ask(self, ada: Client, email: str = "ada@new.example") -> tuple[int, Any]:
        return ada.world.api("PATCH", "/v1/me", ada.token, {"email": email})

    def follow(self, world: World, token: str) -> tuple[int, Any]:
        return world.api("POST", "/v1/auth/email", None, {"token": token})

    def token(self, world: World) -> str:
        return link(world, "email", "email_changes")

    def test_the_old_one_stays_until_the_new_one_is_proven(self, world: World, ada: Client):
        assert self.ask(ada) == (202, {"status": "on_its_way"})
        change = world.row("SELECT id, old_email, new_email FROM email_changes")
        assert (change["old_email"], change["new_email"]) == (EMAIL, "ada@new.example")
        assert ada.get("/v1/me")[1]["email"] == EMAIL
        assert self.follow(world, self.token(world)) == (204, None)
        assert (log_in(world, OLD), log_in(world, OLD, "ada@new.example")) == (401, 200)
        jobs = world.rows("SELECT kind, payload FROM jobs ORDER BY number LIMIT 2")
        assert [(job["kind"], job["payload"]) for job in jobs] == [
            ("change_email", {"change_id": str(change["id"])}),
            ("email_changed", {"change_id": str(change["id"])}),
        ]
        assert audited(world) == [("email.changed", ada.user_id)]

    def test_A4_every_session_dies(self, world: World, ada: Client):
        tokens = [ada.token, another(ada)]
        self.ask(ada)
        self.follow(world, self.token(world))
        for token in tokens:
            problem(world.api("GET", "/v1/me", token), 401, "session_ended")

    def test_A4_a_reset_that_was_sent_to_the_old_one_is_void(self, world: World, ada: Client):
        self.ask(ada)
        forgot(world)
        self.follow(world, self.token(world))
        problem(reset(world, link(world)), 404, "link_invalid")

    def test_what_was_heard_of_the_old_one_goes_with_it(self, world: World, ada: Client):
        world.execute("UPDATE users SET mail_blocked_at = now(), mail_blocked_because = 'bounced'")
        self.ask(ada)
        self.follow(world, self.token(world))
        assert world.value("SELECT mail_blocked_at FROM users") is None

    def test_A13_it_asks_for_a_fresh_proof(self, world: World, ada: Client):
        token = ada.token
        world.clock.pass_(minutes=10)
        problem(self.ask(ada), 403, "confirmation_needed")
        assert world.rows("SELECT 1 FROM email_changes") == []
        body = {"password": OLD}
        assert world.api("POST", "/v1/auth/confirm", token, body)[0] == 200
        assert self.ask(ada)[0] == 202

    def test_A7_whether_the_new_one_has_an_account_is_not_told(self, world: World, ada: Client):
        person(world, world.organization("Rival"))
        world.execute("UPDATE users SET email = 'taken@example.test' WHERE id <> %(id)s", id=ada.user_id)
        answers = [self.ask(ada, email) for email in ("Taken@example.test", "free@example.test")]
        assert answers[0] == answers[1]
        assert mails(world) == ["change_email", "change_email"]

    def test_but_whoever_reads_its_mail_is(self, world: World, ada: Client):
        person(world, world.organization("Rival"))
        world.execute("UPDATE users SET email = 'taken@example.test' WHERE id <> %(id)s", id=ada.user_id)
        self.ask(ada, "TAKEN@example.test")
        problem(self.follow(world, self.token(world)), 409, "address_taken")
        assert log_in(world, OLD) == 200

    def test_A9_once_for_a_day_and_only_the_newest(self, world: World, ada: Client):
        self.ask(ada, "first@new.example")
        first = self.token(world)
        world.clock.pass_(minutes=1)
        self.ask(ada, "second@new.example")
        second = self.token(world)
        problem(self.follow(world, first), 404, "link_invalid")
        world.clock.pass_(hours=24)
        problem(self.follow(world, second), 404, "link_invalid")
        world.clock.pass_(microseconds=-1)
        assert self.follow(world, second)[0] == 204
        problem(self.follow(world, second), 404, "link_invalid")

    @pytest.mark.parametrize("purpose", ["signup", "reset", "invite"])
    def test_A9_not_by_a_link_for_something_else(self, world: World, ada: Client, purpose: str):
        self.ask(ada)
        problem(self.follow(world, link(world, purpose, "email_changes")), 404, "link_invalid")
        problem(self.follow(world, links.sign(LINK_KEY, "email", ada.org.id, uuid4())), 404, "link_invalid")

    @pytest.mark.parametrize(
        ("email", "code"),
        [
            (EMAIL.upper(), "email_unchanged"),
            ("nobody", "email_invalid"),
            ("a@b.example\nBcc: c@d.example", "email_invalid"),
        ],
    )
    def test_I12_what_is_no_new_address(self, ada: Client, email: str, code: str):
        problem(self.ask(ada, email), 422, code)

    def test_nobody_is_mailed_without_end(self, world: World, ada: Client):
        statuses = [self.ask(ada, f"{number}@new.example")[0] for number in range(7)]
        assert statuses == [202] * 5 + [429] * 2
        assert len(mails(world)) == 5


class TestConfirm:
    def confirm(self, ada: Client, password: str, token: str | None = None) -> tuple[int, Any]:
        return ada.world.api("POST", "/v1/auth/confirm", token or ada.token, {"password": password})

    def test_A13_it_holds_for_ten_minutes_and_this_session(self, world: World, ada: Client):
        mine, other = ada.token, another(ada)
        world.clock.pass_(minutes=11)
        status, told = self.confirm(ada, OLD, mine)
        assert status == 200
        assert told["confirmed_until"].startswith(f"{world.clock.now:%Y-%m-%dT%H}")
        change = {"email": "ada@new.example"}
        problem(world.api("PATCH", "/v1/me", other, change), 403, "confirmation_needed")
        world.clock.pass_(minutes=3)
        assert world.api("PATCH", "/v1/me", mine, change)[0] == 202

    def test_a_wrong_password_confirms_nothing(self, world: World, ada: Client):
        token = ada.token
        world.clock.pass_(minutes=11)
        problem(self.confirm(ada, NEW, token), 403, "password_wrong")
        problem(world.api("PATCH", "/v1/me", token, {"email": "a@b.example"}), 403, "confirmation_needed")

    def test_A8_guesses_are_counted(self, ada: Client):
        statuses = [self.confirm(ada, f"guess {number}")[0] for number in range(12)]
        assert statuses == [403] * 10 + [429] * 2

    def test_G4_no_answer_repeats_it(self, ada: Client):
        assert "CANARY" not in json.dumps(self.confirm(ada, "CANARY password")[1])
