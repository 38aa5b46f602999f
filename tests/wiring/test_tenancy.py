"""The walls between tenants and between functions, as the live schema has them and as they hold when tried."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from infra.local.provision import OWNER
from infra.local.roles import EXTRA
from leadsrally.kit.db import Database, refuse_strong_role
from leadsrally.kit.errors import Misconfigured, Unavailable
from tests.database import TestDatabase
from tests.wiring.grants import COLUMNS, GRANTS, SEALED_TABLES, TRIED
from tests.wiring.lived import lived_through
from tests.world import Line, World

# Roles belong to the whole server: who makes strong ones and who looks for them run one after another.
pytestmark = pytest.mark.usefixtures("roles_alone")

# Tables whose key does not begin with the tenant, and why.
KEYED_OTHERWISE = {
    "jobs": "the bell carries a job's id alone",
    "delivery_log": "partitioned by time, and a call at an unknown address belongs to nobody",
}
# Unique over all tenants on purpose.
UNIQUE_FOR_ALL = {
    "users_email": "people log in before a tenant is known",
    "invoices_number_key": "a number is given once, to whomever",
    "unsubscribe_links_number_key": "the number in a link is all that it brings",
    "channels_key_key": "the key in a webhook's address is all that a call brings",
    "jobs_pkey": "the bell carries a job's id alone",
    "jobs_waiting_once": "the key names a row's id, which is unique",
    "delivery_log_pkey": "a partitioned table's key must hold the partition key",
}
# Functions that run with other rights than their caller's.
SECURITY_DEFINERS = {
    "channel_by_key": "leadsrally_lookup",
    "invoices_pseudonymise": "leadsrally_lookup",
    "meta_channels_due": "leadsrally_lookup",
    "months_open": "leadsrally_lookup",
    "unsubscribe_link": "leadsrally_lookup",
    "whatsapp_accounts": "leadsrally_lookup",
    "lead_pages": "leadsrally_lookup",
    "login_by_email": "leadsrally_lookup",
    "messages_with_words": "leadsrally_lookup",
    "contacts_found": "leadsrally_lookup",
    "contacts_by_name": "leadsrally_lookup",
    "contacts_namesakes": "leadsrally_lookup",
    "organization_erase_rows": OWNER,
    "delivery_log_make_day": OWNER,
    "delivery_log_drop_day": OWNER,
}


TENANT_TABLES = """
SELECT c.oid, c.relname AS name, c.relkind::text AS kind, c.relispartition AS part,
       c.relrowsecurity AS secured, c.relforcerowsecurity AS forced
  FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p')
 ORDER BY c.relname
"""
FOREIGN_KEYS = """
SELECT k.conname AS name, k.conrelid::regclass::text AS child, k.confrelid::regclass::text AS parent,
       ARRAY(SELECT attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(n, o)
               JOIN pg_attribute ON attrelid = k.conrelid AND attnum = n ORDER BY o) AS columns,
       EXISTS (SELECT 1 FROM pg_index AS i
                WHERE i.indrelid = k.conrelid
                  AND i.indpred IS NULL
                  AND (string_to_array(i.indkey::text, ' ')::smallint[])[1:cardinality(k.conkey)] @> k.conkey
              ) AS indexed
  FROM pg_constraint AS k
 WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
 ORDER BY 2, 1
"""


def tables(world: World, *, parts: bool = False) -> list[str]:
    return [row["name"] for row in world.rows(TENANT_TABLES) if parts or not row["part"]]


@pytest.fixture
def two(world: World) -> tuple[Line, Line]:
    """Two tenants with a row in every table each."""
    lines = world.line(world.organization("Harbour Bikes")), world.line(world.organization("Rival"))
    for line in lines:
        lived_through(world, line)
    for line in lines:
        world.reply(line, world.conversation(line), "one more")  # its job waits
    return lines


@contextmanager
def session(
    database: TestDatabase, role: str, tenant: UUID | str | None
) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of a function's role, or of the owner, with this tenant; undone at the end."""
    login = "leadsrally_migrate" if role == OWNER else f"leadsrally_{role}"
    with psycopg.connect(database.url(login), row_factory=dict_row) as connection:
        if role == OWNER:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        if tenant is not None:
            connection.execute("SELECT set_config('leadsrally.organization_id', %s, true)", (str(tenant),))
        yield connection
        connection.rollback()


