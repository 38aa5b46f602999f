"""Channels: numbers at Twilio, connected, tested, bought and released. What is entered as a secret is never shown again.

What needs the provider is a task. It is answered with 202 and done within seconds; `GET /v1/channels/tasks/{task_id}`
says what came of it.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, Field, SecretStr
from pydantic_core import PydanticCustomError

from functions.api import etags
from functions.api.asking import Asked, Known, known, permit
from functions.api.etags import IfMatch
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.kit.cursor import place_of
from leadsrally.kit.errors import NotFound
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.ask_provider import SealedAccount, ask_provider, ask_release, no_channel
from leadsrally.messaging.channels.check import CheckName
from leadsrally.messaging.channels.connect_twilio import SealedChannel, connect_twilio, place_for
from leadsrally.messaging.channels.directory import task_context, twilio_context
from leadsrally.messaging.channels.edit import disconnect_channel, edit_channel
from leadsrally.messaging.channels.task_store import TaskKind, TaskState
from leadsrally.messaging.channels.troubles import TROUBLES
from leadsrally.messaging.channels.workbench import inbound_url
from leadsrally.messaging.types import ChannelKind, NumberWanted
from leadsrally.providers.twilio.error_codes import explain
from leadsrally.providers.twilio.signature import TwilioCredentials

router = APIRouter(prefix="/v1/channels", tags=["channels"])

_MANAGE = "channels.manage"
Manager = Annotated[Known, known(_MANAGE)]
Confirmed = Annotated[Known, known(_MANAGE, confirmed=True)]  # for what costs money or cannot be undone

Number = Annotated[
    str,
    Field(max_length=16, pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164.", examples=["+15005550010"]),
]
AccountSid = Annotated[
    str, Field(max_length=34, pattern=r"^AC[0-9a-f]{32}$", examples=["AC00000000000000000000000000000d01"])
]


def _sendable(token: SecretStr) -> SecretStr:
    """Basic authentication carries printable ASCII; the sentence repeats nothing of the token."""
    if not (token.get_secret_value().isascii() and token.get_secret_value().isprintable()):
        raise PydanticCustomError("token", "Token holds a character that no token of Twilio has")
    return token


AuthToken = Annotated[
    SecretStr,
    AfterValidator(_sendable),
    Field(
        min_length=16,
        max_length=128,
        description="Of the account itself, not an API key: Twilio signs its calls with it. Sealed at once.",
        examples=["0123456789abcdef0123456789abcdef"],
    ),
]
Name = Annotated[str, Field(max_length=100, examples=["Sales"])]


class Trouble(BaseModel):
    """Why something is not as it should be, and what to do about it."""

    code: str = Field(examples=["webhook_elsewhere"])
    cause: str = Field(examples=["Texts to this number are sent to another address."])
    remedy: str = Field(examples=["Choose Configure, which points the number at us."])


class Check(BaseModel):
    """One thing that the live test looked at. An advice is no failure: it may stand in the way."""

    check: CheckName
    state: Literal["passed", "failed", "advice"]
    trouble: Trouble | None


class Channel(BaseModel):
    id: UUID
    kind: ChannelKind
    name: str = Field(examples=["Sales"])
    number: str | None = Field(description="Ours, E.164; null for a page.", examples=["+15005550010"])
    account_sid: str | None = Field(examples=["AC00000000000000000000000000000d01"])
    state: Literal["active", "disconnected"]
    webhook_url: str = Field(
        description="Where the provider has to send what comes in.",
        examples=["https://app.example.com/webhooks/twilio/qF3vVn0Yh1m2kq9b8c7dJt5wX4zA6sLe/inbound"],
    )
    provider_answers_keywords: bool = Field(
        description="Twilio or the carrier confirms STOP and HELP, so we do not. Off: we do."
    )
    quiet_until: datetime | None = Field(description="The provider asked to slow down until then.")
    checks: list[Check] | None = Field(description="What the last live test found; null before the first.")
    checked_at: datetime | None
    created_at: datetime
    disconnected_at: datetime | None
    version: int


class NewChannel(Body):
    """A number that the account has. The test that follows says whether it works."""

    account_sid: AccountSid
    auth_token: AuthToken
    number: Number
    name: Name = ""


class ChannelEdit(Body):
    name: Annotated[str | None, Field(max_length=100, examples=["Support"])] = None
    provider_answers_keywords: bool | None = None


class Replacement(Body):
    auth_token: AuthToken


class ChannelsAccount(Body):
    """The account of a channel that is connected."""

    channel_id: UUID


class OwnAccount(Body):
    """An account of which no number is connected yet. Its token is kept until the task is done."""

    account_sid: AccountSid
    auth_token: AuthToken


Using = Annotated[ChannelsAccount | OwnAccount, Field(description="Whose numbers these are or will be.")]


class NumberSearch(Body):
    using: Using
    country: Annotated[str, Field(max_length=2, pattern=r"^[A-Z]{2}$", examples=["US"])]
    kind: Literal["local", "mobile", "toll_free"] = "local"
    area_code: Annotated[str | None, Field(max_length=5, pattern=r"^[0-9]{2,5}$", examples=["415"])] = None
    contains: Annotated[
        str | None,
        Field(
            max_length=16, pattern=r"^[0-9A-Za-z*]{2,16}$", description="`*` is any digit.", examples=["555*"]
        ),
    ] = None


class NumberPurchase(Body):
    """Costs the account's owner what Twilio asks for the number."""

    using: Using
    number: Number


