"""A number is bought once: whatever the provider answers, whoever dies on the way, however often it is asked for.

Oracle G2: at most one order for each task, and no channel of a number that was not bought.
"""

import threading
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from infra.local.bells import event_for
from infra.local.context import Context
from infra.simulators.twilio import TwilioAccount
from leadsrally import runtime
from leadsrally.accounts.audit import Actor
from leadsrally.kit.crypto import KeyRefused
from leadsrally.kit.errors import Conflict, Unavailable
from leadsrally.messaging.channels.ask_provider import ask_provider
from leadsrally.messaging.channels.directory import twilio_context
from leadsrally.providers.twilio.signature import TwilioCredentials
from tests.switchboard import FREE, Switchboard
from tests.world import Line, World

BUYER = Actor("person", UUID(int=7))


@dataclass
class Shop:
    """One channel whose account shall get another number."""

    board: Switchboard
    line: Line
    account: TwilioAccount

    def order(self, number: str = FREE) -> UUID:
        world, organization_id = self.board.world, self.line.organization_id
        with runtime.of("api").db.tenant(organization_id) as tx:
            return ask_provider(
                tx, organization_id, "buy", self.line.id, actor=BUYER, now=world.clock.now, number=number
            )

    def outcome(self, task_id: UUID) -> tuple[str, str | None]:
        task = self.board.task(task_id)
        return task["state"], task["failure"]

    def owns(self, number: str = FREE) -> bool:
        return self.account.number(number) is not None

    def channels(self) -> list[dict[str, Any]]:
        return self.board.world.rows("SELECT * FROM channels WHERE address = %(n)s", n=FREE)

    def later(self, **span: float) -> None:
        self.board.world.clock.pass_(**span)
        self.board.work()


@pytest.fixture
def shop(switchboard: Switchboard, line: Line) -> Shop:
    return Shop(switchboard, line, switchboard.of(line))


class TestBought:
    def test_it_becomes_a_channel_of_the_same_account_that_sends_its_texts_to_us(
        self, shop: Shop, world: World
    ):
        task_id = shop.order()
        shop.board.work()
        assert shop.outcome(task_id) == ("done", None)
        (channel,) = shop.channels()
        assert shop.board.task(task_id)["result"] == {"channel_id": str(channel["id"])}
        assert (channel["state"], channel["account_sid"]) == ("active", shop.line.account_sid)
        assert shop.account.number(FREE).sms_url.endswith(f"/webhooks/twilio/{channel['key']}/inbound")  # pyright: ignore[reportOptionalMemberAccess]
        assert {check["check"]: check["state"] for check in channel["checks"]}["webhook"] == "passed"

    def test_its_credentials_are_sealed_for_it(self, shop: Shop, world: World):
        shop.order()
        shop.board.work()
        (channel,) = shop.channels()
        context = twilio_context(shop.line.organization_id, channel["id"])
        opened = TwilioCredentials.from_json(world.vault.open(channel["credentials"], context))
        assert opened == TwilioCredentials(shop.line.account_sid, (shop.line.auth_token,))

    def test_it_is_audited_in_the_name_of_who_asked(self, shop: Shop, world: World):
        shop.order()
        shop.board.work()
        row = world.row("SELECT * FROM audit_log WHERE action = 'number.bought'")
        (channel,) = shop.channels()
        assert (row["actor_kind"], row["actor_id"], row["target_id"]) == ("person", BUYER.id, channel["id"])
        assert row["details"] == {}

    def test_a_number_that_was_ours_before_comes_back_to_its_place(self, shop: Shop, world: World):
        old = world.line(
            world.organization("Other"), address=FREE, state="disconnected"
        )  # another tenant's stays what it is
        mine = world.line(world.organization("x"), address="+1")  # and nobody's id is taken
        world.execute(
            "UPDATE channels SET organization_id = %(o)s, address = %(n)s, state = 'disconnected' WHERE id = %(id)s",
            o=shop.line.organization_id,
            n=FREE,
            id=mine.id,
        )
        shop.order()
        shop.board.work()
        states = {row["id"]: row["state"] for row in shop.channels()}
        assert states == {mine.id: "active", old.id: "disconnected"}