def ask(connection: psycopg.Connection[Any], text: str, table: str, **params: Any) -> list[dict[str, Any]]:
    return connection.execute(sql.SQL(text).format(table=sql.Identifier(table)), params).fetchall()


class TestRole:
    """T4: a function does not start on a role that could see past row-level security."""

    @pytest.fixture
    def role(self, database: TestDatabase) -> Iterator[str]:
        name = f"strong_{uuid4().hex[:12]}"
        with psycopg.connect(database.url(), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
            admin.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(database.name), sql.Identifier(name)
                )
            )
            try:
                yield name
            finally:
                admin.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

    @pytest.mark.parametrize(
        "strength",
        [
            "ALTER ROLE {role} SUPERUSER",
            "ALTER ROLE {role} BYPASSRLS",
            "GRANT leadsrally_owner TO {role}",
            "GRANT postgres TO {role}",
            "CREATE TABLE mine (id integer); ALTER TABLE mine OWNER TO {role}",
            "CREATE VIEW mine AS SELECT 1; ALTER VIEW mine OWNER TO {role}",
        ],
        ids=[
            "superuser",
            "bypassrls",
            "member of the owner",
            "member of a superuser",
            "owner",
            "owner of a view",
        ],
    )
    def test_T4_a_strong_role_is_refused(self, database: TestDatabase, role: str, strength: str):
        weak = Database(database.url(role))
        refuse_strong_role(weak)
        weak.close()
        with psycopg.connect(database.url(), autocommit=True) as admin:
            admin.execute(sql.SQL(strength).format(role=sql.Identifier(role)))  # pyright: ignore[reportArgumentType]
        strong = Database(database.url(role))
        try:
            with pytest.raises(Misconfigured, match=role):
                refuse_strong_role(strong)
        finally:
            strong.close()

    def test_T4_the_server_administrator_is_refused(self, database: TestDatabase):
        strong = Database(database.url())
        with pytest.raises(Misconfigured, match="postgres"):
            refuse_strong_role(strong)
        strong.close()

    def test_T4_each_functions_role_is_accepted(self, database: TestDatabase):
        for role in GRANTS:
            db = Database(database.url(f"leadsrally_{role}"))
            refuse_strong_role(db)
            db.close()

    def test_T4_no_role_of_ours_is_member_of_another(self, world: World):
        found = world.rows(
            """SELECT m.member::regrole::text AS member, m.roleid::regrole::text AS of
                 FROM pg_auth_members AS m
                WHERE m.member::regrole::text LIKE 'leadsrally\\_%%'
                ORDER BY 1, 2"""
        )
        assert [(row["member"], row["of"]) for row in found] == [
            ("leadsrally_migrate", "leadsrally_lookup"),
            ("leadsrally_migrate", OWNER),
        ]

    def test_T4_nobody_who_logs_in_owns_anything(self, world: World):
        owners = world.rows(
            """SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class
                WHERE relnamespace = 'public'::regnamespace"""
        )
        assert [row["owner"] for row in owners] == [OWNER]