class Release(Body):
    """Gives the number back to Twilio, for good."""

    confirm: Annotated[
        str, Field(max_length=16, description="The channel's number, typed.", examples=["+15005550010"])
    ]


class Offer(BaseModel):
    """A number that could be bought a moment ago."""

    number: str = Field(examples=["+14155550100"])
    locality: str = Field(examples=["San Francisco"])
    region: str = Field(examples=["CA"])
    mms: bool
    voice: bool
    address_required: bool = Field(description="The regulator wants an address; add it in Twilio first.")


class Task(BaseModel):
    id: UUID
    kind: TaskKind
    state: TaskState = Field(
        description="`unknown`: a number was ordered, no answer came; it is being looked up."
    )
    channel_id: UUID | None = Field(description="Whose account is used; null when the task brought one.")
    number: str | None = Field(description="That is bought.", examples=["+14155550100"])
    trouble: Trouble | None = Field(description="Why it failed.")
    checks: list[Check] | None = Field(description="What a test found.")
    numbers: list[Offer] | None = Field(description="What a search found.")
    bought: UUID | None = Field(description="The channel of the number that was bought.")
    created_at: datetime
    finished_at: datetime | None


class Connected(BaseModel):
    channel: Channel
    test: Task


@router.get("", dependencies=[permit("channels.read")], responses=problems(401, 403, 422))
def channels(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Channel]:
    """All channels, disconnected ones too, newest first."""
    place = place_of(cursor)
    rows = channel_store.newest(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    items = [_channel(asked, row) for row in rows]
    return Page(items=items, next=next_cursor(rows, limit, "created_at"))


async def _sealed_channel(manager: Manager, channel: NewChannel) -> SealedChannel:
    door, organization_id = manager.door, manager.person.organization_id
    with door.db.tenant(organization_id) as tx:
        channel_id = place_for(tx, organization_id, channel.number, now=door.clock())
    credentials = TwilioCredentials(channel.account_sid, (channel.auth_token.get_secret_value(),))
    sealed = door.vault.seal(credentials.to_json(), twilio_context(organization_id, channel_id))
    return SealedChannel(channel_id, channel.number, channel.account_sid, sealed)


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(_sealed_channel), permit(_MANAGE)],
    responses={**problems(401, 403, 409, 422), **etags.headers(201)},
)
def connect(
    asked: Asked,
    once: Once,
    channel: NewChannel,
    sealed: Annotated[SealedChannel, Depends(_sealed_channel)],
    response: Response,
) -> Connected:
    """Connect a number of your Twilio account. It receives and sends at once; a live test is under way.

    Enter `webhook_url` as the number's address for incoming messages in Twilio, or let `…/configure` do it. A number
    that was disconnected before comes back to its conversations.
    """

    def act() -> Connected:
        test = connect_twilio(
            asked.tx,
            asked.person.organization_id,
            sealed,
            channel.name,
            actor=asked.actor,
            now=asked.door.clock(),
        )
        return Connected(channel=_found(asked, sealed.id), test=_task(asked, test))

    answer = once(Connected, act)
    response.headers["ETag"] = etags.tag(answer.channel.version)
    return answer


