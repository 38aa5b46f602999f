"""The register of personal data against the live schema, and against data that was really stored."""

from collections import Counter
from typing import get_args

import pytest

from leadsrally.ai.types import Answer, Intent, Scored
from leadsrally.disclosures.store import Subprocessor
from leadsrally.messaging.leads.types import Lead
from leadsrally.privacy.clauses.check_all import CLAUSES
from leadsrally.privacy.register import (
    HOST,
    NOTHING,
    REGISTER,
    Category,
    Entry,
    Erased,
    Exported,
    Kept,
    declared,
)
from leadsrally.privacy.sealed import SEALED
from tests.fakes import answered
from tests.world import Line, Org, World

LIVE = """
SELECT c.relname AS name, a.attname AS column, format_type(a.atttypid, NULL) AS type
  FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND NOT c.relispartition
"""
# What a column that holds nothing personal can be made of.
TYPES = {
    "id": {"uuid", "uuid[]", "text", "jsonb", "character varying"},
    "count": {"smallint", "integer", "bigint", "jsonb"},  # jsonb: counts by closed words
    "flag": {"boolean"},
    "time": {"timestamp with time zone", "timestamp without time zone", "date"},
    "word": {"text", "character varying", "jsonb"},
    "ours": {"text", "bytea"},
    "setting": {"text", "text[]", "integer", "bigint", "boolean", "time without time zone"},
}


def live(world: World) -> dict[tuple[str, str], str]:
    return {(row["name"], row["column"]): row["type"] for row in world.rows(LIVE)}


def surplus(world: World) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Columns that nobody declared, and declared ones that do not exist."""
    there, said = set(live(world)), set(declared())
    return there - said, said - there


class TestSchema:
    def test_every_column_is_declared_and_every_declared_one_exists(self, world: World):
        assert surplus(world) == (set(), set())

    @pytest.mark.parametrize(
        ("change", "undeclared", "gone"),
        [
            ("ALTER TABLE contacts ADD COLUMN birthday date", {("contacts", "birthday")}, set()),
            ("CREATE TABLE notes (body text)", {("notes", "body")}, set()),
            ("CREATE VIEW phones AS SELECT phone FROM contacts", {("phones", "phone")}, set()),
            ("ALTER TABLE delivery_log ADD COLUMN body text", {("delivery_log", "body")}, set()),
            ("ALTER TABLE scores DROP COLUMN reason", set(), {("scores", "reason")}),
            (
                "ALTER TABLE users RENAME COLUMN email TO mail",
                {("users", "mail")},
                {("users", "email")},
            ),
        ],
        ids=["column", "table", "view", "partitioned", "dropped", "renamed"],
    )
    def test_a_change_of_the_schema_is_noticed(
        self, world: World, change: str, undeclared: set[tuple[str, str]], gone: set[tuple[str, str]]
    ):
        world.execute(change)
        assert surplus(world) == (undeclared, gone)

    def test_no_column_is_declared_twice(self):
        assert [column for column, times in Counter(declared()).items() if times > 1] == []

    def test_what_holds_nothing_is_of_a_fitting_type(self, world: World):
        types = live(world)
        for row in NOTHING:
            for column in row.columns:
                assert types[row.table, column] in TYPES[row.because], (row.table, column)


class TestSealed:
    """P8.4: what the register calls a credential and the schema keeps as bytes is sealed, and can be rotated."""

    def test_every_secret_kept_as_bytes_is_a_hash_or_can_be_rotated(self, world: World):
        types = live(world)
        secret = {
            (entry.table, column)
            for entry in REGISTER
            if entry.exported is Exported.WITHHELD
            for column in entry.columns
            if types[entry.table, column] == "bytea" and not column.endswith("_hash")
        }
        sealed = {(column.table, column.column) for column in SEALED}
        assert secret == sealed

    def test_a_row_is_rotated_once(self, world: World):
        """Secrets of several purposes share a column: each kind of channel is one line's, and no row is forgotten."""
        for kind in ("sms", "whatsapp", "lead_ads"):
            lines = [
                column
                for column in SEALED
                if column.table == "channels"
                and world.value(f"SELECT {column.only} FROM (SELECT %(kind)s AS kind) AS row", kind=kind)
            ]
            assert len(lines) == 1, kind
        for provider in ("twilio", "meta"):
            lines = [
                column
                for column in SEALED
                if column.table == "channel_tasks"
                and world.value(
                    f"SELECT {column.only} FROM (SELECT %(provider)s AS provider) AS row", provider=provider
                )
            ]
            assert len(lines) == 1, provider