class TestCatalogue:
    """T5: rules that every table of a tenant keeps, a new one too."""

    def test_T5_row_security_is_enabled_and_forced(self, world: World):
        found = world.rows(TENANT_TABLES)
        assert len(found) > 15
        assert [row["name"] for row in found if not (row["secured"] and row["forced"])] == []

    def test_T5_so_it_is_on_the_table_of_organisations(self, world: World):
        assert world.row(
            "SELECT relrowsecurity AS a, relforcerowsecurity AS b FROM pg_class WHERE relname = 'organizations'"
        ) == {"a": True, "b": True}

    def test_T5_the_policy_of_the_tenant_holds_for_reading_and_writing(self, world: World):
        own = "(organization_id = current_organization())"
        policies = {
            row["tablename"]: (row["cmd"], row["permissive"], row["qual"], row["with_check"])
            for row in world.rows("SELECT * FROM pg_policies WHERE policyname = 'tenant'")
        }
        assert policies.pop("organizations")[2:] == ("(id = current_organization())",) * 2
        assert policies == dict.fromkeys(tables(world), ("ALL", "PERMISSIVE", own, own))

    def test_T5_whatever_reaches_past_the_tenant_is_named_here(self, world: World):
        found = world.rows(
            """SELECT tablename, policyname, cmd, roles FROM pg_policies
                WHERE policyname NOT IN ('tenant', 'backup', 'incident') ORDER BY 2, 1"""
        )
        reach = [
            f"{r['policyname']} on {r['tablename']}: {','.join(r['roles'])} may {r['cmd']}" for r in found
        ]
        audited = [
            "acceptances",
            "account_deletions",
            "audit_log",
            "channel_tasks",
            "channels",
            "consent_events",
            "conversations",
            "delivery_log",
        ]
        audited += [
            "disclosures",
            "erasures",
            "exports",
            "incident_notices",
            "invoice_lines",
            "invoices",
            "jobs",
            "leads",
            "media",
            "messages",
            "notices",
            "organizations",
            "policy_notices",
            "provider_copies",
            "scores",
            "sessions",
            "usage",
            "users",
        ]
        assert reach == [
            *(f"audit on {name}: leadsrally_clauses may SELECT" for name in audited),
            "every_queue on jobs: leadsrally_tick may ALL",
            *(
                f"incident_watch on {name}: leadsrally_incident_watch may SELECT"
                for name in ("incident_notices", "notices")
            ),
            *(
                f"lookup on {name}: leadsrally_lookup may SELECT"
                for name in (
                    "channels",
                    "contacts",
                    "invoices",
                    "messages",
                    "organizations",
                    "unsubscribe_links",
                    "users",
                )
            ),
            "own_evidence on consent_events: leadsrally_import_contacts may DELETE",
            "own_grants on consent_states: leadsrally_import_contacts may DELETE",
            "own_queue on jobs: leadsrally_ai_score may ALL",
            "own_queue_automation on jobs: leadsrally_automation may ALL",
            "own_queue_bulk on jobs: leadsrally_bulk_contacts may ALL",
            "own_queue_channels on jobs: leadsrally_manage_channel may ALL",
            "own_queue_erase on jobs: leadsrally_erase may ALL",
            "own_queue_export on jobs: leadsrally_export may ALL",
            "own_queue_fetch on jobs: leadsrally_fetch_media may ALL",
            "own_queue_fetch_lead on jobs: leadsrally_fetch_lead may ALL",
            "own_queue_import on jobs: leadsrally_import_contacts may ALL",
            "own_queue_lead_catch_up on jobs: leadsrally_lead_catch_up may ALL",
            "own_queue_notify on jobs: leadsrally_notify may ALL",
            "own_queue_provider_delete on jobs: leadsrally_provider_delete may ALL",
            "own_queue_send on jobs: leadsrally_send_message may ALL",
            "own_queue_template_sync on jobs: leadsrally_template_sync may ALL",
            *(
                f"policy_watch on {name}: leadsrally_policy_watch may {what}"
                for name, what in (
                    ("jobs", "SELECT"),
                    ("notices", "SELECT"),
                    ("organizations", "SELECT"),
                    ("policy_notices", "ALL"),
                )
            ),
            "pseudonymise on invoices: leadsrally_lookup may UPDATE",
            "replay on quarantine: leadsrally_quarantine may ALL",
            *(f"rotation on {name}: leadsrally_keys may SELECT" for name in SEALED_TABLES),
            *(f"rotation_writes on {name}: leadsrally_keys may UPDATE" for name in SEALED_TABLES),
            *(
                f"sweep on {name}: leadsrally_retention_sweep may "
                + ("SELECT" if name == "retention_windows" else "ALL")
                for name in (
                    "bulk_changes",
                    "early_amendments",
                    "early_reports",
                    "email_changes",
                    "erased_addresses",
                    "idempotency_keys",
                    "import_changes",
                    "invoices",
                    "password_resets",
                    "quarantine",
                    "retention_runs",
                    "retention_windows",
                    "sessions",
                    "signups",
                    "usage",
                )
            ),
            "sweep_counts on delivery_log: leadsrally_retention_sweep may SELECT",
            "sweep_pending on jobs: leadsrally_retention_sweep may ALL",
            "sweep_pending on organizations: leadsrally_retention_sweep may ALL",
            "unattributed on delivery_log: leadsrally_webhook_twilio may INSERT",
            "unattributed_mail on delivery_log: leadsrally_webhook_resend may INSERT",
            "unattributed_meta on delivery_log: leadsrally_webhook_meta may INSERT",
            "unsent_only on media: leadsrally_fetch_media may DELETE",
        ]

    def test_T5_an_incident_is_traced_in_every_table_of_a_tenant(self, world: World):
        found = world.rows(
            "SELECT tablename, cmd, roles, qual FROM pg_policies WHERE policyname = 'incident' ORDER BY 1"
        )
        assert {row["tablename"] for row in found} == {*tables(world), "organizations"}
        told = {(row["tablename"] == "incident_notices", row["cmd"], row["qual"]) for row in found}
        assert told == {(False, "SELECT", "true"), (True, "ALL", "true")}
        assert {tuple(row["roles"]) for row in found} == {("leadsrally_incidents",)}

    def test_T5_a_backup_reads_all_and_is_the_only_one(self, world: World):
        """Days of the delivery log included, which nobody else may name."""
        secured = world.rows("SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY 1")
        policies = world.rows(
            "SELECT tablename, cmd, roles, qual FROM pg_policies WHERE policyname = 'backup' ORDER BY 1"
        )
        assert [row["tablename"] for row in policies] == [row["relname"] for row in secured]
        told = {(row["cmd"], tuple(row["roles"]), row["qual"]) for row in policies}
        assert told == {("SELECT", ("leadsrally_backup",), "true")}

    def test_T5_the_tenant_comes_first_in_every_key(self, world: World):
        found = world.rows(
            """SELECT c.relname AS name, a.attname AS first
                 FROM pg_index AS i
                 JOIN pg_class AS c ON c.oid = i.indrelid AND NOT c.relispartition
                 JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace"""
        )
        first = {row["name"]: row["first"] for row in found}
        of_tenants = set(tables(world))
        assert of_tenants <= first.keys()  # and each has a key
        assert {name for name in of_tenants if first[name] != "organization_id"} == KEYED_OTHERWISE.keys()

    def test_T9_what_is_unique_is_unique_within_a_tenant(self, world: World):
        found = world.rows(
            """SELECT i.indexrelid::regclass::text AS name
                 FROM pg_index AS i
                 JOIN pg_class AS c ON c.oid = i.indrelid AND NOT c.relispartition
                 JOIN pg_attribute AS t ON t.attrelid = c.oid AND t.attname = 'organization_id'
                WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace
                  AND i.indkey[0] <> t.attnum"""
        )
        assert {row["name"] for row in found} == UNIQUE_FOR_ALL.keys()

    def test_T5_foreign_keys_carry_the_tenant_and_have_an_index(self, world: World):
        found = world.rows(FOREIGN_KEYS)
        assert len(found) > 10
        for key in found:
            assert key["columns"][0] == "organization_id", key
            assert len(key["columns"]) == (1 if key["parent"] == "organizations" else 2), key
            # jobs_of_organization and the like begin with the tenant; a key that is only the tenant needs no more.
            assert key["indexed"], key

    def test_T5_only_these_functions_run_with_other_rights(self, world: World):
        found = world.rows(
            """SELECT proname AS name, proowner::regrole::text AS owner, proconfig AS config, proacl::text AS acl
                 FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"""
        )
        assert {row["name"]: row["owner"] for row in found} == SECURITY_DEFINERS
        for row in found:
            assert "search_path=public, pg_temp" in row["config"], row
            assert not row["acl"].startswith("{="), "everybody may call it"
            assert ",=" not in row["acl"], "everybody may call it"

    def test_T5_no_function_claims_to_leak_nothing(self, world: World):
        """A LEAKPROOF function may be run on rows before row security has hidden them."""
        sql_text = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proleakproof"
        assert world.rows(sql_text) == []

    def test_T5_no_view_reads_with_its_owners_rights(self, world: World):
        found = world.rows(
            """SELECT relname FROM pg_class
                WHERE relnamespace = 'public'::regnamespace
                  AND (relkind = 'm' OR relkind = 'v'
                       AND NOT coalesce('security_invoker=true' = ANY (reloptions), false))"""
        )
        assert found == []

    def test_T5_nobody_may_make_things_in_the_schema(self, world: World):
        for role in [*GRANTS, "lookup"]:
            may = world.value(
                "SELECT has_schema_privilege(%(role)s, 'public', 'CREATE')", role=f"leadsrally_{role}"
            )
            assert not may, role