@router.get(
    "/tasks/{task_id}", dependencies=[permit("channels.read")], responses=problems(401, 403, 404, 422)
)
def task(asked: Asked, task_id: UUID) -> Task:
    """What came of something that needed the provider. Kept for thirty days."""
    return _task(asked, task_id)


@router.get(
    "/{channel_id}",
    dependencies=[permit("channels.read")],
    responses={**problems(401, 403, 404, 422), **etags.headers(200)},
)
def channel(asked: Asked, channel_id: UUID, response: Response) -> Channel:
    """One channel."""
    return _tagged(response, _found(asked, channel_id))


@router.patch(
    "/{channel_id}",
    dependencies=[permit(_MANAGE)],
    responses={**problems(401, 403, 404, 412, 422), **etags.headers(200)},
)
def edit(
    asked: Asked, channel_id: UUID, version: IfMatch, change: ChannelEdit, response: Response
) -> Channel:
    """Change its name, or who answers STOP and HELP."""
    edit_channel(
        asked.tx,
        asked.person.organization_id,
        channel_id,
        version,
        name=change.name,
        provider_answers_keywords=change.provider_answers_keywords,
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return _tagged(response, _found(asked, channel_id))


@router.delete(
    "/{channel_id}",
    status_code=204,
    dependencies=[permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 412, 422),
)
def disconnect(asked: Asked, channel_id: UUID, version: IfMatch) -> None:
    """Take nothing more in, send nothing more, forget the token. The number stays yours at Twilio."""
    disconnect_channel(
        asked.tx,
        asked.person.organization_id,
        channel_id,
        version,
        actor=asked.actor,
        now=asked.door.clock(),
    )


async def _sealed_replacement(manager: Manager, channel_id: UUID, replacement: Replacement) -> SealedAccount:
    with manager.door.db.tenant(manager.person.organization_id) as tx:
        channel = channel_store.shown(tx, manager.person.organization_id, channel_id)
    if channel is None or channel["account_sid"] is None:
        raise no_channel()
    return _sealed(manager, channel["account_sid"], replacement.auth_token)


@router.post(
    "/{channel_id}/credentials",
    status_code=202,
    dependencies=[Depends(_sealed_replacement), permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 422),
)
def replace(
    asked: Asked,
    once: Once,
    channel_id: UUID,
    replacement: Replacement,  # noqa: ARG001  read by the dependency that seals it
    sealed: Annotated[SealedAccount, Depends(_sealed_replacement)],
) -> Task:
    """Use another auth token, for every channel of this Twilio account.

    It is tried first: one that Twilio refuses replaces nothing. What Twilio signs with the old token is accepted for
    24 hours more. So: make a secondary token in Twilio, enter it here, then promote it there.
    """
    return once(Task, lambda: _asked(asked, "replace", channel_id, sealed))


@router.post(
    "/{channel_id}/test",
    status_code=202,
    dependencies=[permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 422),
)
def test(asked: Asked, once: Once, channel_id: UUID) -> Task:
    """Look whether the token signs in, the number is there, can text, and sends its texts to us. Changes nothing."""
    return once(Task, lambda: _asked(asked, "test", channel_id))


@router.post(
    "/{channel_id}/configure",
    status_code=202,
    dependencies=[permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 422),
)
def configure(asked: Asked, once: Once, channel_id: UUID) -> Task:
    """Have Twilio send the number's texts to us, then test."""
    return once(Task, lambda: _asked(asked, "configure", channel_id))


@router.post(
    "/{channel_id}/release",
    status_code=202,
    dependencies=[permit(_MANAGE, confirmed=True)],
    responses=problems(401, 403, 404, 409, 422),
)
def release(asked: Asked, once: Once, channel_id: UUID, release: Release) -> Task:
    """Give the number back to Twilio, for good, and disconnect the channel. Conversations stay."""

    def act() -> Task:
        organization_id, now = asked.person.organization_id, asked.door.clock()
        task_id = ask_release(
            asked.tx, organization_id, channel_id, release.confirm, actor=asked.actor, now=now
        )
        return _task(asked, task_id)

    return once(Task, act)


async def _brought_to_search(manager: Manager, search: NumberSearch) -> SealedAccount | None:
    return _brought(manager, search.using)


@router.post(
    "/number-searches",
    status_code=202,
    dependencies=[Depends(_brought_to_search), permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 422),
)
def search(
    asked: Asked,
    once: Once,
    search: NumberSearch,
    brought: Annotated[SealedAccount | None, Depends(_brought_to_search)],
) -> Task:
    """Look for numbers that can text and could be bought, twenty at most."""
    wanted = NumberWanted(search.country, search.kind, search.area_code, search.contains)
    return once(Task, lambda: _asked(asked, "search", _channel_of(search.using), brought, wanted=wanted))


async def _brought_to_buy(manager: Confirmed, purchase: NumberPurchase) -> SealedAccount | None:
    return _brought(manager, purchase.using)


@router.post(
    "/number-purchases",
    status_code=202,
    dependencies=[Depends(_brought_to_buy), permit(_MANAGE, confirmed=True)],
    responses=problems(401, 403, 404, 409, 422),
)
def buy(
    asked: Asked,
    once: Once,
    purchase: NumberPurchase,
    brought: Annotated[SealedAccount | None, Depends(_brought_to_buy)],
) -> Task:
    """Buy a number, once, and make a channel of it that Twilio sends its texts to.

    When Twilio gives no answer the task is `unknown` until it is found out whether the number was bought; nothing is
    ordered a second time.
    """
    using, number = _channel_of(purchase.using), purchase.number
    return once(Task, lambda: _asked(asked, "buy", using, brought, number=number))


def _brought(manager: Known, using: ChannelsAccount | OwnAccount) -> SealedAccount | None:
    return _sealed(manager, using.account_sid, using.auth_token) if isinstance(using, OwnAccount) else None


def _sealed(manager: Known, account_sid: str, token: SecretStr) -> SealedAccount:
    task_id = new_id(manager.door.clock())
    document = TwilioCredentials(account_sid, (token.get_secret_value(),)).to_json()
    context = task_context(manager.person.organization_id, task_id)
    return SealedAccount(task_id, account_sid, manager.door.vault.seal(document, context))


def _channel_of(using: ChannelsAccount | OwnAccount) -> UUID | None:
    return using.channel_id if isinstance(using, ChannelsAccount) else None


def _asked(
    asked: Asked,
    kind: TaskKind,
    channel_id: UUID | None,
    account: SealedAccount | None = None,
    *,
    number: str | None = None,
    wanted: NumberWanted | None = None,
) -> Task:
    task_id = ask_provider(
        asked.tx,
        asked.person.organization_id,
        kind,
        channel_id,
        account,
        actor=asked.actor,
        now=asked.door.clock(),
        number=number,
        wanted=wanted,
    )
    return _task(asked, task_id)


def _found(asked: Asked, channel_id: UUID) -> Channel:
    row = channel_store.shown(asked.tx, asked.person.organization_id, channel_id)
    if row is None:
        raise no_channel()
    return _channel(asked, row)


def _tagged(response: Response, channel: Channel) -> Channel:
    response.headers["ETag"] = etags.tag(channel.version)
    return channel


def _channel(asked: Asked, row: dict[str, Any]) -> Channel:
    public_url = asked.door.settings.required("LEADSRALLY_PUBLIC_URL")
    url = (
        inbound_url(public_url, row["key"])
        if row["kind"] == "sms"
        else f"{public_url}/webhooks/meta/{row['key']}"
    )
    return Channel.model_validate(
        {**row, "number": row["address"], "webhook_url": url, "checks": _checks(row["checks"])}
    )


def _task(asked: Asked, task_id: UUID) -> Task:
    row = task_store.shown_task(asked.tx, asked.person.organization_id, task_id)
    if row is None:
        raise NotFound("There is no such task.", code="task_not_found")
    result: dict[str, Any] = row["result"] or {}
    return Task.model_validate(
        {
            **row,
            "trouble": _trouble(row["failure"]),
            "checks": _checks(result.get("checks")),
            "numbers": result.get("numbers"),
            "bought": result.get("channel_id"),
        }
    )


def _checks(found: list[dict[str, Any]] | None) -> list[Check] | None:
    if found is None:
        return None
    return [Check.model_validate({**check, "trouble": _trouble(check["reason"])}) for check in found]


def _trouble(code: str | None) -> Trouble | None:
    if code is None:
        return None
    told = TROUBLES.get(code) or explain(code)
    return Trouble(code=code, cause=told.cause, remedy=told.remedy)
