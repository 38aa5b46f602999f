"""The `leadsrally` command."""

import argparse
import os
import sys
from collections.abc import Sequence
from uuid import UUID

from leadsrally.kit.errors import LeadsRallyError


def main(given: Sequence[str] | None = None) -> int:
    """Run one verb; a known error is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="leadsrally", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    verb = verbs.add_parser("up", help="run everything on this machine, providers simulated")
    verb.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    verb.set_defaults(run=_up)

    verb = verbs.add_parser("serve", help="run all functions in one process, for production")
    verb.add_argument("--host", default="::")
    verb.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    verb.set_defaults(run=_serve)

    verb = verbs.add_parser("story", help="play the main job against a running `up` and check what is stored")
    verb.set_defaults(run=_story)

    verb = verbs.add_parser(
        "provision", help="make the roles and the database on a server (once, as its admin)"
    )
    verb.add_argument("admin_url")
    verb.set_defaults(run=_provision)

    verb = verbs.add_parser("migrate", help="bring the schema up to date")
    verb.add_argument("--phase", choices=("before", "after", "all"), default="before")
    verb.set_defaults(run=_migrate)

    verb = verbs.add_parser("sweep", help="keep the retention windows now")
    verb.add_argument("--dry-run", action="store_true", help="count what is due and delete nothing")
    verb.set_defaults(run=_sweep)

    verb = verbs.add_parser("clauses", help="check each clause of the privacy policy against the live system")
    verb.set_defaults(run=_clauses)

    _add_backups(verbs)
    _look(
        verbs.add_parser(
            "look", help="write down what was found at Sentry and at Railway, or ask Sentry itself"
        )
    )

    verb = verbs.add_parser("register", help="print the record of processing (GDPR Art. 30)")
    verb.add_argument("--format", choices=("md", "json"), default="md")
    verb.set_defaults(run=_register)

    verb = verbs.add_parser("keys", help="see and change the master keys that guard stored credentials")
    acts = verb.add_subparsers(dest="act", required=True, metavar="ACT")
    act = acts.add_parser("list", help="say which master keys are in use, and by how many secrets")
    act.set_defaults(run=_keys_list)
    act = acts.add_parser(
        "rotate",
        help="move every secret to the current master key",
        description="Moves every sealed secret to the first of the master keys (or to KMS, where it is set), in small"
        " batches, while everything goes on running. May be interrupted and started again at any time.",
    )
    act.add_argument(
        "--dry-run", action="store_true", help="open and count what would be moved, write nothing"
    )
    act.add_argument("--batch", type=_positive, default=100, help="secrets written at once (100)")
    act.set_defaults(run=_keys_rotate)

    _quarantine(
        verbs.add_parser("quarantine", help="see and retry what could not be taken of WhatsApp's deliveries")
    )

    _erasure(verbs.add_parser("erasure", help="what became of an erasure"))

    _incident(verbs.add_parser("incident", help="the register of breaches, the clock and the notices"))

    verb = verbs.add_parser("db-reset", help="erase the embedded database of this checkout")
    verb.add_argument("--yes", action="store_true", help="do not ask")
    verb.set_defaults(run=_db_reset)

    options = parser.parse_args(given)
    try:
        return options.run(options) or 0
    except LeadsRallyError as error:
        print(f"leadsrally: {error.sentence}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _up(options: argparse.Namespace) -> None:
    from infra.local.up import up

    up(options.port)


def _serve(options: argparse.Namespace) -> None:
    from infra.local.production import serve_production

    serve_production(options.host, options.port)


def _story(_options: argparse.Namespace) -> int:
    from infra.local.story import tell

    return tell()


def _provision(options: argparse.Namespace) -> None:
    from infra.local.production import provision_server

    provision_server(options.admin_url)


def _migrate(options: argparse.Namespace) -> None:
    from infra.local.migrate import migrate
    from infra.local.production import installation
    from infra.local.provision import MIGRATE

    for name in migrate(installation().role_url(MIGRATE), phase=options.phase):
        print(name)


def _sweep(options: argparse.Namespace) -> None:
    from infra.local.production import installation
    from infra.local.sweep import sweep

    sweep(installation(), dry_run=options.dry_run)


def _clauses(_options: argparse.Namespace) -> int:
    from infra.local.clauses import report
    from infra.local.production import installation

    return report(installation())


def _look(verb: argparse.ArgumentParser) -> None:
    from leadsrally.privacy.outside.store import SUBJECTS, VERDICTS

    acts = verb.add_subparsers(dest="act", required=True, metavar="ACT")
    act = acts.add_parser("list", help="say what was found last, by whom, and what is to be looked at")
    act.set_defaults(run=_look_list)
    act = acts.add_parser(
        "sentry",
        help="ask Sentry for events older than 30 days",
        description="Needs SENTRY_ORG, SENTRY_PROJECT and SENTRY_API_TOKEN (with project:read).",
    )
    act.set_defaults(run=_look_sentry)
    act = acts.add_parser("record", help="write down what you found")
    act.add_argument("subject", choices=SUBJECTS)
    act.add_argument("verdict", choices=VERDICTS, help="unused: nothing of ours is there")
    act.add_argument("--by", required=True, help="who looked")
    act.add_argument("--days", type=int, help="for how many days it is kept there at most")
    act.add_argument("--note", default="", help="in your own words, without anybody's data")
    act.set_defaults(run=_look_record)


def _look_list(_options: argparse.Namespace) -> int:
    from infra.local.look import list_looks
    from infra.local.production import installation

    return list_looks(installation())


def _look_sentry(_options: argparse.Namespace) -> int:
    from infra.local.look import ask_sentry
    from infra.local.production import installation

    return ask_sentry(installation())


def _look_record(options: argparse.Namespace) -> None:
    from infra.local.look import record
    from infra.local.production import installation

    record(
        installation(),
        options.subject,
        options.verdict,
        by=options.by,
        days=options.days,
        note=options.note,
    )


def _backup(_options: argparse.Namespace) -> None:
    from infra.local.backups.commands import back_up
    from infra.local.production import installation

    back_up(installation())


def _backups(_options: argparse.Namespace) -> int:
    from infra.local.backups.commands import list_backups
    from infra.local.production import installation

    return list_backups(installation())


def _add_backups(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "backup",
        help="make a sealed backup of the whole database, and delete those past their window",
        description="Dumps one consistent snapshot, seals it and puts it into the storage. Needs pg_dump of the server's"
        " version or a later one.",
    )
    verb.set_defaults(run=_backup)

    verb = verbs.add_parser("backups", help="list the backups that there are")
    verb.set_defaults(run=_backups)

    verb = verbs.add_parser(
        "restore",
        help="restore a backup into a new database, and open it once it has forgotten what was erased since",
        description="Makes the database and lets nobody in: it loads the backup, compares its rows, brings the schema up"
        " to date, erases again whatever was erased since, keeps the retention windows, holds back what was about to be"
        " sent, and only then opens. Stopped at any point, it may be started again.",
    )
    _as_admin(verb)
    verb.add_argument("--database", help="its name; made up of the backup's date when left out")
    verb.set_defaults(run=_restore)

    verb = verbs.add_parser(
        "rehearse-restore",
        help="play a restore through in databases that are thrown away",
        description="Restores the newest backup, and proves with two people who never lived that one who was erased stays"
        " away and one who was not comes back.",
    )
    _as_admin(verb)
    verb.set_defaults(run=_rehearse_restore)


def _as_admin(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "admin_url", nargs="?", help="a superuser's address on the server; that of `make up` when left out"
    )
    verb.add_argument("--backup", type=UUID, help="its id, as `leadsrally backups` shows it; the newest one")


def _restore(options: argparse.Namespace) -> None:
    from infra.local.backups.restore_commands import restore
    from infra.local.production import installation

    restore(installation(), options.admin_url, options.database, options.backup)


def _rehearse_restore(options: argparse.Namespace) -> None:
    from infra.local.backups.restore_commands import rehearse_restore
    from infra.local.production import installation

    rehearse_restore(installation(), options.admin_url, options.backup)


def _erasure(verb: argparse.ArgumentParser) -> None:
    acts = verb.add_subparsers(dest="act", required=True, metavar="ACT")
    act = acts.add_parser(
        "certificate",
        help="print the certificate of a finished erasure, of an account too",
        description="For whoever's account is gone. Nothing in it says who it was.",
    )
    act.add_argument("id", type=UUID, help="its number, as the mails about a deletion and the API say it")
    act.set_defaults(run=_erasure_certificate)


def _erasure_certificate(options: argparse.Namespace) -> None:
    from infra.local.erasure import print_certificate
    from infra.local.production import installation

    print_certificate(installation(), options.id)


def _register(options: argparse.Namespace) -> None:
    from leadsrally.privacy.record import as_json, as_markdown

    print(as_json() if options.format == "json" else as_markdown(), end="")


def _keys_list(_options: argparse.Namespace) -> int:
    from infra.local.keys import list_keys
    from infra.local.production import installation

    return list_keys(installation())


def _keys_rotate(options: argparse.Namespace) -> int:
    from infra.local.keys import rotate
    from infra.local.production import installation

    return rotate(installation(), dry_run=options.dry_run, batch=options.batch)


def _quarantine(verb: argparse.ArgumentParser) -> None:
    acts = verb.add_subparsers(dest="act", required=True, metavar="ACT")
    act = acts.add_parser("list", help="say how much is set aside, where and why")
    act.set_defaults(run=_quarantine_list)
    act = acts.add_parser(
        "replay",
        help="take what this version can read",
        description="Takes every kept piece again, oldest first, with the version that runs this. What was taken before"
        " is a repeat and changes nothing. May be interrupted and started again at any time.",
    )
    act.add_argument("--reason", help="only pieces that were set aside for this reason")
    act.add_argument("--dry-run", action="store_true", help="read and count, take nothing")
    act.set_defaults(run=_quarantine_replay)


def _quarantine_list(_options: argparse.Namespace) -> int:
    from infra.local.production import installation
    from infra.local.quarantine import list_quarantine

    return list_quarantine(installation())


def _quarantine_replay(options: argparse.Namespace) -> int:
    from infra.local.production import installation
    from infra.local.quarantine import replay

    return replay(installation(), reason=options.reason, dry_run=options.dry_run)


def _incident(verb: argparse.ArgumentParser) -> None:
    from infra.local.incident_acts import options

    options(verb)
    verb.set_defaults(run=_incident_act)


def _incident_act(options: argparse.Namespace) -> int:
    from infra.local.incident import run
    from infra.local.production import installation

    return run(installation(), options)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _db_reset(options: argparse.Namespace) -> int:
    import shutil

    from infra.local.files import STORAGE
    from infra.local.postgres import erase

    if (
        not options.yes
        and input("Erase the database and the files under .leadsrally/? Type yes: ").strip() != "yes"
    ):
        print("Nothing was erased.")
        return 1
    erase()
    shutil.rmtree(STORAGE, ignore_errors=True)  # files that no row would speak of
    print("Erased. The next `make up` begins afresh.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