class TestGrants:
    """T14: what each function's role may do, word for word."""

    def test_T14_every_role_that_logs_in_is_in_the_table(self, world: World):
        found = world.rows(
            """SELECT rolname FROM pg_roles
                WHERE rolcanlogin AND rolname LIKE 'leadsrally\\_%%' AND rolname <> 'leadsrally_migrate'
                  AND rolname NOT LIKE '%%\\_probe\\_%%'"""
        )
        assert {row["rolname"] for row in found} == {f"leadsrally_{name}" for name in GRANTS}
        assert GRANTS.keys() == world.functions.keys() | set(EXTRA)

    def test_T14_the_matrix(self, world: World):
        found = world.rows(
            """SELECT substr(r.rolname, 12) AS role, c.relname AS name, p.verb,
                      has_table_privilege(r.oid, c.oid, p.verb) AS whole,
                      CASE WHEN p.verb = 'DELETE' THEN false
                           ELSE has_any_column_privilege(r.oid, c.oid, p.verb) END AS partly
                 FROM pg_roles AS r
                CROSS JOIN pg_class AS c
                CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS p(verb, n)
                WHERE r.rolname = ANY (%(roles)s)
                  AND c.relnamespace = 'public'::regnamespace
                  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                  AND NOT (c.relispartition AND r.rolname = 'leadsrally_backup')
                ORDER BY r.rolname, c.relname, p.n""",
            roles=[f"leadsrally_{name}" for name in GRANTS],
        )
        matrix: dict[str, dict[str, str]] = {name: {} for name in GRANTS}
        for row in found:
            letter = row["verb"][0]
            if row["whole"] or row["partly"]:
                rights = matrix[row["role"]]
                rights[row["name"]] = rights.get(row["name"], "") + (
                    letter if row["whole"] else letter.lower()
                )
        assert matrix == GRANTS

    def test_T14_the_columns(self, world: World):
        found = world.rows(
            """SELECT substr(grantee, 12) AS role, table_name AS name, privilege_type AS verb,
                      string_agg(column_name, ' ' ORDER BY column_name) AS columns
                 FROM information_schema.column_privileges AS p
                WHERE grantee = ANY (%(roles)s)
                  AND NOT has_table_privilege(grantee, format('%%I.%%I', table_schema, table_name), privilege_type)
                GROUP BY 1, 2, 3""",
            roles=[f"leadsrally_{name}" for name in GRANTS],
        )
        assert {(row["role"], row["name"], row["verb"]): row["columns"] for row in found} == COLUMNS

    def test_T14_nobody_truncates_references_or_makes_triggers(self, world: World):
        found = world.rows(
            """SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants
                WHERE table_schema = 'public' AND grantee LIKE 'leadsrally\\_%%' AND grantee <> %(owner)s
                  AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')""",
            owner=OWNER,
        )
        assert found == []

    def test_T14_the_public_may_nothing(self, world: World):
        sql_text = "SELECT 1 FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC' AND table_schema = 'public'"
        assert world.rows(sql_text) == []

    def test_T14_tried(self, database: TestDatabase):
        for role, statement in TRIED:
            with session(database, role, uuid4()) as connection, pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)  # pyright: ignore[reportArgumentType]


