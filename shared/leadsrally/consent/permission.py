"""Whether a person may be written to, from all that was ever said. Pure, and the one place that decides it.

The send gate, the model's desk, HELP and the API ask here, so none of them can see it differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from leadsrally.consent.types import Standing, Wanted


@dataclass(frozen=True, slots=True)
class Answer:
    """`rule` is a closed word that says why. `standing` is what it rests on; None: a suppression, or nothing said."""

    permitted: bool
    rule: str
    standing: Standing | None = None


def permission(standings: Sequence[Standing], *, suppressed: bool, purpose: Wanted) -> Answer:
    """May a message of this purpose go to somebody of whom this stands?

    What was refused, for all purposes or for this one, is refused; a hold holds; an opt-out that outlived its person
    holds too. Offers need a recorded yes (P3.2; prior express consent of 47 CFR 64.1200(a)(2)), a service message
    needs none: it answers or informs somebody who is in touch with the customer.
    """
    about = [standing for standing in standings if standing.purpose in ("all", purpose)]
    for state, rule in (("revoked", "opted_out_by_{0.source}"), ("paused", "paused_for_review")):
        found = next((standing for standing in about if standing.state == state), None)
        if found is not None:
            return Answer(permitted=False, rule=rule.format(found), standing=found)
    if suppressed:
        return Answer(permitted=False, rule="suppressed")
    granted = max((standing for standing in about), key=lambda standing: standing.since, default=None)
    if granted is not None:
        return Answer(permitted=True, rule="granted", standing=granted)
    if purpose == "service":
        return Answer(permitted=True, rule="not_refused")
    return Answer(permitted=False, rule="no_marketing_consent")


def opted_out(standings: Sequence[Standing], *, suppressed: bool) -> bool:
    """Whether the person wants nothing at all. Somebody who is only on hold has not said so."""
    answer = permission(standings, suppressed=suppressed, purpose="service")
    return not answer.permitted and answer.rule != "paused_for_review"
