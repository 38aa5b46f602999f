"""The word that people have left leads: each is written down once, with a job that fetches it."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.ids import new_id
from leadsrally.messaging import quarantine_store, store
from leadsrally.messaging.leads import store as lead_store
from leadsrally.messaging.leads.store import NewWord
from leadsrally.messaging.leads.types import Ignored, Item, Unreadable, Word
from leadsrally.messaging.receive import StaleChannelError
from leadsrally.messaging.store import Call
from leadsrally.messaging.types import Channel


def receive_words(
    db: Database, hashes: KeyedHash, channel: Channel, items: Iterable[Item], call: Call
) -> None:
    """Take a whole delivery in one transaction, and log it with how many pieces came to what.

    `channel` is the one whose address was called. Its app may tell of several pages: of each that is an active
    channel of the same organisation the leads are fetched, and those of any other page are refused, which their
    rows say. What cannot be read is kept aside and loses nobody else's. Harmless to repeat. Raises
    `StaleChannelError` when the channel is out of date.
    """
    counts: Counter[str] = Counter()
    with db.tenant(channel.organization_id) as tx:
        words = _put_aside_others(tx, hashes, channel, items, call, counts)
        new = _new(hashes, channel, words, call.at)
        taken = lead_store.take_words(tx, channel, new, now=call.at)
        if not taken:
            raise StaleChannelError
        job_of = {one.id: one.job_id for one in new}
        fresh = {one.id: one.foreign_page for one in taken if one.id is not None}
        for lead_id, foreign in fresh.items():
            counts["refused" if foreign else "stored"] += 1
            if not foreign:
                tx.announce("fetch_lead", job_of[lead_id])
        counts["duplicate"] += len(words) - len(fresh)
        _log(tx, channel, call, +counts, foreign=any(fresh.values()))


def _put_aside_others(
    tx: Tx, hashes: KeyedHash, channel: Channel, items: Iterable[Item], call: Call, counts: Counter[str]
) -> list[Word]:
    words: list[Word] = []
    for item in items:
        match item.news:
            case Word() as word:
                words.append(word)
            case Ignored():
                counts["ignored"] += 1
            case Unreadable(reason):
                counts["quarantined"] += 1
                quarantine_store.keep(
                    tx,
                    hashes,
                    channel,
                    delivery_id=call.id,
                    reason=reason,
                    piece=_as_text(item.raw),
                    person=None,
                    now=call.at,
                )
    return words


def _new(hashes: KeyedHash, channel: Channel, words: Iterable[Word], now: datetime) -> list[NewWord]:
    """Of several words of one lead the first one."""
    once: dict[str, Word] = {}
    for word in words:
        once.setdefault(word.lead_id, word)
    return [
        NewWord(word, hash_of(hashes, channel.organization_id, word.lead_id), new_id(now), new_id(now))
        for word in once.values()
    ]


def hash_of(hashes: KeyedHash, organization_id: UUID, provider_lead_id: str) -> bytes:
    """Under what a lead is remembered for ever."""
    return hashes.of(organization_id, "lead", provider_lead_id)


def _log(tx: Tx, channel: Channel, call: Call, counts: Counter[str], *, foreign: bool) -> None:
    reason = "foreign_page" if foreign else None
    outcome = next(iter(counts)) if len(counts) == 1 else "mixed" if counts else "ignored"
    store.log_call(tx, call, channel, outcome=outcome, reason=reason, http_status=200, counts=counts)


def _as_text(raw: object) -> str:
    """The piece in ASCII. One that nests too deeply to be written is named only."""
    try:
        return json.dumps(raw)
    except RecursionError:
        return ""
