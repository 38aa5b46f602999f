"""The one file that knows all concrete things and joins them.

Each function has a `Runtime`, built when its door first asks and kept as long as the process. Everything in
it is made on first use, so that a door pays only for what it opens. A host or a test installs a runtime of
its own, with parts replaced.
"""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from leadsrally.kit.clock import Clock, system_clock
from leadsrally.kit.crypto import KeyedHash, KeyService, SealContext, Vault
from leadsrally.kit.db import Announce, Database, refuse_closed, refuse_strong_role, refuse_unpinned
from leadsrally.kit.errors import Misconfigured, NotFound
from leadsrally.kit.settings import Settings
from leadsrally.messaging.channels.directory import (
    KEPT_FOR,
    MOST_KEPT,
    ChannelDirectory,
    meta_context,
    twilio_context,
)
from leadsrally.messaging.types import Channel
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.telemetry import log
from leadsrally.telemetry.crash import nameless
from leadsrally.telemetry.errors import Errors
from leadsrally.telemetry.foreign import withhold_foreign

if TYPE_CHECKING:
    from leadsrally.accounts.front_desk import FrontDesk
    from leadsrally.ai.score import Desk
    from leadsrally.ai.types import Scorer
    from leadsrally.automations.answer_lead import AnswerDesk
    from leadsrally.contacts.bulk.desk import BulkDesk
    from leadsrally.contacts.imports.desk import ImportDesk
    from leadsrally.jobs.types import Perform
    from leadsrally.kit.storage import Links, Storage
    from leadsrally.messaging.channels.workbench import Workbench
    from leadsrally.messaging.copies.delete import CopyDesk
    from leadsrally.messaging.copies.store import Account as CopiesAccount
    from leadsrally.messaging.copies.types import Copies
    from leadsrally.messaging.leads.desk import LeadDesk
    from leadsrally.messaging.leads.types import LeadSource
    from leadsrally.messaging.media.fetch import MediaDesk
    from leadsrally.messaging.media.store import Wanted
    from leadsrally.messaging.opt_out_words import LinkDesk
    from leadsrally.messaging.templates.store import Account
    from leadsrally.messaging.templates.sync import TemplateDesk
    from leadsrally.messaging.types import MediaSource, TemplateCatalogue
    from leadsrally.notices.compose import Letterhead
    from leadsrally.notices.tell import Mailroom
    from leadsrally.notices.types import Mailer
    from leadsrally.privacy.erasure.erase_messages import ErasureDesk
    from leadsrally.privacy.export.build import ExportDesk
    from leadsrally.providers.meta.credentials import MetaCredentials
    from leadsrally.providers.meta.graph import Graph
    from leadsrally.providers.storage.folder import FolderLinks
    from leadsrally.providers.storage.s3 import S3Storage
    from leadsrally.providers.twilio.signature import TwilioCredentials
    from leadsrally.sending.post import Files, Post
    from leadsrally.sending.types import Addressee, Depot, Sender

_MARGIN = timedelta(seconds=30)


