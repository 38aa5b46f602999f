"""Have something done for a channel at its provider: written down now, done by the function manage_channel.

Whoever answers people cannot open stored credentials, and no transaction waits for a provider (decision 12).
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadsrally.accounts.audit import Actor
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.task_store import TaskKind, TaskProvider
from leadsrally.messaging.types import ChannelKind, NumberWanted

QUEUE = "manage_channel"
_MAX_ATTEMPTS = 5


# What can be asked for channels of each kind.
_NUMBERS_AND_BUSINESSES: Final[tuple[ChannelKind, ...]] = ("sms", "whatsapp", "lead_ads")
_BUSINESSES: Final[tuple[ChannelKind, ...]] = ("whatsapp", "lead_ads")
_FOR: Final[dict[TaskKind, tuple[ChannelKind, ...]]] = {
    "connect": _BUSINESSES,
    "test": _NUMBERS_AND_BUSINESSES,
    "configure": _NUMBERS_AND_BUSINESSES,
    "replace": _NUMBERS_AND_BUSINESSES,
}


@dataclass(frozen=True, slots=True)
class SealedAccount:
    """What a task brings: credentials, sealed for the task of this id. Meta's belong to no account of Twilio's."""

    task_id: UUID
    account_sid: str | None
    sealed: bytes


def ask_provider(
    tx: Tx,
    organization_id: UUID,
    kind: TaskKind,
    channel_id: UUID | None = None,
    account: SealedAccount | None = None,
    *,
    actor: Actor,
    now: datetime,
    number: str | None = None,
    wanted: NumberWanted | None = None,
) -> UUID:
    """Promise the task and return its id; what came of it stands in its row.

    It uses the account of the channel, or one that it brings itself. With a channel and an account it is the
    channel's account that is used, and what is brought is what shall take its place. Tasks of one channel are done one
    after another. Raises `NotFound` when there is no such channel that this can be done for, and `Conflict` when it is
    disconnected, or the number is being bought already.
    """
    provider: TaskProvider = "twilio"
    if channel_id is not None:
        channel = active(tx, organization_id, channel_id, _FOR.get(kind, ("sms",)))
        provider = "twilio" if channel["kind"] == "sms" else "meta"
    task_id = new_id(now) if account is None else account.task_id
    task_store.forget_old_tasks(tx, organization_id, now=now)
    if not task_store.insert_task(
        tx,
        organization_id,
        task_id,
        kind,
        provider=provider,
        channel_id=channel_id,
        account_sid=account.account_sid if account and channel_id is None else None,
        secret=account.sealed if account else None,
        number=number,
        wanted=asdict(wanted) if wanted else None,
        actor=actor,
        now=now,
    ):
        raise Conflict(
            "This number is being bought already. Wait for the outcome.", code="purchase_under_way"
        )
    promise(tx, organization_id, task_id, kind, channel_id, now=now)
    return task_id


def promise(
    tx: Tx, organization_id: UUID, task_id: UUID, kind: TaskKind, channel_id: UUID | None, *, now: datetime
) -> None:
    """Have a task that is written down done."""
    enqueue(
        tx,
        organization_id,
        QUEUE,
        kind,
        {"task_id": str(task_id)},
        now=now,
        ordering_key=f"channel:{channel_id}" if channel_id else None,
        max_attempts=_MAX_ATTEMPTS,
    )


def ask_release(
    tx: Tx, organization_id: UUID, channel_id: UUID, confirm: str, *, actor: Actor, now: datetime
) -> UUID:
    """Promise to give the channel's number back, which cannot be undone. Raises as `ask_provider` does.

    Raises `Invalid` unless `confirm` is the number itself, so that nobody releases one by a wrong click.
    """
    if confirm != active(tx, organization_id, channel_id, ("sms",))["address"]:
        raise Invalid("Type the channel's number to confirm that it is given back.", code="confirmation")
    return ask_provider(tx, organization_id, "release", channel_id, actor=actor, now=now)


def active(tx: Tx, organization_id: UUID, channel_id: UUID, kinds: Collection[ChannelKind]) -> dict[str, Any]:
    """An active channel of one of these kinds. Raises `NotFound` for any other id, whoever's it is, and `Conflict`."""
    channel = channel_store.shown(tx, organization_id, channel_id)
    if channel is None or channel["kind"] not in kinds:
        raise no_channel()
    if channel["state"] != "active":
        raise Conflict("The channel is disconnected. Connect it again first.", code="channel_disconnected")
    return channel


def no_channel() -> NotFound:
    return NotFound("There is no such channel.", code="channel_not_found")
