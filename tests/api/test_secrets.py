"""G4, A3, A11, O4: secrets of people, planted in every step of a life with us, are found in nothing that is kept,
written down, reported or answered, but for the one answer that hands each of them out.
"""

import base64
import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from infra.simulators.running import Running
from infra.simulators.serve import mount
from leadsrally.accounts.one_time_code import code_at, step_at
from leadsrally.kit import links
from leadsrally.kit.settings import Settings
from tests.api.test_sessions import browse, cookie
from tests.database import TestDatabase
from tests.world import SETTINGS, Answer, World

LINK_KEY = Settings(SETTINGS).key("LEADSRALLY_LINK_KEY")
EMAIL = "canary.lady@lighthouse.example"
PASSWORDS = [f"CANARY {word} kettles whistle" for word in ("seven", "eight", "nine", "wrong")]

pytestmark = pytest.mark.usefixtures("quick")


class Life:
    """Everything that a person does with us, and every secret that came up."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.secrets: set[str] = set(PASSWORDS)
        self.answers: list[str] = []  # those that hand nothing out
        self.token: str | None = None

    def ask(
        self, method: str, path: str, body: Any = None, *, hands_out: bool = False, **headers: str
    ) -> Any:
        status, told = self.world.api(method, path, self.token, body, **headers)
        if not hands_out:
            self.answers.append(json.dumps(told))
        return status, told

    def link(self, purpose: str, table: str) -> str:
        row = self.world.rows(
            f"SELECT organization_id, id FROM {table} ORDER BY created_at DESC, id DESC LIMIT 1"
        )[0]
        token = links.sign(LINK_KEY, purpose, row["organization_id"], row["id"])
        self.secrets.add(token)
        return token

    def begin(self, password: str, **more: str) -> None:
        """Log in, refresh, and show the first refresh token again too late."""
        body = {"email": EMAIL, "password": password, **more}
        status, told = self.ask("POST", "/v1/auth/login", body, hands_out=True)
        assert status == 200, told
        for _ in range(2):
            self.secrets |= {told["access_token"], told["refresh_token"]}
            first = told["refresh_token"]
            status, told = self.ask("POST", "/v1/auth/refresh", {"refresh_token": first}, hands_out=True)
            assert status == 200, told
        self.secrets |= {told["access_token"], told["refresh_token"]}
        self.token = told["access_token"]

    def live(self) -> None:
        world = self.world
        form = {
            "organization_name": "Lighthouse", "email": EMAIL, "password": PASSWORDS[0], "business_use": True,
            "age_16": True, "terms_version": "1", "policy_version": "1",
        }  # fmt: skip
        for _ in range(2):
            self.ask("POST", "/v1/auth/signup", form)
        token = self.link("signup", "signups")
        for _ in range(2):
            assert self.ask("POST", "/v1/auth/verify", {"token": token})[0] == 200
        self.ask("POST", "/v1/auth/login", {"email": EMAIL, "password": PASSWORDS[3]})
        self.begin(PASSWORDS[0])
        self.ask("POST", "/v1/auth/confirm", {"password": PASSWORDS[3]})
        assert self.ask("POST", "/v1/auth/confirm", {"password": PASSWORDS[0]})[0] == 200
        self.factor()
        change = {"current_password": PASSWORDS[0], "new_password": PASSWORDS[1]}
        assert self.ask("POST", "/v1/me/password", change)[0] == 204
        self.ask("POST", "/v1/me/password", change)
        assert self.ask("PATCH", "/v1/me", {"email": f"new.{EMAIL}"})[0] == 202
        self.link("email", "email_changes")
        self.ask("POST", "/v1/auth/forgot", {"email": EMAIL})
        token = self.link("reset", "password_resets")
        for password in (PASSWORDS[2], PASSWORDS[3]):
            self.ask("POST", "/v1/auth/reset", {"token": token, "password": password})
        self.ask("GET", "/v1/me")
        self.in_a_browser()
        world.work("notify")

    def factor(self) -> None:
        world = self.world
        _, made = self.ask("POST", "/v1/me/second-factor", hands_out=True)
        secret = base64.b32decode(made["secret"])
        self.secrets |= {made["secret"], made["address"]}
        self.ask("POST", "/v1/me/second-factor/proof", {"code": "CANARY"})
        given = code_at(secret, step_at(world.clock.now))
        status, told = self.ask("POST", "/v1/me/second-factor/proof", {"code": given}, hands_out=True)
        assert status == 200
        self.codes = told["recovery_codes"]
        self.secrets |= set(self.codes) | {code.replace("-", "") for code in self.codes}
        self.ask(
            "POST", "/v1/auth/login", {"email": EMAIL, "password": PASSWORDS[0], "code": self.codes[0][:-1]}
        )

    def in_a_browser(self) -> None:
        body = {"email": EMAIL, "password": PASSWORDS[2], "code": self.codes[1], "session": "browser"}
        answer = browse(self.world, "/v1/auth/login", None, body)
        assert answer.status == 200, answer.body
        self.secrets |= {cookie(answer).value, json.loads(answer.body)["access_token"]}
        self.refuse(browse(self.world, "/v1/auth/refresh", cookie(answer).value, origin="https://evil.test"))
        again = browse(self.world, "/v1/auth/refresh", cookie(answer).value)
        self.secrets |= {cookie(again).value, json.loads(again.body)["access_token"]}
        self.world.clock.pass_(minutes=1)
        self.refuse(browse(self.world, "/v1/auth/refresh", cookie(answer).value))  # stolen

    def refuse(self, answer: Answer) -> None:
        assert answer.status in (401, 403)
        self.answers.append(answer.body)

    def found(self, where: str) -> list[str]:
        return [secret for secret in self.secrets if secret in where]


@pytest.fixture
def life(world: World) -> Life:
    return Life(world)


def everything(world: World) -> str:
    """Every row of every table, as text; bytes as they are written in hexadecimal and as they are."""
    names = world.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    rows = [world.rows(f"SELECT t::text AS text FROM {row['name']} AS t") for row in names]
    text = "\n".join(row["text"] for table in rows for row in table)
    kept = [bytes.fromhex(found) for found in re.findall(r"\\\\?x([0-9a-f]+)", text)]
    return text + "\n" + b"\n".join(kept).decode("latin-1")


class TestKept:
    def test_A3_no_table_holds_one(self, world: World, life: Life):
        life.live()
        text = everything(world)
        assert EMAIL in text, "the search looks where things are"
        assert "$2b$" in text
        assert len(life.secrets) > 30
        assert life.found(text) == []
        for token in (secret for secret in life.secrets if secret.startswith("lrr_")):
            raw = base64.urlsafe_b64decode(token.removeprefix("lrr_") + "=")
            assert raw[32:64].decode("latin-1") not in text
        assert world.value("SELECT count(*) FROM audit_log") > 8

    def test_G4_no_log_line_holds_one(self, life: Life, capfd: pytest.CaptureFixture[str]):
        capfd.readouterr()
        life.live()
        written = "".join(capfd.readouterr())
        assert "job" in written, "something was written"
        assert life.found(written) == []
        assert EMAIL not in written

    def test_G4_no_answer_repeats_one(self, life: Life):
        life.live()
        assert len(life.answers) > 12
        assert life.found("\n".join(life.answers)) == []


CRASHES = {
    "log-in": ("leadsrally.accounts.sessions.begin", "POST", "/v1/auth/login", {"email": EMAIL, "password": PASSWORDS[0]}),
    "refresh": ("leadsrally.accounts.sessions.living", "POST", "/v1/auth/refresh", {"refresh_token": "@refresh"}),
    "sign-up": (
        "leadsrally.accounts.sign_up.enqueue", "POST", "/v1/auth/signup",
        {
            "organization_name": "Lighthouse", "email": "other@lighthouse.example", "password": PASSWORDS[1],
            "business_use": True, "age_16": True, "terms_version": "1", "policy_version": "1",
        },
    ),
    "confirm": ("leadsrally.accounts.limits.give_back", "POST", "/v1/auth/confirm", {"password": PASSWORDS[0]}),
    "change": (
        "leadsrally.accounts.set_password.void_links", "POST", "/v1/me/password",
        {"current_password": PASSWORDS[0], "new_password": PASSWORDS[1]},
    ),
    "factor": ("leadsrally.accounts.one_time_code.address", "POST", "/v1/me/second-factor", None),
}  # fmt: skip


class TestCrashed:
    """O4: errors that nobody expected, raised with the secrets in arguments, variables and the error's own text."""

    @pytest.fixture
    def watched(self, database: TestDatabase) -> Iterator[tuple[World, str]]:
        with Running(mount([], [])) as running:
            sentry = f"{running.base_url}/simulators/sentry"
            world = World(database, settings={"SENTRY_DSN": f"{sentry.replace('://', '://key@')}/1"}).open()
            yield world, sentry
            world.close()

    @pytest.mark.parametrize("step", CRASHES)
    def test_O4_reports_and_logs_hold_none(
        self, watched: tuple[World, str], step: str, capfd: pytest.CaptureFixture[str]
    ):
        world, sentry = watched
        life = Life(world)
        form = CRASHES["sign-up"][3] | {"email": EMAIL, "password": PASSWORDS[0]}
        life.ask("POST", "/v1/auth/signup", form)
        life.ask("POST", "/v1/auth/verify", {"token": life.link("signup", "signups")})
        life.begin(PASSWORDS[0])
        refresh_token = next(secret for secret in life.secrets if secret.startswith("lrr_"))
        target, method, path, body = CRASHES[step]
        if body == {"refresh_token": "@refresh"}:
            body = {"refresh_token": refresh_token}
        told = RuntimeError(" ".join(life.secrets) + EMAIL)
        capfd.readouterr()
        with mock.patch(target, side_effect=told):
            status, answer = life.ask(method, path, body)
        written = "".join(capfd.readouterr())
        assert (status, answer["code"]) == (500, "broken")
        with urllib.request.urlopen(f"{sentry}/_sim/log") as log:
            reported = log.read().decode()
        assert "RuntimeError" in reported, "it was reported"
        assert '"unexpected.error"' in written
        for where in (written, reported, json.dumps(answer)):
            assert life.found(where) == []
            assert EMAIL not in where
        with urllib.request.urlopen(f"{sentry}/_sim/leaks") as leaks:
            assert json.loads(leaks.read()) in ([], {"leaks": []})


class TestHeld:
    """What is handed to a verb does not show in what Python says of it."""

    def test_G4_no_repr_tells_one(self, world: World):
        from leadsrally import runtime
        from leadsrally.accounts.front_desk import Tokens
        from leadsrally.accounts.log_in import Attempt
        from leadsrally.accounts.refresh_tokens import first
        from leadsrally.accounts.second_factor import SetUp
        from leadsrally.accounts.sign_up import SignUp

        org = world.organization().id
        token = first(org, org)
        held: list[Any] = [
            Attempt("a@b.test", "CANARY", "CANARY"),
            Tokens("CANARY", 900, "CANARY"),
            SetUp("CANARY", "CANARY"),
            SignUp("x", "a@b.test", "CANARY", "UTC", "US", "en", True, True, "1", "1"),
            token,
            runtime.of("api").front_desk,
        ]
        said = repr(held)
        assert "CANARY" not in said
        assert repr(token.secret)[2:-1] not in said
        assert "kkkk" not in said  # what the keys of a world are made of