class TestRefused:
    def test_the_providers_code_is_kept(self, shop: Shop):
        shop.board.account("AC" + "f" * 32, "t", FREE)  # somebody else has it
        task_id = shop.order()
        shop.board.work()
        assert shop.outcome(task_id) == ("failed", "21422")
        assert shop.channels() == []

    def test_one_that_the_account_has_already_is_not_ordered(self, shop: Shop):
        task_id = shop.order(shop.line.number)
        shop.board.work()
        assert shop.outcome(task_id) == ("failed", "already_owned")
        assert shop.board.purchases() == 0

    def test_Q4_a_rate_limit_ordered_nothing_and_the_button_may_be_pressed_again(self, shop: Shop):
        shop.board.fail("status", status=429)
        task_id = shop.order()
        shop.board.work()
        assert shop.outcome(task_id) == ("failed", "not_ordered")
        again = shop.order()
        shop.board.work()
        assert shop.outcome(again) == ("done", None)
        assert shop.board.purchases() == 2

    def test_a_provider_that_cannot_be_asked_what_there_is_gets_no_order(self, shop: Shop):
        shop.board.fail("status", method="GET", status=503)
        task_id = shop.order()
        shop.board.work()
        assert shop.outcome(task_id) == ("failed", "twilio")
        assert shop.board.purchases() == 0


class TestDoubt:
    """The order went out and the answer did not come."""

    @pytest.mark.parametrize("fault", ["accept_then_status", "accept_then_reset"])
    def test_Q3_taken_without_an_answer_is_found_and_adopted(self, shop: Shop, world: World, fault: str):
        shop.board.fail(fault, status=500)
        task_id = shop.order()
        shop.board.work()
        assert shop.outcome(task_id) == ("unknown", None)
        assert shop.channels() == []
        shop.later(seconds=11)
        assert shop.outcome(task_id) == ("done", None)
        assert len(shop.channels()) == 1
        assert shop.board.purchases() == 1
        assert world.value("SELECT count(*) FROM audit_log WHERE action = 'number.bought'") == 1

    def test_Q3_not_taken_is_said_after_a_while_and_not_ordered_again(self, shop: Shop):
        shop.board.fail("status", status=500)
        task_id = shop.order()
        shop.board.work()
        for _ in range(5):
            shop.later(minutes=1.1)
            assert shop.outcome(task_id) == ("unknown", None)
        for _ in range(12):
            shop.later(minutes=1.1)
        assert shop.outcome(task_id) == ("failed", "not_bought")
        assert shop.board.purchases() == 1
        assert shop.channels() == []

    def test_found_late_but_found(self, shop: Shop):
        """The list lags behind the order."""
        from infra.simulators.twilio import TwilioNumber

        shop.board.fail("status", status=500)
        task_id = shop.order()
        shop.board.work()
        shop.later(minutes=5)
        shop.account.numbers.append(TwilioNumber(FREE))
        shop.later(minutes=2)
        assert shop.outcome(task_id) == ("done", None)
        assert shop.board.purchases() == 1

    def test_while_it_is_in_doubt_nobody_orders_it_again(self, shop: Shop):
        shop.board.fail("accept_then_status", status=500)
        shop.order()
        shop.board.work()
        with pytest.raises(Conflict) as refused:
            shop.order()
        assert refused.value.code == "purchase_under_way"
        shop.later(seconds=11)
        again = shop.order()  # settled: now it may be asked for, and is refused for a better reason
        shop.board.work()
        assert shop.outcome(again) == ("failed", "already_owned")
        assert shop.board.purchases() == 1

    def test_a_provider_that_stays_away_is_asked_for_a_day_and_then_a_person_is(self, shop: Shop):
        shop.board.fail("accept_then_status", status=500)
        task_id = shop.order()
        shop.board.work()
        shop.board.fail("status", method="GET", status=503, times=10_000)
        for _ in range(25):
            shop.later(hours=0.9)
        assert shop.outcome(task_id) == ("unknown", None)
        for _ in range(3):
            shop.later(hours=1)
        assert shop.outcome(task_id) == ("failed", "fate_unknown")
        assert shop.board.purchases() == 1

    def test_a_token_that_was_replaced_at_twilio_meanwhile_asks_a_person(self, shop: Shop):
        shop.board.fail("accept_then_status", status=500)
        task_id = shop.order()
        shop.board.work()
        shop.account.auth_token = "another"
        shop.later(seconds=11)
        assert shop.outcome(task_id) == ("failed", "fate_unknown")