class TestTwoTenants:
    """Every table of a tenant, tried from the other one by the strongest role that row security binds."""

    def test_each_table_holds_rows_of_both(self, world: World, two: tuple[Line, Line]):
        """Else the tests below would prove nothing about it."""
        for name in tables(world):
            held = {row["o"] for row in world.rows(f"SELECT DISTINCT organization_id AS o FROM {name}")}
            assert {line.organization_id for line in two} <= held, name

    def test_T3_reading_shows_ones_own(self, world: World, two: tuple[Line, Line]):
        mine, theirs = (line.organization_id for line in two)
        with session(world.database, OWNER, mine) as connection:
            for name in tables(world):
                seen = ask(connection, "SELECT DISTINCT organization_id AS o FROM {table}", name)
                assert [row["o"] for row in seen] == [mine], name
                named = ask(connection, "SELECT 1 FROM {table} WHERE organization_id = %(o)s", name, o=theirs)
                assert named == [], name
            assert [row["id"] for row in ask(connection, "SELECT id FROM {table}", "organizations")] == [mine]

    def test_T3_a_functions_role_sees_ones_own(self, world: World, two: tuple[Line, Line]):
        mine = two[0].organization_id
        for role, granted in GRANTS.items():
            if role in (*EXTRA, "clauses", "policy_watch", "incident_watch"):
                continue  # they look after all
            with session(world.database, role, mine) as connection:
                for name, rights in granted.items():
                    if "s" not in rights.lower() or name not in tables(world):
                        continue
                    if role == "retention_sweep" or (role, name) == ("tick", "jobs"):
                        continue  # named policies let these two see all
                    seen = ask(connection, "SELECT DISTINCT organization_id AS o FROM {table}", name)
                    others = {row["o"] for row in seen} - {mine}
                    allowed = world.rows(
                        "SELECT DISTINCT organization_id AS o FROM jobs WHERE queue = %(queue)s", queue=role
                    )
                    assert others <= ({row["o"] for row in allowed} if name == "jobs" else set()), (
                        role,
                        name,
                    )

    def test_T2_changing_and_deleting_reach_ones_own(self, world: World, two: tuple[Line, Line]):
        mine, theirs = (line.organization_id for line in two)
        for name in tables(world):
            with session(world.database, OWNER, mine) as connection:
                table = sql.Identifier(name)
                changed = connection.execute(
                    sql.SQL(
                        "UPDATE {} SET organization_id = organization_id WHERE organization_id = %s"
                    ).format(table),
                    (theirs,),
                )
                assert changed.rowcount == 0, name
                deleted = connection.execute(
                    sql.SQL("DELETE FROM {} WHERE organization_id = %s").format(table), (theirs,)
                )
                assert deleted.rowcount == 0, name

    def test_T2_writing_a_row_of_the_other_is_refused(self, world: World, two: tuple[Line, Line]):
        mine, theirs = (line.organization_id for line in two)
        for name in tables(world):
            row = world.rows(
                f"SELECT to_jsonb(t) AS row FROM {name} AS t WHERE organization_id = %(o)s LIMIT 1", o=theirs
            )[0]["row"]
            columns = sql.SQL(", ").join(
                sql.Identifier(found["attname"])
                for found in world.rows(
                    """SELECT attname FROM pg_attribute
                        WHERE attrelid = %(name)s::regclass AND attnum > 0 AND NOT attisdropped
                          AND attgenerated = '' AND attidentity = ''""",
                    name=name,
                )
            )
            copy = sql.SQL(
                "INSERT INTO {t} ({c}) SELECT {c} FROM jsonb_populate_record(NULL::{t}, %s::jsonb)"
            )
            with (
                session(world.database, OWNER, mine) as connection,
                pytest.raises(errors.InsufficientPrivilege, match="row-level security"),
            ):
                connection.execute(copy.format(t=sql.Identifier(name), c=columns), (Jsonb(row),))

    def test_T2_giving_a_row_away_is_refused(self, world: World, two: tuple[Line, Line]):
        mine, theirs = (line.organization_id for line in two)
        for name in tables(world):
            with (
                session(world.database, OWNER, mine) as connection,
                pytest.raises(errors.InsufficientPrivilege, match="row-level security"),
            ):
                connection.execute(
                    sql.SQL("UPDATE {} SET organization_id = %s").format(sql.Identifier(name)), (theirs,)
                )

    def test_T8_a_foreign_key_cannot_point_into_the_other_tenant(self, world: World, two: tuple[Line, Line]):
        """Tried as the superuser, whom row security does not bind: the key itself must refuse."""
        mine, theirs = (line.organization_id for line in two)
        tried = 0
        for key in world.rows(FOREIGN_KEYS):
            if len(key["columns"]) != 2:
                continue
            column = key["columns"][1]
            foreign = world.rows(
                f"SELECT id FROM {key['parent']} WHERE organization_id = %(o)s LIMIT 1", o=theirs
            )[0]["id"]
            with pytest.raises(errors.ForeignKeyViolation):
                world.execute(
                    f"UPDATE {key['child']} SET {column} = %(foreign)s WHERE ctid = "
                    f"(SELECT ctid FROM {key['child']} WHERE organization_id = %(o)s LIMIT 1)",
                    foreign=foreign,
                    o=mine,
                )
            tried += 1
        assert tried >= 7

    def test_G3_no_reference_crosses(self, world: World, two: tuple[Line, Line]):
        for key in world.rows(FOREIGN_KEYS):
            if len(key["columns"]) == 2:
                child, parent, column = key["child"], key["parent"], key["columns"][1]
                crossing = world.value(
                    f"""SELECT count(*) FROM {child} AS c JOIN {parent} AS p ON p.id = c.{column}
                         WHERE p.organization_id <> c.organization_id"""
                )
                assert crossing == 0, key

    def test_T9_the_same_values_in_both_do_not_collide(self, world: World):
        """One phone, one provider message id, one idempotency key: two tenants, two of each."""
        lines = [world.line(world.organization(name)) for name in ("Harbour Bikes", "Rival")]
        sent = []
        for line in lines:
            assert world.text(line, "hello", sid="SM" + "1" * 32).status == 200
            thread = world.conversation(line)
            sent.append(world.reply(line, thread, "hi", idempotency_key="once"))
        assert len(set(sent)) == 2
        assert world.value("SELECT count(*) FROM contacts WHERE phone = '+12025550101'") == 2
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'inbound'") == 2
        world.execute("UPDATE messages SET provider_message_id = 'SM-same' WHERE direction = 'outbound'")

    def test_an_address_belongs_to_one_account(self, world: World):
        """The exception: people log in before a tenant is known."""
        for name in ("Harbour Bikes", "Rival"):
            org = world.organization(name)
            if name == "Harbour Bikes":
                world.user(org, email="Owner@example.test")
            else:
                with pytest.raises(errors.UniqueViolation):
                    world.user(org, email="owner@EXAMPLE.test")