class Runtime:
    """What one function works with. Keyword arguments replace parts; all others are made from `settings`."""

    def __init__(
        self,
        function: str,
        settings: Settings,
        *,
        clock: Clock = system_clock,
        connections: int = 1,
        announce: Announce | None = None,
        scorer: "Scorer | None" = None,
        senders: "Mapping[str, Sender] | None" = None,
        depot: "Depot | None" = None,
        mailer: "Mailer | None" = None,
        media_sources: "Mapping[str, MediaSource] | None" = None,
        templates: "TemplateCatalogue | None" = None,
        leads: "LeadSource | None" = None,
        copies: "Copies | None" = None,
    ) -> None:
        self.function = function
        self.settings = settings
        self.clock = clock
        self._connections = connections
        self._announce = announce
        self._scorer = scorer
        self._senders = senders
        self._depot = depot
        self._mailer = mailer
        self._media_sources = media_sources
        self._templates = templates
        self._leads = leads
        self._copies = copies
        self._kept_senders: dict[tuple[UUID, int], tuple[datetime, Sender]] = {}

    @cached_property
    def db(self) -> Database:
        """The function's own database role, refused if it could see past row-level security; the database, if closed."""
        url = self.settings.required("DATABASE_URL")
        if self.settings.production:
            refuse_unpinned(url)
        db = Database(url, connections=self._connections, announce=self._announced)
        try:
            refuse_strong_role(db)
            refuse_closed(db)
        except Misconfigured:
            db.close()
            raise
        return db

    def _announced(self, queue: str, ids: Sequence[UUID]) -> None:
        # Whoever never rings has no setting for the bell, so none is made before somebody does.
        self.ring(queue, ids)

    @cached_property
    def ring(self) -> Announce:
        """The bell: what the host handed over, else SQS, else nobody (the tick finds the job)."""
        if self._announce is not None:
            return self._announce
        queues = self.settings.optional("LEADSRALLY_QUEUES")
        if queues is None:
            return lambda _queue, _ids: None
        from leadsrally.jobs.bell import SqsBell

        return SqsBell(queues).ring

    @cached_property
    def hashes(self) -> KeyedHash:
        return KeyedHash(self.settings.key("LEADSRALLY_HASH_KEY"))

    @cached_property
    def vault(self) -> Vault:
        return Vault(keys_of(self.settings))

    @cached_property
    def front_desk(self) -> "FrontDesk":
        """What letting people in needs."""
        from leadsrally.accounts.front_desk import FrontDesk

        return FrontDesk(
            self.db,
            self.clock,
            self.hashes,
            self.vault,
            self.settings.key("LEADSRALLY_TOKEN_KEY"),
            self.settings.key("LEADSRALLY_LINK_KEY"),
        )

    @cached_property
    def twilio_channels(self) -> "ChannelDirectory[TwilioCredentials]":
        return ChannelDirectory(self.db, self.clock, self._twilio_credentials, ("sms",))

    def _twilio_credentials(self, channel: Channel) -> "TwilioCredentials":
        from leadsrally.providers.twilio.signature import TwilioCredentials

        context = twilio_context(channel.organization_id, channel.id)
        return TwilioCredentials.from_json(self.vault.open(channel.credentials, context))

    @cached_property
    def meta_channels(self) -> "ChannelDirectory[MetaCredentials]":
        return ChannelDirectory(self.db, self.clock, self._meta_credentials, ("whatsapp", "lead_ads"))

    def _meta_credentials(self, channel: Channel) -> "MetaCredentials":
        from leadsrally.providers.meta.credentials import MetaCredentials

        context = meta_context(channel.organization_id, channel.id)
        return MetaCredentials.from_json(self.vault.open(channel.credentials, context))

    @cached_property
    def scorer(self) -> "Scorer | None":
        """The model, or None when no key is set: then nothing is ever called."""
        if self._scorer is not None:
            return self._scorer
        key = self.settings.optional("ANTHROPIC_API_KEY")
        if key is None:
            return None
        from leadsrally.ai.answer import ScoreAnswer
        from leadsrally.providers.anthropic.scorer import BASE_URL, MODEL, AnthropicScorer

        return AnthropicScorer(
            key,
            ScoreAnswer,
            model=self.settings.optional("LEADSRALLY_AI_MODEL") or MODEL,
            base_url=self.settings.optional("ANTHROPIC_BASE_URL") or BASE_URL,
        )

    @cached_property
    def desk(self) -> "Desk":
        """What scoring needs."""
        from leadsrally.ai.score import Desk

        return Desk(self.db, self.clock, self.hashes, self.scorer)

    @cached_property
    def post(self) -> "Post":
        """What sending needs."""
        from leadsrally.providers.meta.error_codes import effect_of as at_meta
        from leadsrally.providers.twilio.error_codes import effect_of as at_twilio
        from leadsrally.sending.post import Post

        return Post(
            self.db,
            self.clock,
            self.hashes,
            self._sender_for,
            self._depot_for,
            self._files,
            lambda kind, code: (at_twilio if kind == "sms" else at_meta)(code),
            self.settings.required("LEADSRALLY_PUBLIC_URL"),
        )

    def _files(self) -> "Files":
        from leadsrally.sending.post import Files

        return Files(self.storage, self.links)

    def _depot_for(self, organization_id: UUID, to: "Addressee") -> "Depot":
        """Where files for a WhatsApp number are left."""
        if self._depot is not None:
            return self._depot
        if to.credentials is None:
            raise NotFound("The channel is disconnected.", code="channel_disconnected")
        from leadsrally.providers.meta.depot import SECONDS, MetaDepot

        context = meta_context(organization_id, to.channel_id)
        return MetaDepot(self.graph(to.credentials, context, timeout=SECONDS))

    @cached_property
    def workbench(self) -> "Workbench":
        """What looking after channels at their providers needs."""
        from leadsrally.messaging.channels.workbench import Workbench
        from leadsrally.providers.meta.business import MetaBusinesses
        from leadsrally.providers.twilio.account import TwilioNumbers

        # A simulator is asked without encryption, so never in production.
        meta = None if self.settings.production else self.settings.optional("META_BASE_URL")
        return Workbench(
            self.db,
            self.clock,
            self.vault,
            TwilioNumbers(self.settings.optional("TWILIO_BASE_URL")),
            MetaBusinesses(meta),
            self.settings.required("LEADSRALLY_PUBLIC_URL"),
        )

    def _sender_for(self, organization_id: UUID, to: "Addressee") -> "Sender":
        if self._senders is not None:
            return self._senders[to.channel_kind]
        place, now = (to.channel_id, to.credentials_version), self.clock()
        # One that is due goes, whoever asks: a token must not stay open because nobody sends with it any more (O6).
        for other, (opened_at, _) in list(self._kept_senders.items()):
            if now - opened_at >= KEPT_FOR:
                self._kept_senders.pop(other, None)
        opened_at, sender = self._kept_senders.get(place, (now, None))
        if sender is None:
            if to.credentials is None:
                raise NotFound("The channel is disconnected.", code="channel_disconnected")
            make = {"sms": self._twilio_sender, "whatsapp": self._meta_sender}[to.channel_kind]
            opened_at, sender = now, make(organization_id, to, to.credentials)
            if len(self._kept_senders) >= MOST_KEPT:
                self._kept_senders.clear()
        self._kept_senders[place] = opened_at, sender
        return sender

    @cached_property
    def mailroom(self) -> "Mailroom":
        """What telling people needs."""
        from leadsrally.notices.tell import Mailroom

        link_key = self.settings.key("LEADSRALLY_LINK_KEY")
        return Mailroom(self.db, self.clock, self.mailer, self.letterhead, link_key)

    @cached_property
    def mailer(self) -> "Mailer":
        if self._mailer is not None:
            return self._mailer
        from leadsrally.providers.resend.mailer import ResendMailer

        return ResendMailer(
            self.settings.required("RESEND_API_KEY"),
            self.settings.required("LEADSRALLY_MAIL_FROM"),
            reply_to=self.letterhead.support,
            base_url=self.settings.optional("RESEND_BASE_URL"),
        )

    @cached_property
    def letterhead(self) -> "Letterhead":
        """Where people reach us (P11.1), and where our links lead."""
        return letterhead_of(self.settings)

    @cached_property
    def resend_keys(self) -> tuple[bytes, ...]:
        """What may have signed a call of Resend's."""
        from leadsrally.providers.resend.webhook import secrets_of

        return secrets_of(self.settings.required("RESEND_WEBHOOK_SECRETS"))

    @cached_property
    def _bucket(self) -> "S3Storage | None":
        name = self.settings.optional("LEADSRALLY_BUCKET")
        if name is None:
            return None
        from leadsrally.providers.storage.s3 import S3Storage

        return S3Storage(name, self.clock)

    @cached_property
    def unsubscribe_links(self) -> "LinkDesk":
        """What putting a person's unsubscribe link into a message needs."""
        from leadsrally.consent.unsubscribe_link import Links
        from leadsrally.messaging.opt_out_words import LinkDesk

        key = self.settings.key("LEADSRALLY_LINK_KEY")
        return LinkDesk(Links(key, self.settings.required("LEADSRALLY_PUBLIC_URL")), self.hashes)

    @cached_property
    def answer_desk(self) -> "AnswerDesk":
        """What writing to people by itself needs."""
        from leadsrally.automations.answer_lead import AnswerDesk

        return AnswerDesk(self.db, self.clock, self.unsubscribe_links)

    @cached_property
    def storage(self) -> "Storage":
        """Where files are kept: the bucket when one is named, else the folder."""
        if self._bucket is not None:
            return self._bucket
        from leadsrally.providers.storage.folder import FolderStorage

        return FolderStorage(Path(self.settings.required("LEADSRALLY_STORAGE_DIR")))

    @cached_property
    def links(self) -> "Links":
        """Who hands out addresses of files: AWS signs those of a bucket, we those of the folder."""
        return self._bucket or folder_links(self.settings, self.clock)

    @cached_property
    def import_desk(self) -> "ImportDesk":
        """What importing needs."""
        from leadsrally.contacts.imports.desk import ImportDesk

        return ImportDesk(self.db, self.clock, self.storage, self.hashes)

    @cached_property
    def bulk_desk(self) -> "BulkDesk":
        """What doing something about many contacts needs."""
        from leadsrally.contacts.bulk.desk import BulkDesk

        return BulkDesk(self.db, self.clock, self.storage, self.hashes)

    @cached_property
    def media(self) -> "MediaDesk":
        """What fetching the files of messages needs."""
        from leadsrally.messaging.media.fetch import MediaDesk

        return MediaDesk(self.db, self.clock, self.storage, self._media_source)

    @cached_property
    def export_desk(self) -> "ExportDesk":
        """What building exports needs."""
        from leadsrally.disclosures.subprocessors import hosts_of
        from leadsrally.privacy.export.build import ExportDesk
        from leadsrally.privacy.export.pages import Reach

        hosts = hosts_of(self.settings.optional("LEADSRALLY_HOSTED_BY"))
        head = self.letterhead
        reach = Reach(head.privacy, head.support, hosts, head.app_url)
        return ExportDesk(self.db, self.clock, self.storage, reach)

    @cached_property
    def erasure_desk(self) -> "ErasureDesk":
        """What erasing needs."""
        from leadsrally.privacy.erasure.erase_messages import ErasureDesk

        return ErasureDesk(self.db, self.clock, self.storage, self.hashes)

    @cached_property
    def copy_desk(self) -> "CopyDesk":
        """What having providers delete their copies needs."""
        from leadsrally.messaging.copies.delete import CopyDesk

        return CopyDesk(self.db, self.clock, self._copies_of)

    def _copies_of(self, organization_id: UUID, account: "CopiesAccount") -> "Copies":
        if self._copies is not None:
            return self._copies
        if account.credentials is None:
            raise NotFound("The channel is disconnected.", code="channel_disconnected")
        if account.kind != "sms":
            from leadsrally.providers.meta.copies import MetaCopies

            return MetaCopies(
                self.graph(account.credentials, meta_context(organization_id, account.channel_id))
            )
        from leadsrally.providers.twilio.copies import TwilioCopies
        from leadsrally.providers.twilio.signature import TwilioCredentials

        opened = self.vault.open(account.credentials, twilio_context(organization_id, account.channel_id))
        # A simulator is asked without encryption, so never in production.
        twilio = None if self.settings.production else self.settings.optional("TWILIO_BASE_URL")
        return TwilioCopies(TwilioCredentials.from_json(opened), account.account_sid or "", base_url=twilio)

    def _media_source(self, organization_id: UUID, wanted: "Wanted") -> "MediaSource":
        if self._media_sources is not None:
            return self._media_sources[wanted.channel_kind]
        # A simulator is asked without encryption, so never in production.
        twilio, meta = (
            None if self.settings.production else self.settings.optional(name)
            for name in ("TWILIO_BASE_URL", "META_BASE_URL")
        )
        if wanted.channel_kind == "whatsapp":
            from leadsrally.providers.meta.credentials import MetaCredentials
            from leadsrally.providers.meta.media import MetaMedia

            opened = self.vault.open(wanted.credentials, meta_context(organization_id, wanted.channel_id))
            return MetaMedia(MetaCredentials.from_json(opened), base_url=meta)
        from leadsrally.providers.twilio.media import TwilioMedia
        from leadsrally.providers.twilio.signature import TwilioCredentials

        opened = self.vault.open(wanted.credentials, twilio_context(organization_id, wanted.channel_id))
        return TwilioMedia(TwilioCredentials.from_json(opened), wanted.account_sid or "", base_url=twilio)

    @cached_property
    def template_desk(self) -> "TemplateDesk":
        """What syncing templates needs."""
        from leadsrally.messaging.templates.sync import TemplateDesk

        return TemplateDesk(self.db, self.clock, self._catalogue_for)

    def _catalogue_for(self, organization_id: UUID, account: "Account") -> "TemplateCatalogue":
        if self._templates is not None:
            return self._templates
        from leadsrally.providers.meta.templates import MetaTemplates

        context = meta_context(organization_id, account.channel_id)
        return MetaTemplates(self.graph(account.credentials, context))

    @cached_property
    def lead_desk(self) -> "LeadDesk":
        """What fetching leads needs."""
        from leadsrally.messaging.leads.desk import LeadDesk

        return LeadDesk(self.db, self.clock, self.hashes, self._leads_of, self.surprised)

    def _leads_of(self, organization_id: UUID, channel_id: UUID, sealed: bytes) -> "LeadSource":
        if self._leads is not None:
            return self._leads
        from leadsrally.providers.meta.leads import MetaLeads

        return MetaLeads(self.graph(sealed, meta_context(organization_id, channel_id)))

    def _twilio_sender(self, organization_id: UUID, to: "Addressee", sealed: bytes) -> "Sender":
        from leadsrally.providers.twilio.sender import TwilioSender
        from leadsrally.providers.twilio.signature import TwilioCredentials

        opened = self.vault.open(sealed, twilio_context(organization_id, to.channel_id))
        return TwilioSender(
            TwilioCredentials.from_json(opened),
            to.account_sid,
            base_url=self.settings.optional("TWILIO_BASE_URL"),
        )

    def _meta_sender(self, organization_id: UUID, to: "Addressee", sealed: bytes) -> "Sender":
        from leadsrally.providers.meta.sender import MetaSender

        return MetaSender(self.graph(sealed, meta_context(organization_id, to.channel_id)))

    def graph(self, sealed: bytes, context: SealContext, *, timeout: float = 10.0) -> "Graph":
        """A customer's way to Meta's Graph API, with the credentials of one channel; `timeout` as `Graph` says."""
        from leadsrally.providers.meta.credentials import MetaCredentials
        from leadsrally.providers.meta.graph import Graph

        credentials = MetaCredentials.from_json(self.vault.open(sealed, context))
        # A simulator is asked without encryption, so never in production.
        elsewhere = None if self.settings.production else self.settings.optional("META_BASE_URL")
        return Graph(credentials, base_url=elsewhere, timeout=timeout)

    def serve(
        self, event: dict[str, Any], context: Any, performers: "Mapping[str, Perform]"
    ) -> dict[str, Any]:
        """Run the jobs that an SQS-shaped event rings for."""
        from leadsrally.jobs.serve import serve_queue

        left = timedelta(milliseconds=context.get_remaining_time_in_millis())
        with self.invocation(context):
            return serve_queue(
                self.db,
                self.clock,
                self.function,
                event,
                performers,
                lease=left + _MARGIN,
                surprise=self.surprised,
            )

    @contextmanager
    def invocation(self, context: Any) -> Generator[None]:
        """One call of an event door: its ids on every log line, and no error text past our own log.

        Lambda's runtime prints the text of whatever escapes a handler, so it gets an error without one.
        """
        with log.bound(function=self.function, request_id=context.aws_request_id):
            try:
                yield
            except Exception as error:  # noqa: BLE001  raised again, without its text
                self.surprised(error)
                raise nameless(error) from None

    def surprised(self, error: BaseException) -> None:
        """An error that nobody expected: one log line without its text, and a scrubbed report."""
        log.error("unexpected.error", error=error)
        self.errors.capture(error)
        self.errors.flush(2.0)  # Lambda freezes the process as soon as the door answers

    @cached_property
    def errors(self) -> Errors:
        """Where unexpected errors are reported. The SDK itself is imported with the first of them."""
        dsn = self.settings.optional("SENTRY_DSN")
        if dsn is None:
            return Errors()
        from leadsrally.providers.sentry.sender import SentrySender

        return Errors(
            SentrySender(
                dsn,
                environment="production" if self.settings.production else "development",
                release=self.settings.optional("LEADSRALLY_RELEASE"),
            )
        )