class TestDeath:
    """A worker that dies at the worst moments; the job comes again to another."""

    class Killed(BaseException):
        pass

    def die(self, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
        bench = runtime.of("manage_channel").workbench
        genuine = bench.provider.account

        def mortal(document: bytes, account_sid: str) -> Any:
            account = genuine(document, account_sid)
            buy = account.buy

            def dying(number: str) -> Any:
                if after:
                    buy(number)
                raise self.Killed

            account.buy = dying
            return account

        monkeypatch.setattr(bench.provider, "account", mortal)

    @pytest.mark.parametrize("after", [True, False], ids=["after the order", "before the order"])
    def test_Q2_killed_around_the_order(
        self, shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch, after: bool
    ):
        task_id = shop.order()
        with monkeypatch.context() as patch:
            self.die(patch, after=after)
            with pytest.raises(self.Killed):
                shop.board.work()
        assert shop.outcome(task_id) == ("calling", None)
        world.execute(
            "UPDATE jobs SET state = 'queued', lease_until = NULL, lease_token = NULL"
        )  # the tick's work
        shop.board.work()
        assert shop.outcome(task_id) == ("unknown", None)
        for _ in range(16):
            shop.later(minutes=1.1)
        assert shop.outcome(task_id) == (("done", None) if after else ("failed", "not_bought"))
        assert shop.board.purchases() == int(after)
        assert len(shop.channels()) == int(after)

    def test_the_key_goes_away_between_order_and_record(self, shop: Shop, monkeypatch: pytest.MonkeyPatch):
        """It was bought, so it is no failure: sealed and recorded as soon as the key is back."""
        bench = runtime.of("manage_channel").workbench
        for error in (Unavailable("Away.", code="key_service"), KeyRefused()):
            task_id = shop.order()
            with monkeypatch.context() as patch:

                def refuse(*_args: Any, error: Exception = error) -> bytes:
                    raise error

                patch.setattr(type(bench.vault), "seal", refuse)
                shop.board.work()
            assert shop.outcome(task_id) == ("unknown", None)
            shop.later(seconds=11)
            assert shop.outcome(task_id) == ("done", None)
            assert shop.board.purchases() == 1
            shop.account.numbers = [own for own in shop.account.numbers if own.number != FREE]
            shop.board.world.execute("DELETE FROM channel_tasks")
            shop.board.world.execute("DELETE FROM channels WHERE address = %(n)s", n=FREE)
            shop.board.simulator.recorder.forget()

    def test_Q6_rung_twice_at_once_it_is_ordered_once(self, shop: Shop, world: World):
        task_id = shop.order()
        (job,) = world.due("manage_channel")
        function = world.functions["manage_channel"]
        ring = lambda: function.handler()(event_for("manage_channel", [job]), Context(function))  # noqa: E731
        threads = [threading.Thread(target=ring) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shop.board.work()
        assert shop.outcome(task_id) == ("done", None)
        assert shop.board.purchases() == 1

    def test_two_workers_with_the_same_task_order_once(self, shop: Shop, world: World):
        """Past the queue's own fence: both hold the task, one of them may order."""
        from leadsrally.jobs.types import Job
        from leadsrally.messaging.channels.buy_number import buy_number
        from leadsrally.messaging.channels.workbench import perform

        task_id = shop.order()
        job = Job(
            UUID(int=1),
            shop.line.organization_id,
            "manage_channel",
            "buy",
            {"task_id": str(task_id)},
            1,
            5,
            None,
        )
        bench = runtime.of("manage_channel").workbench
        both = threading.Barrier(2)

        def work() -> None:
            both.wait()
            perform(bench, job, buy_number)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shop.later(seconds=11)
        assert shop.outcome(task_id) == ("done", None)
        assert shop.board.purchases() == 1

    def test_a_worker_that_finds_the_number_another_has_just_ordered_does_not_end_the_task(
        self, shop: Shop, world: World
    ):
        """The second read the task before the first took it, and asks the account after the first has ordered."""
        from leadsrally.messaging.channels import task_store
        from leadsrally.messaging.channels.buy_number import buy_number

        task_id, bench = shop.order(), runtime.of("manage_channel").workbench
        with bench.db.tenant(shop.line.organization_id) as tx:
            late = task_store.work(tx, shop.line.organization_id, task_id)
            assert late is not None
            assert task_store.move(tx, late, "waiting", "calling", called_at=bench.clock())
        with bench.account_of(late) as account:
            account.buy(FREE)
        buy_number(bench, late)
        assert shop.outcome(task_id) == ("calling", None)
        shop.board.work()  # the one that ordered never came back: its task is looked up
        shop.later(seconds=11)
        assert shop.outcome(task_id) == ("done", None)
        assert shop.board.purchases() == 1
