"""Channels: tested, edited, given other credentials, let go; numbers at Twilio connected, bought and released.

What is entered as a secret is never shown again. WhatsApp numbers and pages are connected in `businesses`.

What needs the provider is a task. It is answered with 202 and done within seconds; `GET /v1/channels/tasks/{task_id}`
says what came of it.
"""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from functions.api import etags
from functions.api.asking import Asked, Known, known, permit
from functions.api.channel import Channel, Task, found_channel, shown_channel, shown_task, tagged
from functions.api.channel_secrets import AccessToken, AppSecret, sealed_for_task, sendable
from functions.api.etags import IfMatch
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.kit.cursor import place_of
from leadsrally.kit.errors import Invalid
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels.ask_provider import SealedAccount, ask_provider, ask_release, no_channel
from leadsrally.messaging.channels.connect_twilio import SealedChannel, connect_twilio, place_for
from leadsrally.messaging.channels.directory import task_context, twilio_context
from leadsrally.messaging.channels.edit import disconnect_channel, edit_channel
from leadsrally.messaging.channels.task_store import TaskKind
from leadsrally.messaging.types import NumberWanted
from leadsrally.providers.meta.credentials import MetaReplacement
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


AuthToken = Annotated[
    SecretStr,
    AfterValidator(sendable),
    Field(
        min_length=16,
        max_length=128,
        description="Of the account itself, not an API key: Twilio signs its calls with it. Sealed at once.",
        examples=["0123456789abcdef0123456789abcdef"],
    ),
]
Name = Annotated[str, Field(max_length=100, examples=["Sales"])]


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


def _entered(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


class BusinessReplacement(Body):
    """Of a WhatsApp number or a page. What is left out stays as it is."""

    access_token: AccessToken | None = None
    app_secret: AppSecret | None = None

    def read(self) -> MetaReplacement:
        """Raises `Invalid` when nothing is given."""
        if self.access_token is None and self.app_secret is None:
            raise Invalid("Enter an access token, an app secret, or both.", code="nothing_given")
        return MetaReplacement(app_secret=_entered(self.app_secret), access_token=_entered(self.access_token))


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
    items = [shown_channel(asked, row) for row in rows]
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
        return Connected(channel=found_channel(asked, sealed.id), test=shown_task(asked, test))

    answer = once(Connected, act)
    response.headers["ETag"] = etags.tag(answer.channel.version)
    return answer


@router.get(
    "/tasks/{task_id}", dependencies=[permit("channels.read")], responses=problems(401, 403, 404, 422)
)
def task(asked: Asked, task_id: UUID) -> Task:
    """What came of something that needed the provider. Kept for thirty days."""
    return shown_task(asked, task_id)


@router.get(
    "/{channel_id}",
    dependencies=[permit("channels.read")],
    responses={**problems(401, 403, 404, 422), **etags.headers(200)},
)
def channel(asked: Asked, channel_id: UUID, response: Response) -> Channel:
    """One channel."""
    return tagged(response, found_channel(asked, channel_id))


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
    return tagged(response, found_channel(asked, channel_id))


@router.delete(
    "/{channel_id}",
    status_code=204,
    dependencies=[permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 412, 422),
)
def disconnect(asked: Asked, channel_id: UUID, version: IfMatch) -> None:
    """Take nothing more in, send nothing more, forget the credentials. Number or page stay yours at the provider.

    Messages that wait are refused when their turn comes, with `channel_disconnected` as the reason; conversations and
    leads stay. Meta is told to send no more news of it, unless another of your numbers needs the same account.
    """
    disconnect_channel(
        asked.tx,
        asked.person.organization_id,
        channel_id,
        version,
        actor=asked.actor,
        now=asked.door.clock(),
    )


async def _sealed_replacement(
    manager: Manager, channel_id: UUID, replacement: Replacement | BusinessReplacement
) -> SealedAccount:
    with manager.door.db.tenant(manager.person.organization_id) as tx:
        channel = channel_store.shown(tx, manager.person.organization_id, channel_id)
    if channel is None:
        raise no_channel()
    if isinstance(replacement, Replacement) != (channel["kind"] == "sms"):
        raise Invalid(
            "These are credentials of another provider than the channel's.", code="other_credentials"
        )
    if isinstance(replacement, Replacement):
        return _sealed(manager, channel["account_sid"], replacement.auth_token)
    return sealed_for_task(manager, replacement.read())


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
    replacement: Replacement | BusinessReplacement,  # noqa: ARG001  read by the dependency that seals it
    sealed: Annotated[SealedAccount, Depends(_sealed_replacement)],
) -> Task:
    """Use another auth token, for every channel of this Twilio account; or another access token or app secret of Meta's.

    It is tried first: one that the provider refuses replaces nothing. What is signed with the old token or app secret
    is accepted for 24 hours more. So, at Twilio: make a secondary token, enter it here, then promote it there. At Meta:
    an access token is used by every channel that had the same one, an app secret by every channel of the app.
    """
    return once(Task, lambda: _asked(asked, "replace", channel_id, sealed))


@router.post(
    "/{channel_id}/test",
    status_code=202,
    dependencies=[permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 422),
)
def test(asked: Asked, once: Once, channel_id: UUID) -> Task:
    """Look whether the credentials are good, what they permit, how the number or page stands, and where its news goes.

    Changes nothing at the provider. A channel at Meta is in trouble from then on when a line failed, and in none when
    all passed.
    """
    return once(Task, lambda: _asked(asked, "test", channel_id))


@router.post(
    "/{channel_id}/configure",
    status_code=202,
    dependencies=[permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 422),
)
def configure(asked: Asked, once: Once, channel_id: UUID) -> Task:
    """Have Twilio send the number's texts to us, or Meta the app's news, then test.

    An app at Meta has one address for all news of a kind: what it sent elsewhere before comes to us from then on.
    """
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
        return shown_task(asked, task_id)

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
    return shown_task(asked, task_id)