class TestNoTenant:
    @pytest.mark.parametrize("tenant", [None, ""], ids=["unset", "empty"])
    def test_T6_nobody_sees_nothing(self, world: World, two: tuple[Line, Line], tenant: str | None):
        with session(world.database, OWNER, tenant) as connection:
            for name in [*tables(world), "organizations"]:
                assert ask(connection, "SELECT 1 FROM {table}", name) == [], name
        for role, granted in GRANTS.items():
            if role in (*EXTRA, "tick", "retention_sweep", "clauses", "policy_watch", "incident_watch"):
                continue
            with session(world.database, role, tenant) as connection:
                for name, rights in granted.items():
                    if "s" in rights.lower() and name not in (
                        "sweep_runs",
                        "jobs",
                        "policy_versions",
                        "clause_standings",
                    ):
                        assert ask(connection, "SELECT count(*) AS n FROM {table}", name) == [{"n": 0}], name

    @pytest.mark.parametrize("tenant", [None, ""], ids=["unset", "empty"])
    def test_T6_nobody_writes_nothing(self, world: World, two: tuple[Line, Line], tenant: str | None):
        with session(world.database, OWNER, tenant) as connection:
            for name in tables(world):
                done = connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
                assert done.rowcount == 0, name

    def test_T6_a_setting_that_is_no_id_shows_nothing_but_an_error(self, world: World, line: Line):
        with session(world.database, "api", "not-an-id") as connection:
            with pytest.raises(errors.InvalidTextRepresentation) as refused:
                connection.execute("SELECT * FROM contacts")
            assert str(line.organization_id) not in str(refused.value)

    def test_T6_the_setting_ends_with_its_transaction(self, world: World, line: Line):
        with psycopg.connect(world.database.url("leadsrally_api"), autocommit=True) as connection:
            with connection.transaction():
                connection.execute(
                    "SELECT set_config('leadsrally.organization_id', %s, true)", (str(line.organization_id),)
                )
                assert connection.execute("SELECT count(*) FROM channels").fetchone() == (1,)
            assert connection.execute("SELECT current_organization()").fetchone() == (None,)
            assert connection.execute("SELECT count(*) FROM channels").fetchone() == (0,)

    def test_a_partition_reached_directly_is_nobodys(self, world: World, two: tuple[Line, Line]):
        (part,) = {
            row["part"] for row in world.rows("SELECT tableoid::regclass::text AS part FROM delivery_log")
        }
        with session(world.database, OWNER, two[0].organization_id) as connection:
            assert ask(connection, "SELECT 1 FROM {table}", part) == []
        for role in GRANTS.keys() - {"backup"}:
            with (
                session(world.database, role, two[0].organization_id) as connection,
                pytest.raises(errors.InsufficientPrivilege),
            ):
                ask(connection, "SELECT 1 FROM {table}", part)

    def test_a_call_to_nobody_is_seen_by_nobody(self, world: World, line: Line):
        world.call("/webhooks/twilio/" + "k" * 32 + "/inbound", body=b"a=b")
        assert world.value("SELECT count(*) FROM delivery_log WHERE organization_id IS NULL") == 1
        with session(world.database, "api", line.organization_id) as connection:
            assert ask(connection, "SELECT 1 FROM {table}", "delivery_log") == []