def keys_of(settings: Settings) -> KeyService:
    """The master keys: KMS where one of its keys is named, with local ones beside it while they are set; else local."""
    named = settings.optional("LEADSRALLY_KMS_KEY")
    local = settings.optional("LEADSRALLY_MASTER_KEYS")
    if named is None:
        return _local_keys(settings)
    from leadsrally.providers.keys.kms import KmsKeys
    from leadsrally.providers.keys.moving import MovingKeys

    kms = KmsKeys([name.strip() for name in named.split(",")])
    return kms if local is None else MovingKeys(kms, _local_keys(settings))


def _local_keys(settings: Settings) -> LocalKeys:
    keys = settings.keys("LEADSRALLY_MASTER_KEYS")
    return LocalKeys(keys, current=next(iter(keys)))


def letterhead_of(settings: Settings) -> "Letterhead":
    """Where people reach us and where our front end is: as set, else by the domain of our mail."""
    from leadsrally.notices.compose import Letterhead

    _, _, domain = settings.required("LEADSRALLY_MAIL_FROM").rstrip("> ").rpartition("@")
    return Letterhead(
        settings.required("LEADSRALLY_APP_URL").rstrip("/"),
        settings.optional("LEADSRALLY_SUPPORT_EMAIL") or f"support@{domain}",
        settings.optional("LEADSRALLY_PRIVACY_EMAIL") or f"privacy@{domain}",
    )


def folder_links(settings: Settings, clock: Clock) -> "FolderLinks":
    """Who signs links to files of the folder, and reads them where the host serves them."""
    from leadsrally.providers.storage.folder import FolderLinks

    return FolderLinks(settings.key("LEADSRALLY_LINK_KEY"), settings.required("LEADSRALLY_PUBLIC_URL"), clock)


_installed: dict[str, Runtime] = {}


def of(function: str) -> Runtime:
    """The runtime of `function`: the one a host installed, else one made from this environment, once."""
    runtime = _installed.get(function)
    if runtime is None:
        withhold_foreign()
        settings = Settings(os.environ)
        runtime = _installed[function] = Runtime(function, settings)
    return runtime


def install(runtime: Runtime) -> None:
    """Make `of` return this one. For hosts that serve several functions in one process, and for tests."""
    _installed[runtime.function] = runtime


def uninstall(function: str) -> None:
    _installed.pop(function, None)
