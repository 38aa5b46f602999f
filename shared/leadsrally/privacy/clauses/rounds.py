"""A round of checks, and what stands about each clause since: kept for pages that have no auditor's rights."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.ids import new_id
from leadsrally.privacy.clauses.check_all import check_all
from leadsrally.privacy.clauses.types import Result
from leadsrally.telemetry import log


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to."""

    results: tuple[Result, ...]

    def counts(self) -> dict[str, int]:
        states = [result.state for result in self.results]
        return {state.replace(" ", "_"): states.count(state) for state in ("kept", "broken", "not built")}


def check_and_keep(db: Database, clock: Clock) -> Round:
    """Check every clause and keep what stands, in one transaction: nothing is shown that was never found."""
    with db.across() as tx:
        started = clock()
        done = Round(tuple(check_all(tx, started)))
        _keep(tx, done, started, clock())
    for result in done.results:
        if result.state == "broken":
            log.error("clause.broken", rule=result.clause.id.lower())
    return done


_RUN: Final = """
INSERT INTO clause_runs (id, started_at, finished_at, kept, broken, not_built)
VALUES (%(id)s, %(started_at)s, %(finished_at)s, %(kept)s, %(broken)s, %(not_built)s)
"""

_STANDS: Final = """
INSERT INTO clause_standings AS s (clause, promise, state, sentence, checked_at, passed_at, since)
VALUES (
    %(clause)s, %(promise)s, %(state)s, %(sentence)s, %(now)s,
    CASE WHEN %(state)s = 'kept' THEN %(now)s::timestamptz END, %(now)s
)
ON CONFLICT (clause)
DO UPDATE SET promise = excluded.promise,
              state = excluded.state,
              sentence = excluded.sentence,
              checked_at = excluded.checked_at,
              passed_at = coalesce(excluded.passed_at, s.passed_at),
              since = CASE WHEN s.state = excluded.state THEN s.since ELSE excluded.since END
        WHERE s.checked_at <= excluded.checked_at
"""


def _keep(tx: Tx, done: Round, started: datetime, finished: datetime) -> None:
    tx.run(_RUN, {"id": new_id(started), "started_at": started, "finished_at": finished, **done.counts()})
    for result in done.results:
        tx.run(
            _STANDS,
            {
                "clause": result.clause.id,
                "promise": result.clause.promise,
                "state": result.state,
                "sentence": result.sentence[:1000],
                "now": started,
            },
        )