class TestPromises:
    """What an entry says fits together."""

    @pytest.mark.parametrize("entry", REGISTER, ids=lambda entry: f"{entry.table}.{entry.columns[0]}")
    def test_an_entry_is_whole(self, entry: Entry):
        assert entry.columns
        assert entry.purpose
        assert HOST not in entry.shared
        assert set(entry.shared) <= set(get_args(Subprocessor))
        hashed = entry.kept in (Kept.HASH, Kept.LEADS)
        assert hashed == (entry.erased is Erased.STAYS_HASHED)
        assert (entry.kept is Kept.LOG) == (entry.erased is Erased.EXPIRES)
        # What a contact can ask for is exported, unless a copy or a hash of it is.
        if entry.subject == "contact":
            assert entry.exported not in (Exported.WITHHELD, Exported.UNRELATED)
            assert entry.erased not in (Erased.BLANKED, Erased.STAYS)

    def test_each_category_is_a_promise_of_the_policy(self):
        assert {category.value for category in Category} <= {clause.id for clause in CLAUSES}

    def test_secrets_are_never_exported(self):
        secret = {
            column for entry in REGISTER if entry.exported is Exported.WITHHELD for column in entry.columns
        }
        assert secret == {
            "code_hash",
            "credentials",
            "key_hash",
            "password_hash",
            "previous_hash",
            "secret",
            "token_hash",
        }

    def test_only_what_is_sent_to_a_model_is_shared_with_its_provider(self):
        shared = {
            (entry.table, column)
            for entry in REGISTER
            if "anthropic" in entry.shared
            for column in entry.columns
        }
        assert shared == {("messages", "body")}


PHONE, NAME, MAIL = "+12025550177", "Zebediah Canaryname", "canary@person.example"
TEXT, REASON, OFFER = "canarytext of a contact", "canaryreason", "canarysuggestion"
CANARIES = (PHONE.removeprefix("+"), NAME, MAIL, TEXT, REASON, OFFER, "canary")


class TestStored:
    """G4: data of a person that went through the whole house is found in declared columns and nowhere else."""

    @pytest.fixture
    def lived(self, world: World, org: Org, line: Line) -> World:
        owner = world.user(org, email="canary-owner@example.test")
        world.notify(org.id, "role_changed", user_id=owner)
        world.work("notify")
        thread = world.conversation(line, sender=PHONE)
        world.execute("UPDATE contacts SET name = %(name)s, email = %(mail)s", name=NAME, mail=MAIL)
        picture = {
            "NumMedia": "1",
            "MediaUrl0": "https://api.twilio.com/canary",
            "MediaContentType0": "image/png",
        }
        world.text(line, TEXT, sender=PHONE, **picture)
        answer = Answer(Intent.PRICING, 80, REASON, (OFFER,), wants_to_stop=False, language="en")
        world.scorer.results = [Scored(answer, "m", 1, 1)]
        world.score()
        world.reply(line, thread, "canary of ours", idempotency_key="canary-key")
        world.work("send_message")
        world.report(line, "SM" + "e" * 32, "failed", ErrorCode="30003")
        world.text(line, f"please don't text me anymore, {TEXT}", sender=PHONE)
        world.reply(line, thread, "canary that waits")
        page = world.lead_page(org)
        world.leads.add(
            Lead("8000000000001", "9000000000001", world.clock.now, answered(email=MAIL, why=TEXT))
        )
        world.lead(page, "8000000000001")
        world.work("fetch_lead")
        world.call("/webhooks/twilio/" + "k" * 32 + "/inbound", body=b"Body=canary")
        return world

    def test_G4_columns_that_hold_nothing_hold_no_canary(self, lived: World):
        found = [
            (row.table, column)
            for row in NOTHING
            for column in row.columns
            for value in lived.rows(f"SELECT {column}::text AS v FROM {row.table}")
            if any(canary in (value["v"] or "") for canary in CANARIES)
        ]
        assert found == []

    def test_G4_every_canary_lies_where_the_register_says(self, lived: World):
        """Else the test above would have looked for nothing."""
        found = {
            f"{entry.table}.{column}"
            for entry in REGISTER
            for column in entry.columns
            for value in lived.rows(f"SELECT {column}::text AS v FROM {entry.table}")
            if any(canary in (value["v"] or "") for canary in CANARIES)
        }
        assert found == {
            "contacts.phone",
            "contacts.name",
            "contacts.email",
            "contacts.email_key",
            "conversations.preview",
            "leads.answers",
            "media.source",
            "messages.body",
            "messages.words",
            "messages.idempotency_key",
            "notices.address",
            "scores.reason",
            "scores.suggestions",
            "users.email",
        }

    def test_hashes_cannot_be_read_back(self, lived: World):
        hashes = lived.rows(
            "SELECT number_hash AS h FROM suppressions UNION SELECT provider_hash FROM message_receipts"
        )
        assert len(hashes) > 2
        assert all(len(row["h"]) == 32 and b"canary" not in row["h"] for row in hashes)
        assert not any(PHONE.encode() in row["h"] for row in hashes)
