"""Roles hold what they need and no more, however often and by how many they are made."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql

from infra.local.provision import provision
from leadsrally.kit.db import Database, refuse_strong_role
from leadsrally.kit.errors import Misconfigured
from tests.database import TestDatabase, url_of

# Roles belong to the whole server: who makes strong ones and who looks for them run one after another.
pytestmark = pytest.mark.usefixtures("roles_alone")

FUNCTIONS = ["probe_reads", "probe_writes"]
ROLES = ["leadsrally_migrate", "leadsrally_probe_reads", "leadsrally_probe_writes"]


def admin_url(database: TestDatabase) -> str:
    return url_of(database.sockets, "postgres", "postgres")


def attributes(admin: psycopg.Connection[Any]) -> dict[str, tuple[bool, ...]]:
    rows = admin.execute(
        "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication"
        " FROM pg_roles WHERE rolname LIKE 'leadsrally%'"
    )
    return {row[0]: row[1:] for row in rows}


@pytest.fixture
def provisioned(unmade: TestDatabase) -> TestDatabase:
    provision(admin_url(unmade), unmade.name, functions=FUNCTIONS)
    return unmade


def test_no_role_has_a_power_of_the_server(provisioned: TestDatabase, admin: psycopg.Connection[Any]) -> None:
    found = attributes(admin)
    assert {role for role, (login, *_) in found.items() if not login} == {
        "leadsrally_owner",
        "leadsrally_lookup",
    }
    assert set(ROLES) < set(found)
    assert not any(power for _, *powers in found.values() for power in powers)


def test_a_second_time_takes_back_what_a_hand_gave(
    provisioned: TestDatabase, admin: psycopg.Connection[Any]
) -> None:
    before = attributes(admin)
    admin.execute("ALTER ROLE leadsrally_probe_reads SUPERUSER BYPASSRLS CREATEDB")
    provision(admin_url(provisioned), provisioned.name, functions=FUNCTIONS)
    assert attributes(admin) == before


def test_many_at_once_agree(unmade: TestDatabase, admin: psycopg.Connection[Any]) -> None:
    names = ["probe_race_a", "probe_race_b", "probe_race_c"]
    with ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(provision, admin_url(unmade), unmade.name, functions=names) for _ in range(6)]
        for run in runs:
            run.result()
    assert {f"leadsrally_{name}" for name in names} < set(attributes(admin))


def test_only_our_roles_may_connect(provisioned: TestDatabase, admin: psycopg.Connection[Any]) -> None:
    admin.execute("DROP ROLE IF EXISTS stranger")
    admin.execute("CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(provisioned.url("stranger"))
    for role in ROLES:
        psycopg.connect(provisioned.url(role)).close()
    admin.execute("DROP ROLE stranger")


def test_the_migrator_becomes_the_owner_and_the_look_up(provisioned: TestDatabase) -> None:
    with psycopg.connect(provisioned.url("leadsrally_migrate")) as session:
        session.execute("SET ROLE leadsrally_owner")
        session.execute("CREATE TABLE things (n int)")
        session.execute("GRANT CREATE ON SCHEMA public TO leadsrally_lookup")
        session.execute("GRANT SELECT ON things TO leadsrally_lookup")
        session.execute("SET ROLE leadsrally_lookup")
        session.execute(
            "CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public"
            " AS $$ SELECT count(*) FROM things $$"
        )
    with psycopg.connect(provisioned.url("leadsrally_probe_reads")) as session:
        assert session.execute("SELECT how_many()").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("SELECT * FROM things")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (n int)",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE mine (n int)",
        "SET ROLE leadsrally_owner",
        "SET ROLE leadsrally_lookup",
        "SET ROLE leadsrally_probe_writes",
        "SET SESSION AUTHORIZATION postgres",
        "CREATE ROLE mine",
    ],
)
def test_a_function_may_not(provisioned: TestDatabase, statement: str) -> None:
    with (
        psycopg.connect(provisioned.url("leadsrally_probe_reads")) as session,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        session.execute(statement)


def test_a_function_has_its_limits(provisioned: TestDatabase, admin: psycopg.Connection[Any]) -> None:
    with psycopg.connect(provisioned.url("leadsrally_probe_reads")) as session:
        shown = [
            session.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
            for name in ("search_path", "statement_timeout", "idle_in_transaction_session_timeout")
        ]
    assert shown == [("public",), ("25s",), ("30s",)]
    limit = admin.execute(
        "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'leadsrally_probe_reads'"
    ).fetchone()
    assert limit == (40,)


@pytest.mark.parametrize(
    ("role", "deadline"),
    [("leadsrally_webhook_twilio", 15), ("leadsrally_webhook_meta", 10)],  # seconds that the provider waits
)
def test_W17_a_webhook_that_tries_twice_answers_while_its_provider_waits(
    admin: psycopg.Connection[Any], role: str, deadline: int
) -> None:
    """What a lock that stays costs at most: two statements that are given up."""
    row = admin.execute("SELECT rolconfig FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    assert row is not None
    told = dict(setting.split("=", 1) for setting in row[0])
    assert 2 * int(told["statement_timeout"].removesuffix("s")) <= deadline


def test_start_up_accepts_a_function_and_refuses_the_migrator(provisioned: TestDatabase) -> None:
    database = Database(provisioned.url("leadsrally_probe_reads"))
    refuse_strong_role(database)
    database.close()
    strong = Database(provisioned.url("leadsrally_migrate"))
    with pytest.raises(Misconfigured, match="leadsrally_migrate"):
        refuse_strong_role(strong)
    strong.close()


def test_a_database_that_is_there_already_is_taken_over(
    unmade: TestDatabase, admin: psycopg.Connection[Any]
) -> None:
    """A managed Postgres comes with a database of its own."""
    admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unmade.name)))
    with psycopg.connect(unmade.url("postgres")) as session:
        session.execute("ALTER SCHEMA public OWNER TO postgres")
        session.execute("GRANT ALL ON SCHEMA public TO PUBLIC")
    provision(admin_url(unmade), unmade.name, functions=FUNCTIONS)
    with psycopg.connect(unmade.url("leadsrally_migrate")) as session:
        session.execute("SET ROLE leadsrally_owner")
        session.execute("CREATE TABLE things (n int)")
    with (
        psycopg.connect(unmade.url("leadsrally_probe_reads")) as session,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        session.execute("CREATE TABLE mine (n int)")


def test_passwords_reach_the_server_as_verifiers_only(
    unmade: TestDatabase, admin: psycopg.Connection[Any]
) -> None:
    passwords = {role: f"correct horse 'ü' {role}" for role in ROLES}
    provision(admin_url(unmade), unmade.name, passwords, functions=FUNCTIONS)
    kept = dict(admin.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY(%s)", (ROLES,)))
    assert len(kept) == len(ROLES)
    assert all(verifier.startswith("SCRAM-SHA-256$") for verifier in kept.values())


def test_a_missing_and_a_superfluous_password_are_told(unmade: TestDatabase) -> None:
    passwords = dict.fromkeys(ROLES, "x")
    with pytest.raises(Misconfigured, match="No password is given for the database role leadsrally_migrate"):
        provision(admin_url(unmade), unmade.name, passwords | {"leadsrally_migrate": ""}, functions=FUNCTIONS)
    with pytest.raises(Misconfigured, match="given for leadsrally_owner"):
        provision(admin_url(unmade), unmade.name, passwords | {"leadsrally_owner": "x"}, functions=FUNCTIONS)


@pytest.mark.parametrize("name", ["", "Upper", "a-b", "owner", "lookup", "migrate", "a" * 53, 'x"; DROP'])
def test_a_name_that_is_no_role_is_refused(unmade: TestDatabase, name: str) -> None:
    with pytest.raises(Misconfigured, match="function"):
        provision(admin_url(unmade), unmade.name, functions=[name])


def test_a_copy_for_a_test_is_as_closed_as_the_original(database: TestDatabase) -> None:
    with psycopg.connect(database.url()) as session:
        granted, owner = session.execute(
            "SELECT has_database_privilege('public', oid, 'CONNECT'), pg_get_userbyid(datdba)"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert (granted, owner) == (False, "leadsrally_owner")
    psycopg.connect(database.url("leadsrally_tick")).close()
