"""Q15: a campaign whose workers are killed thirty times at random. Nobody gets it twice and nobody is forgotten."""

import os
import random
import signal
import sys
import time
from contextlib import suppress

from infra.simulators.twilio import TwilioSimulator
from tests.faults.conftest import Mortals
from tests.faults.test_killed import accepted
from tests.sending.crowd import gather
from tests.world import Line, World

_RECIPIENTS = 400
_KILLS = 30


def test_Q15_G2_thirty_deaths_double_nothing_and_lose_nothing(
    world: World, line: Line, mortals: Mortals, provider: TwilioSimulator
):
    seed = int(os.environ.get("LEADSRALLY_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    sys.stdout.write(f"LEADSRALLY_CHAOS_SEED={seed}\n")  # shown when the test fails
    dice = random.Random(seed)
    gather(world, line, contacts=_RECIPIENTS)
    bodies = {row["body"] for row in world.rows("SELECT body FROM messages")}
    assert len(bodies) == _RECIPIENTS

    killed = 0
    for _ in range(3 * _KILLS):
        workers = [mortals.spawn("work", queue="send_message") for _ in range(2)]
        for pid in workers:
            time.sleep(dice.uniform(0.03, 0.17))
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed += sum(mortals.end_of(pid) == -signal.SIGKILL for pid in workers)
        world.clock.pass_(minutes=3)  # the leases of the dead run out
        mortals.tick()
        if killed >= _KILLS:
            break
    assert killed >= _KILLS
    touched = world.value("SELECT count(*) FROM messages WHERE status <> 'queued'")
    for _ in range(12):
        mortals.later(minutes=3)

    taken = accepted(provider, line)
    assert set(taken) <= bodies
    assert set(taken.values()) == {1}, "the provider took some text twice"
    fate = {row["body"]: row["status"] for row in world.rows("SELECT body, status FROM messages")}
    assert fate == {body: "accepted" if taken[body] else "unknown" for body in bodies}
    unknown = sum(status == "unknown" for status in fate.values())
    # The ones that nobody can know of are listed for a person, each with its conversation.
    listed = world.value("SELECT count(*) FROM conversations WHERE attention = 'delivery_unknown'")
    assert listed == unknown
    assert world.rows("SELECT 1 FROM jobs") == []
    sys.stdout.write(f"{killed} kills, {touched} begun meanwhile, {unknown} unknown and listed\n")
