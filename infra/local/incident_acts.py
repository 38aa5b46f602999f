"""What `leadsrally incident` can be asked for. Apart from the acts themselves, which import much of the house."""

import argparse
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

_WORDS = "Write about the incident and the house, and name no person: what is written is kept for good."


def options(verb: argparse.ArgumentParser) -> None:
    """The acts of the command."""
    acts = verb.add_subparsers(dest="act", required=True, metavar="ACT")
    act = acts.add_parser("list", help="the register (GDPR Art. 33(5))")
    act.add_argument("--format", choices=("text", "json"), default="text")
    act = acts.add_parser("record", help="begin an entry", description=_WORDS)
    act.add_argument("--title", required=True)
    act.add_argument("--detected", type=_instant, help="when, as 2026-11-24T15:00:00Z; now when left out")
    act.add_argument("--drill", action="store_true", help="a drill: nothing of it leaves the house")
    act = _of_one(acts, "describe", "the items of GDPR Art. 33(3)")
    act.description = _WORDS
    act.add_argument("--nature")
    act.add_argument("--people", dest="people_about", type=int, help="about how many people")
    act.add_argument("--records", dest="records_about", type=int, help="about how many records")
    act.add_argument("--consequences")
    act.add_argument("--measures")
    _of_one(acts, "confirm", "it is one: the 72 hours begin now")
    act = _of_one(acts, "scope", "find the customers whom it concerns")
    act.add_argument("--table", help="one that `leadsrally register` lists")
    act.add_argument("--since", type=_instant)
    act.add_argument("--until", type=_instant)
    act.add_argument("--written", action="store_true", help="only rows that were written in that time")
    act.add_argument("--organization", type=UUID, help="one customer, by its id")
    _of_one(acts, "draft", "show the notices, and send none")
    _of_one(acts, "notify", "send them to the owners of every affected customer")
    act = _of_one(acts, "told", "a person told a customer whom no mail reaches")
    act.add_argument("organization", type=UUID)
    act.add_argument("--how", choices=("phone", "letter", "meeting"), required=True)
    act = _of_one(acts, "decide", "nobody is to be told, and why")
    act.add_argument("--not-notified", required=True, metavar="REASON")
    _of_one(acts, "show", "the clock, and who was told")
    _of_one(acts, "close", "nothing is left to do")


def _of_one(acts: Any, name: str, told: str) -> argparse.ArgumentParser:
    act: argparse.ArgumentParser = acts.add_parser(name, help=told)
    act.add_argument("incident", type=UUID)
    return act


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("say in which zone, as 2026-11-24T15:00:00Z")
    return at.astimezone(UTC)
