"""W18: another auth token, without losing what was signed with the old one, and without trusting a wrong one."""

import threading
from uuid import UUID

import pytest
from twilio.request_validator import RequestValidator

from infra.simulators.twilio import TwilioAccount
from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.kit.crypto import Vault
from leadsrally.kit.db import Database
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels.ask_provider import SealedAccount, ask_provider
from leadsrally.messaging.channels.directory import task_context, twilio_context
from leadsrally.messaging.channels.replace_credentials import OVERLAP
from leadsrally.privacy.rotate_keys import rotate_keys
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.providers.twilio.signature import TwilioCredentials
from tests.switchboard import Switchboard
from tests.world import PUBLIC_URL, Line, World

NEW = "n" * 32


@pytest.fixture
def account(switchboard: Switchboard, line: Line) -> TwilioAccount:
    """The customer's account, in which a secondary token was made."""
    made = switchboard.of(line)
    made.secondary_token = NEW
    return made


def enter(world: World, line: Line, token: str) -> UUID:
    """Somebody enters another token, as the API does it."""
    now, task_id = world.clock.now, new_id(world.clock.now)
    document = TwilioCredentials(line.account_sid, (token,)).to_json()
    sealed = runtime.of("api").vault.seal(document, task_context(line.organization_id, task_id))
    with runtime.of("api").db.tenant(line.organization_id) as tx:
        brought = SealedAccount(task_id, line.account_sid, sealed)
        return ask_provider(tx, line.organization_id, "replace", line.id, brought, actor=SYSTEM, now=now)


def held(world: World, line: Line) -> TwilioCredentials:
    blob = world.value("SELECT credentials FROM channels WHERE id = %(id)s", id=line.id)
    return TwilioCredentials.from_json(world.vault.open(blob, twilio_context(line.organization_id, line.id)))


def deliver(world: World, line: Line, token: str) -> int:
    """A text that was signed with this token."""
    form = {
        "MessageSid": f"SM{new_id(world.clock.now).hex}",
        "From": "+12025550101",
        "To": line.number,
        "Body": "hi",
    }
    url = f"{PUBLIC_URL}/webhooks/twilio/{line.key}/inbound"
    return world.post(
        line, "inbound", form, signature=RequestValidator(token).compute_signature(url, form)
    ).status


class TestOverlap:
    def test_W18_both_are_accepted_for_a_day_and_the_old_one_no_longer(
        self, switchboard: Switchboard, account: TwilioAccount, world: World, line: Line
    ):
        assert deliver(world, line, line.auth_token) == 200
        assert deliver(world, line, NEW) == 403
        enter(world, line, NEW)
        switchboard.work()
        assert held(world, line).auth_tokens == (NEW, line.auth_token)
        assert [deliver(world, line, token) for token in (line.auth_token, NEW)] == [200, 200]
        world.clock.now += OVERLAP * 0.9999
        assert [deliver(world, line, token) for token in (line.auth_token, NEW)] == [200, 200]
        world.clock.now += OVERLAP * 0.0001
        assert [deliver(world, line, token) for token in (line.auth_token, NEW)] == [403, 200]

    def test_W18_a_third_one_ends_the_first(
        self, switchboard: Switchboard, account: TwilioAccount, world: World, line: Line
    ):
        for token in (NEW, "m" * 32):
            account.secondary_token = token
            enter(world, line, token)
            switchboard.work()
        assert held(world, line).auth_tokens == ("m" * 32, NEW)
        assert deliver(world, line, line.auth_token) == 403

    def test_the_same_one_again_changes_nothing(
        self, switchboard: Switchboard, account: TwilioAccount, world: World, line: Line
    ):
        before = held(world, line)
        task = enter(world, line, line.auth_token)
        switchboard.work()
        assert switchboard.task(task)["result"] == {"channels": 0}
        assert held(world, line) == before
        assert world.value("SELECT count(*) FROM audit_log") == 0

    def test_the_new_one_sends_at_once(
        self, switchboard: Switchboard, account: TwilioAccount, world: World, line: Line
    ):
        enter(world, line, NEW)
        switchboard.work()
        account.auth_token, account.secondary_token = NEW, None  # promoted
        task = world.rows("SELECT checks FROM channels")[0]["checks"]
        assert task[0] == {"check": "sign_in", "state": "passed", "reason": None, "found": None}
        switchboard.world.execute("UPDATE channels SET checks = NULL")
        with runtime.of("api").db.tenant(line.organization_id) as tx:
            ask_provider(tx, line.organization_id, "test", line.id, actor=SYSTEM, now=world.clock.now)
        switchboard.work()
        assert world.value("SELECT checks FROM channels")[0]["state"] == "passed"

    def test_shared_keys_stay(self, switchboard: Switchboard, world: World):
        line = world.line(world.organization(), shared_keys={"WK1": "shared-secret"})
        switchboard.of(line).secondary_token = NEW
        enter(world, line, NEW)
        switchboard.work()
        assert held(world, line).shared_keys == {"WK1": "shared-secret"}