class TestKeptConnection:
    def test_T7_two_tenants_take_turns_on_one_connection(self, world: World, two: tuple[Line, Line]):
        """Commits, errors of three kinds and cancelled statements between them; nobody ever meets the other."""
        db = Database(world.database.url("leadsrally_api"), connections=1)
        chance = Random(7)
        lines = [line.organization_id for line in two]
        contacts = {
            line: {
                row["id"]
                for row in world.rows("SELECT id FROM contacts WHERE organization_id = %(o)s", o=line)
            }
            for line in lines
        }
        backends: set[int] = set()

        def look(line: UUID) -> None:
            with db.tenant(line) as tx:
                assert set(tx.values("SELECT id FROM contacts", {})) == contacts[line]
                backends.add(tx.value("SELECT pg_backend_pid()", {}))

        def fall(line: UUID) -> None:
            with db.tenant(line) as tx:
                look_inside = set(tx.values("SELECT id FROM contacts", {}))
                assert look_inside == contacts[line]
                raise KeyError

        def stumble(line: UUID) -> None:
            with db.tenant(line) as tx:
                tx.value("SELECT 1/0", {})

        def linger(line: UUID) -> None:
            with db.tenant(line) as tx:
                tx.run("SET LOCAL statement_timeout = '2ms'", {})
                tx.value("SELECT pg_sleep(1)", {})

        def nobody(_line: UUID) -> None:
            with db.across() as tx:
                assert tx.values("SELECT id FROM contacts", {}) == []
            with db.session() as connection:
                assert connection.execute("SELECT id FROM contacts").fetchall() == []

        def alone(line: UUID) -> None:
            with db.single(line) as tx:
                assert tx.values("SELECT id FROM contacts", {}) == []

        expected = {fall: KeyError, stumble: errors.DivisionByZero, linger: Unavailable}
        for _ in range(200):
            act, line = (
                chance.choice([look, look, fall, stumble, linger, nobody, alone]),
                chance.choice(lines),
            )
            if act in expected:
                with pytest.raises(expected[act]):
                    act(line)
            else:
                act(line)
        for line in lines:
            look(line)
        assert len(backends) == 1  # it was one connection all along
        db.close()

    def test_T7_a_tenant_set_for_the_session_by_mistake_does_not_widen_the_next(
        self, world: World, two: tuple[Line, Line]
    ):
        mine, theirs = (line.organization_id for line in two)
        db = Database(world.database.url("leadsrally_api"), connections=1)
        with db.tenant(mine) as tx:
            tx.value("SELECT set_config('leadsrally.organization_id', %(o)s, false)", {"o": str(mine)})
        with db.tenant(theirs) as tx:
            assert tx.values("SELECT DISTINCT organization_id FROM contacts", {}) == [theirs]
        db.close()