class TestWrong:
    def test_one_that_twilio_refuses_replaces_nothing_and_is_forgotten(
        self, switchboard: Switchboard, account: TwilioAccount, world: World, line: Line
    ):
        task = enter(world, line, "wrong" * 5)
        switchboard.work()
        row = switchboard.task(task)
        assert (row["state"], row["failure"], row["secret"]) == ("failed", "20003", None)
        assert held(world, line).auth_tokens == (line.auth_token,)
        assert deliver(world, line, line.auth_token) == 200
        assert world.value("SELECT credentials_version FROM channels") == 1

    def test_without_an_answer_nothing_is_replaced(
        self, switchboard: Switchboard, account: TwilioAccount, world: World, line: Line
    ):
        switchboard.simulator.recorder.faults.add({"do": "status", "status": 500})
        task = enter(world, line, NEW)
        switchboard.work()
        assert switchboard.task(task)["failure"] == "twilio"
        assert held(world, line).auth_tokens == (line.auth_token,)

    def test_O6_a_secret_moved_to_another_task_does_not_open(
        self, switchboard: Switchboard, account: TwilioAccount, world: World, line: Line
    ):
        theirs = world.line(world.organization("Rival"))
        switchboard.of(theirs)
        mine, other = enter(world, line, NEW), enter(world, theirs, "t" * 32)
        world.execute(
            """UPDATE channel_tasks SET secret = CASE id WHEN %(a)s THEN %(b_secret)s ELSE %(a_secret)s END""",
            a=mine,
            a_secret=switchboard.task(mine)["secret"],
            b_secret=switchboard.task(other)["secret"],
        )
        switchboard.work()
        for task, channel in ((mine, line), (other, theirs)):
            assert switchboard.task(task)["failure"] == "seal_broken"
            assert held(world, channel).auth_tokens == (channel.auth_token,)
        assert switchboard.log() == []


class TestAccount:
    def test_every_channel_of_the_account_gets_it_and_no_other(
        self, switchboard: Switchboard, account: TwilioAccount, world: World, line: Line, org: object
    ):
        sibling = world.line(org, account_sid=line.account_sid)  # pyright: ignore[reportArgumentType]
        stranger = world.line(org)  # pyright: ignore[reportArgumentType]
        gone = world.line(org, account_sid=line.account_sid, state="disconnected")  # pyright: ignore[reportArgumentType]
        foreign = world.line(world.organization("Rival"), account_sid=line.account_sid)
        task = enter(world, line, NEW)
        switchboard.work()
        assert switchboard.task(task)["result"] == {"channels": 2}
        for channel, tokens in (
            (line, (NEW, line.auth_token)),
            (sibling, (NEW, sibling.auth_token)),
            (stranger, (stranger.auth_token,)),
            (gone, (gone.auth_token,)),
            (foreign, (foreign.auth_token,)),
        ):
            assert held(world, channel).auth_tokens == tokens
        replaced = world.rows("SELECT target_id FROM audit_log WHERE action = 'channel.credentials_replaced'")
        assert {row["target_id"] for row in replaced} == {line.id, sibling.id}


class TestRace:
    def test_two_replacements_and_a_rotation_at_once_lose_nothing(
        self, switchboard: Switchboard, account: TwilioAccount, world: World, line: Line
    ):
        """Each writes only over what it read; the last token entered is the one that stays."""
        tokens = [f"{number}" * 32 for number in range(1, 7)]
        other = Vault(LocalKeys({"test-1": b"k" * 32, "test-2": b"n" * 32}, "test-2"))
        keys = Database(world.database.url("leadsrally_keys"))
        stop = threading.Event()

        def turn() -> None:
            while not stop.is_set():
                rotate_keys(keys, world.vault)  # to the key that everybody has

        rotating = threading.Thread(target=turn)
        rotating.start()
        try:
            for token in tokens:
                account.secondary_token = token
                enter(world, line, token)
                switchboard.work()
        finally:
            stop.set()
            rotating.join()
        assert held(world, line).auth_tokens == (tokens[-1], tokens[-2])
        done = rotate_keys(keys, other)
        assert sum(found.moved for found in done) == 1
        assert all(found.broken == () for found in done)
        keys.close()

    def test_what_somebody_wrote_in_between_is_read_again(
        self,
        switchboard: Switchboard,
        account: TwilioAccount,
        world: World,
        line: Line,
        monkeypatch: pytest.MonkeyPatch,
    ):
        bench = runtime.of("manage_channel").workbench
        genuine, left = bench.provider.renewed, iter([True])

        def overtaken(document: bytes, replacement: bytes, until: object) -> bytes | None:
            if next(left, False):
                between = TwilioCredentials(line.account_sid, ("b" * 32,)).to_json()
                world.execute(
                    "UPDATE channels SET credentials = %(c)s, credentials_version = credentials_version + 1",
                    c=world.vault.seal(between, twilio_context(line.organization_id, line.id)),
                )
            return genuine(document, replacement, until)  # pyright: ignore[reportArgumentType]

        monkeypatch.setattr(bench.provider, "renewed", overtaken)
        enter(world, line, NEW)
        switchboard.work()
        assert held(world, line).auth_tokens == (NEW, "b" * 32)
