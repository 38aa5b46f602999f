"""The packaged functions under Lambda's own bootstrap: their zip, the layer, their settings, their database role."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from infra.local.functions import PROJECT
from infra.simulators.meta import MetaApp, Template, Token, Waba, WhatsAppNumber
from infra.simulators.running import Running
from infra.simulators.serve import mount
from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.messaging.channels.ask_provider import ask_provider
from tests.aws import events
from tests.aws.bootstrap import FUNCTIONS, Bootstrap, Package
from tests.aws.emulator import PROGRAM, Emulator
from tests.aws.runtime_api import LONGEST_RESPONSE, Answered, Failed
from tests.world import SETTINGS, Line, MetaLine, World

PHONE = "+12025550101"
BODY = "Is the canary-yellow tandem still there? My name is Wilhelmina."
API_KEY = "sk-ant-canary-0123456789"

needs_emulator = pytest.mark.skipif(
    not PROGRAM.exists(), reason="no emulator of AWS: `make .venv-aws/ready` installs it"
)

_PROBE = """
import importlib.util, sys, time

def handler(event, context):
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "bytes" in event:
        return "x" * event["bytes"]
    if "fail" in event:
        raise ValueError(event["fail"])
    import leadsrally.runtime
    return {
        "leadsrally": leadsrally.__file__,
        "compiled": leadsrally.runtime.__cached__,
        "path": sys.path,
        "infra": importlib.util.find_spec("infra") is not None,
        "pytest": importlib.util.find_spec("pytest") is not None,
        "name": context.function_name,
        "left": context.get_remaining_time_in_millis(),
    }
"""


def settings_of(function: str, world: World, **more: str) -> dict[str, str]:
    """What serverless.yml gives the function and nothing else, with the function's own database role."""
    given = {**SETTINGS, "DATABASE_URL": world.database.url(f"leadsrally_{function}"), **more}
    return {name: value for name, value in given.items() if name in FUNCTIONS[function].settings}


def answer(box: Bootstrap, event: Any) -> Any:
    outcome = box.invoke(event)
    assert isinstance(outcome, Answered), f"{outcome}\n{box.said()}"
    return outcome.payload


def assert_silent(box: Bootstrap, *secrets: str) -> None:
    """Nothing of a person or a secret reached the log, in any of the usual disguises."""
    said = box.said()
    canaries = {PHONE, PHONE[1:], "Wilhelmina", "canary", API_KEY, SETTINGS["LEADSRALLY_HASH_KEY"], *secrets}
    found = [canary for canary in canaries if canary in said]
    assert not found, f"{found} in:\n{said}"
    for line in said.splitlines():
        assert "event" in json.loads(line), line  # our own lines only: nobody else speaks


@pytest.fixture
def probe(packaged: Package, tmp_path: Path) -> Path:
    (tmp_path / "probe.py").write_text(_PROBE)
    return tmp_path


@pytest.fixture
def webhook(packaged: Package, aws: World) -> Iterator[Bootstrap]:
    with Bootstrap(packaged, "webhook_twilio", settings_of("webhook_twilio", aws)) as box:
        yield box


def test_everything_comes_from_the_layer_and_nothing_from_this_checkout(
    packaged: Package, probe: Path
) -> None:
    with Bootstrap(packaged, "tick", {}, handler="probe.handler", root=probe) as box:
        seen = answer(box, {})
    assert seen["leadsrally"] == str(packaged.layer / "leadsrally" / "__init__.py")
    assert Path(seen["compiled"]).is_file()
    assert seen["infra"] is False
    assert seen["pytest"] is False
    assert not [entry for entry in seen["path"] if str(PROJECT) in entry or "site-packages" in entry]
    assert seen["name"] == "leadsrally-test-tick"
    assert 0 < seen["left"] <= FUNCTIONS["tick"].timeout_seconds * 1000


@pytest.mark.parametrize("base64_body", [False, True])
def test_signed_text_is_stored_once(webhook: Bootstrap, aws: World, sms: Line, base64_body: bool) -> None:
    event = events.text(sms, BODY, sender=PHONE, sid=f"SM{uuid4().hex}", base64_body=base64_body)
    first = answer(webhook, event)
    again = answer(webhook, event)

    assert (
        first
        == again
        == {
            "statusCode": 200,
            "headers": {"content-type": "text/xml"},
            "body": "<Response/>",
        }
    )
    stored = aws.row(
        """SELECT m.body, m.direction, p.phone, m.organization_id
             FROM messages m
             JOIN conversations c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
             JOIN contacts p ON p.organization_id = c.organization_id AND p.id = c.contact_id"""
    )
    assert stored == {
        "body": BODY,
        "direction": "inbound",
        "phone": PHONE,
        "organization_id": sms.organization_id,
    }
    calls = aws.rows("SELECT outcome, http_status, host(source_ip) AS ip FROM delivery_log ORDER BY id")
    assert [call["outcome"] for call in calls] == ["stored", "duplicate"]
    assert {(call["http_status"], call["ip"]) for call in calls} == {(200, "203.0.113.7")}
    assert aws.value("SELECT count(*) FROM jobs WHERE queue = 'ai_score'") == 1
    assert_silent(webhook, sms.auth_token, sms.key)


def test_forged_text_is_refused_and_logged(webhook: Bootstrap, aws: World, sms: Line) -> None:
    refused = answer(
        webhook, events.text(sms, BODY, sender=PHONE, sid=f"SM{uuid4().hex}", signature="bm90IHNpZ25lZA==")
    )

    assert refused["statusCode"] == 403
    assert refused["headers"]["content-type"] == "application/problem+json"
    assert aws.row("SELECT outcome, reason, http_status, organization_id FROM delivery_log") == {
        "outcome": "refused",
        "reason": "signature",
        "http_status": 403,
        "organization_id": sms.organization_id,
    }
    assert aws.value("SELECT count(*) FROM messages") == 0
    assert_silent(webhook, sms.auth_token, sms.key)


def test_bell_asks_the_model_and_a_poisoned_record_goes_back(
    packaged: Package, aws: World, sms: Line, providers: Running
) -> None:
    job_id = _to_be_scored(aws, sms)
    event = events.sqs("ai_score", json.dumps({"job": str(job_id)}), "no json", json.dumps({"job": 7}))
    base_url = f"{providers.base_url}/simulators/anthropic"
    settings = settings_of("ai_score", aws, ANTHROPIC_API_KEY=API_KEY, ANTHROPIC_BASE_URL=base_url)
    with Bootstrap(packaged, "ai_score", settings) as box:
        result = answer(box, event)
        assert_silent(box)

    poisoned = [{"itemIdentifier": record["messageId"]} for record in event["Records"][1:]]
    assert result == {"batchItemFailures": poisoned}
    assert aws.row("SELECT outcome, model <> '' AS named FROM scores") == {"outcome": "scored", "named": True}
    assert aws.value("SELECT count(*) FROM disclosures WHERE subprocessor = 'anthropic'") == 1
    assert aws.value("SELECT count(*) FROM jobs") == 0


def test_bell_sends_a_reply_through_twilios_own_client(
    packaged: Package, aws: World, sms: Line, providers: Running
) -> None:
    aws.line(aws.organization("Another"))  # whose credentials this send must not meet
    conversation_id = aws.conversation(sms, PHONE)
    message_id = aws.reply(sms, conversation_id, BODY)
    job_id = aws.value("SELECT id FROM jobs WHERE queue = 'send_message'")
    settings = settings_of("send_message", aws, TWILIO_BASE_URL=f"{providers.base_url}/simulators/twilio")
    with Bootstrap(packaged, "send_message", settings) as box:
        assert answer(box, events.bell("send_message", job_id)) == {"batchItemFailures": []}
        assert answer(box, events.bell("send_message", job_id)) == {"batchItemFailures": []}
        assert_silent(box, sms.auth_token)

    sent = aws.message(message_id)
    assert sent["status"] in ("queued", "sent", "accepted")
    assert sent["provider_message_id"].startswith("SM")


def test_bell_points_a_number_at_us_through_twilios_own_client(
    packaged: Package, aws: World, sms: Line, providers: Running
) -> None:
    with runtime.of("api").db.tenant(sms.organization_id) as tx:
        task_id = ask_provider(tx, sms.organization_id, "configure", sms.id, actor=SYSTEM, now=aws.clock.now)
    job_id = aws.value("SELECT id FROM jobs")
    settings = settings_of("manage_channel", aws, TWILIO_BASE_URL=f"{providers.base_url}/simulators/twilio")
    with Bootstrap(packaged, "manage_channel", settings) as box:
        assert answer(box, events.bell("manage_channel", job_id)) == {"batchItemFailures": []}
        (test,) = [row["id"] for row in aws.rows("SELECT id FROM jobs")]
        assert answer(box, events.bell("manage_channel", test)) == {"batchItemFailures": []}
        assert_silent(box, sms.auth_token)
    assert aws.value("SELECT state FROM channel_tasks WHERE id = %(id)s", id=task_id) == "done"
    checks = {check["check"]: check["state"] for check in aws.value("SELECT checks FROM channels")}
    assert checks["webhook"] == "passed"


def test_bell_mails_a_person_and_the_report_about_it_is_heard(
    packaged: Package, aws: World, sms: Line, providers: Running
) -> None:
    owner = aws.user(aws.organization("Third"), email="canary-owner@example.test")
    org_id = aws.value("SELECT organization_id FROM users")
    job_id = aws.notify(org_id, "password_changed", user_id=owner)
    settings = settings_of("notify", aws, RESEND_BASE_URL=f"{providers.base_url}/simulators/resend")
    with Bootstrap(packaged, "notify", settings) as box:
        assert answer(box, events.bell("notify", job_id)) == {"batchItemFailures": []}
        assert answer(box, events.bell("notify", job_id)) == {"batchItemFailures": []}
        assert_silent(box)
    notice = aws.row("SELECT id, organization_id, state, provider_id IS NOT NULL AS known FROM notices")
    assert (notice["state"], notice["known"]) == ("taken", True)

    aws.clock.now = datetime.now(UTC)
    told = aws.mail_event(
        "email.complained", organization_id=org_id, notice_id=notice["id"], subject="Für canary-owner 🚲"
    )
    with Bootstrap(packaged, "webhook_resend", settings_of("webhook_resend", aws)) as box:
        for base64_body in (False, True):
            event = events.mail_report(
                told, SETTINGS["RESEND_WEBHOOK_SECRETS"], "msg_1", base64_body=base64_body
            )
            assert answer(box, event)["statusCode"] == 200
        forged = events.mail_report(told, "whsec_" + "eHh4" * 8, "msg_2")
        assert answer(box, forged)["statusCode"] == 403
        assert_silent(box)
    assert aws.value("SELECT mail_blocked_because FROM users") == "complained"
    outcomes = aws.rows("SELECT outcome FROM delivery_log WHERE provider = 'resend' ORDER BY id")
    assert [row["outcome"] for row in outcomes] == ["applied", "duplicate", "refused"]


@needs_emulator
def test_bell_brings_a_picture_into_the_bucket(
    packaged: Package, aws: World, sms: Line, providers: Running, tmp_path: Path
) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + b"canary" * 1000
    twilio = f"{providers.base_url}/simulators/twilio"
    url = _kept_at(twilio, sms, picture)
    aws.text(sms, BODY, sender=PHONE, NumMedia="1", MediaUrl0=url, MediaContentType0="image/png")
    job_id = aws.value("SELECT id FROM jobs WHERE queue = 'fetch_media'")
    with Emulator(tmp_path) as emulator:
        s3 = emulator.client("s3")
        s3.create_bucket(Bucket="files", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        settings = settings_of("fetch_media", aws, TWILIO_BASE_URL=twilio, LEADSRALLY_BUCKET="files")
        with Bootstrap(packaged, "fetch_media", settings, reach={"AWS_ENDPOINT_URL": emulator.url}) as box:
            assert answer(box, events.bell("fetch_media", job_id)) == {"batchItemFailures": []}
            assert answer(box, events.bell("fetch_media", job_id)) == {"batchItemFailures": []}
            assert_silent(box, sms.auth_token)
        row = aws.row("SELECT id, state, content_type FROM media")
        assert (row["state"], row["content_type"]) == ("stored", "image/png")
        (held,) = s3.list_objects_v2(Bucket="files")["Contents"]
        assert held["Key"] == f"{sms.organization_id}/media/{row['id']}"
        assert s3.get_object(Bucket="files", Key=held["Key"])["Body"].read() == picture


@pytest.fixture
def at_meta(aws: World) -> Iterator[tuple[MetaLine, str]]:
    """A WhatsApp number that nobody has tested for two days, and the address of the simulated Meta."""
    line = aws.whatsapp_line(aws.organization("Fourth"), created_at=aws.clock.now - timedelta(days=2))
    body = {"type": "BODY", "text": "Hi {{1}}"}
    waba = Waba(
        line.waba_id or "",
        [WhatsAppNumber(line.phone_number_id or "", line.number or "")],
        [Template("ready", "en_US", "UTILITY", [body])],
    )
    app = MetaApp(line.app_id, line.app_secret, [Token(line.access_token)], wabas=[waba])
    with Running(mount([], apps=[app])) as running:
        yield line, f"{running.base_url}/simulators/meta"


def test_hour_and_bell_bring_an_accounts_templates(
    packaged: Package, aws: World, at_meta: tuple[MetaLine, str]
) -> None:
    line, meta = at_meta
    with Bootstrap(packaged, "template_sync", settings_of("template_sync", aws, META_BASE_URL=meta)) as box:
        assert answer(box, events.schedule()) == {"asked": 1}
        job_id = aws.value("SELECT id FROM jobs WHERE queue = 'template_sync'")
        assert answer(box, events.bell("template_sync", job_id)) == {"batchItemFailures": []}
        assert_silent(box, line.access_token, line.app_secret)
    stored = aws.row("SELECT waba_id, name, state FROM templates")
    assert stored == {"waba_id": line.waba_id, "name": "ready", "state": "approved"}


def test_hour_and_bell_test_a_channel_at_meta(
    packaged: Package, aws: World, at_meta: tuple[MetaLine, str]
) -> None:
    line, meta = at_meta
    with Bootstrap(packaged, "manage_channel", settings_of("manage_channel", aws, META_BASE_URL=meta)) as box:
        assert answer(box, events.schedule()) == {"tests": 1, "warnings": 0}
        aws.execute("UPDATE jobs SET run_at = created_at")
        job_id = aws.value("SELECT id FROM jobs WHERE kind = 'retest'")
        assert answer(box, events.bell("manage_channel", job_id)) == {"batchItemFailures": []}
        assert_silent(box, line.access_token, line.app_secret)
    found = aws.row("SELECT checks, health, trouble FROM channels WHERE kind = 'whatsapp'")
    states = {check["check"]: check["state"] for check in found["checks"]}
    assert (states["token"], states["number"], states["callback"]) == ("passed", "passed", "failed")
    assert (found["health"], found["trouble"]) == ("available", "callback_missing")


@needs_emulator
def test_bell_brings_a_whatsapp_picture_into_the_bucket(
    packaged: Package, aws: World, at_meta: tuple[MetaLine, str], tmp_path: Path
) -> None:
    line, meta = at_meta
    picture = b"\x89PNG\r\n\x1a\n" + b"canary" * 1000
    kept = httpx.post(
        f"{meta}/v26.0/{line.phone_number_id}/media",
        headers={"authorization": f"Bearer {line.access_token}"},
        data={"messaging_product": "whatsapp", "type": "image/png"},
        files={"file": ("picture.png", picture, "image/png")},
        trust_env=False,
    ).json()["id"]
    image = {"id": kept, "mime_type": "image/png", "sha256": "x"}
    assert aws.whatsapp(line, type="image", image=image).status == 200
    job_id = aws.value("SELECT id FROM jobs WHERE queue = 'fetch_media'")
    with Emulator(tmp_path) as emulator:
        s3 = emulator.client("s3")
        s3.create_bucket(Bucket="files", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        settings = settings_of("fetch_media", aws, META_BASE_URL=meta, LEADSRALLY_BUCKET="files")
        with Bootstrap(packaged, "fetch_media", settings, reach={"AWS_ENDPOINT_URL": emulator.url}) as box:
            assert answer(box, events.bell("fetch_media", job_id)) == {"batchItemFailures": []}
            assert_silent(box, line.access_token, line.app_secret)
        assert aws.rows("SELECT error FROM jobs WHERE queue = 'fetch_media'") == []
        assert aws.row("SELECT state, reason FROM media") == {"state": "stored", "reason": None}
        (held,) = s3.list_objects_v2(Bucket="files")["Contents"]
        assert s3.get_object(Bucket="files", Key=held["Key"])["Body"].read() == picture


def _kept_at(twilio: str, line: Line, picture: bytes) -> str:
    """Lets a phone send the picture; its address at Twilio."""
    sent = {"content_type": "image/png", "data": base64.b64encode(picture).decode()}
    order = {"to": line.number, "body": None, "media": [sent]}
    httpx.post(f"{twilio}/_sim/phones/{PHONE}/text", json=order, trust_env=False)
    (phone,) = httpx.get(f"{twilio}/_sim/phones", trust_env=False).json()["phones"]
    return phone["messages"][0]["media"][0]


@pytest.mark.parametrize("dry_run", [False, True])
def test_schedule_sweeps_and_records_the_run(
    packaged: Package, aws: World, dry_run: bool, tmp_path: Path
) -> None:
    aged = datetime.now(UTC) - timedelta(days=100)
    aws.execute("SELECT delivery_log_make_day(%(day)s)", day=aged.date())
    aws.execute(
        """INSERT INTO delivery_log (received_at, id, provider, kind, outcome, http_status, bytes, request_id)
           VALUES (%(at)s, gen_random_uuid(), 'twilio', 'inbound', 'stored', 200, 10, 'r')""",
        at=aged,
    )
    settings = settings_of("retention_sweep", aws, LEADSRALLY_STORAGE_DIR=str(tmp_path))
    with Bootstrap(packaged, "retention_sweep", settings) as box:
        # A custom input of the Scheduler arrives without any envelope.
        runs = answer(box, {"dry_run": True} if dry_run else events.schedule())["runs"]
        assert_silent(box)

    due = {run["rule"]: (run["due_before"], run["deleted"], run["due_after"]) for run in runs}
    assert due.pop("delivery_log") == (1, int(not dry_run), int(dry_run))
    assert set(due.values()) == {(0, 0, 0)}
    kept = aws.rows("SELECT rule, dry_run, deleted, finished_at IS NOT NULL AS finished FROM sweep_runs")
    assert sorted(kept, key=itemgetter("rule")) == [
        {"rule": run["rule"], "dry_run": dry_run, "deleted": run["deleted"], "finished": True}
        for run in sorted(runs, key=itemgetter("rule"))
    ]
    assert aws.value("SELECT count(*) FROM delivery_log") == int(dry_run)


def test_tick_survives_a_deaf_bell(packaged: Package, aws: World, sms: Line, closed_port: int) -> None:
    _to_be_scored(aws, sms)
    queues = f"http://127.0.0.1:{closed_port}/123456789012/leadsrally-test-"
    with Bootstrap(packaged, "tick", settings_of("tick", aws, LEADSRALLY_QUEUES=queues)) as box:
        counts = answer(box, events.schedule())
        assert_silent(box)
        assert "bell.failed" in box.said()

    assert counts == {
        "rescued": 0,
        "rung_ai_score": 1,
        "rung_automation": 0,
        "rung_bulk_contacts": 0,
        "rung_erase": 0,
        "rung_export": 0,
        "rung_fetch_lead": 0,
        "rung_fetch_media": 0,
        "rung_import_contacts": 0,
        "rung_lead_catch_up": 0,
        "rung_manage_channel": 0,
        "rung_provider_delete": 0,
        "rung_send_message": 0,
        "rung_notify": 0,
        "rung_template_sync": 0,
    }
    assert aws.value("SELECT count(*) FROM jobs WHERE state = 'queued' AND rung_at IS NOT NULL") == 1


def test_api_answers_through_mangum(packaged: Package, aws: World, sms: Line) -> None:
    aws.user(aws.organization("Third"), email="owner@example.test", password="canary-pass-word")
    with Bootstrap(packaged, "api", settings_of("api", aws)) as box:
        healthy = answer(box, events.http("GET", "/healthz", "/healthz", headers={}))
        logged_in = answer(
            box,
            events.http(
                "POST",
                "/v1/{proxy+}",
                "/v1/auth/login",
                headers={"content-type": "application/json"},
                parameters={"proxy": "auth/login"},
                body=json.dumps({"email": "owner@example.test", "password": "canary-pass-word"}),
            ),
        )
        token = json.loads(logged_in["body"])["access_token"]
        me = answer(
            box,
            events.http(
                "GET",
                "/v1/{proxy+}",
                "/v1/me",
                headers={"authorization": f"Bearer {token}"},
                parameters={"proxy": "me"},
            ),
        )
        unknown = answer(box, events.http("GET", "/v1/{proxy+}", "/v1/me", headers={}))
        assert_silent(box, token, "owner@example.test")

    assert (healthy["statusCode"], logged_in["statusCode"], me["statusCode"]) == (200, 200, 200)
    assert json.loads(me["body"])["email"] == "owner@example.test"
    assert unknown["statusCode"] == 401


def test_error_that_must_escape_arrives_without_its_text(
    packaged: Package, aws: World, closed_port: int
) -> None:
    """Postgres is away: the batch must come again, and the runtime prints whatever the handler raised."""
    url = f"postgresql://leadsrally_ai_score:canary-password@127.0.0.1:{closed_port}/nowhere"
    with Bootstrap(packaged, "ai_score", {**settings_of("ai_score", aws), "DATABASE_URL": url}) as box:
        outcome = box.invoke(events.bell("ai_score", uuid4()))
        said = box.said()

    assert isinstance(outcome, Failed)
    assert outcome.kind == "Crash"
    assert outcome.message == "leadsrally.kit.errors.Unavailable database"
    assert "canary" not in outcome.text + said
    assert str(closed_port) not in outcome.text + said


def test_production_refuses_a_connection_that_is_not_pinned(packaged: Package, aws: World, sms: Line) -> None:
    settings = {**settings_of("webhook_twilio", aws), "LEADSRALLY_ENV": "production"}
    with Bootstrap(packaged, "webhook_twilio", settings) as box:
        refused = answer(box, events.text(sms, BODY, sender=PHONE, sid=f"SM{uuid4().hex}"))
        assert_silent(box, sms.auth_token)
    assert refused["statusCode"] >= 500  # so that Twilio tries again when it is put right
    assert aws.value("SELECT count(*) FROM messages") == 0


def test_layer_that_is_missing_arrives_as_an_init_error(packaged: Package, aws: World) -> None:
    with Bootstrap(packaged, "webhook_twilio", settings_of("webhook_twilio", aws), layers=False) as box:
        outcome = box.invoke({})
        assert isinstance(outcome, Failed)
        assert outcome.kind == "Runtime.ImportModuleError"
        assert re.search("No module named 'leadsrally'", outcome.message)
        assert box.exit_code() == 1


def test_what_lambda_enforces_from_outside(packaged: Package, probe: Path) -> None:
    with Bootstrap(packaged, "tick", {}, handler="probe.handler", root=probe, timeout=1.0) as box:
        failed = box.invoke({"fail": "as it must"})
        assert isinstance(failed, Failed)
        assert (failed.kind, failed.message) == ("ValueError", "as it must")
        late = box.invoke({"sleep": 30})
        assert isinstance(late, Failed)
        assert late.kind == "Sandbox.Timedout"
        assert box.exit_code() == -9
    with Bootstrap(packaged, "tick", {}, handler="probe.handler", root=probe) as box:
        assert isinstance(box.invoke({"bytes": LONGEST_RESPONSE - 2}), Answered)
        large = box.invoke({"bytes": LONGEST_RESPONSE})
        assert isinstance(large, Failed)
        assert large.kind == "Function.ResponseSizeTooLarge"


def test_lambdas_own_python_serves_the_same(
    packaged_313: Package, aws: World, sms: Line, providers: Running
) -> None:
    with Bootstrap(packaged_313, "webhook_twilio", settings_of("webhook_twilio", aws)) as box:
        stored = answer(box, events.text(sms, BODY, sender=PHONE, sid=f"SM{uuid4().hex}", base64_body=True))
        assert (stored["statusCode"], stored["body"]) == (200, "<Response/>")
        assert_silent(box, sms.auth_token)
    aws.execute("UPDATE jobs SET run_at = run_at - interval '1 minute'")
    base_url = f"{providers.base_url}/simulators/anthropic"
    settings = settings_of("ai_score", aws, ANTHROPIC_API_KEY=API_KEY, ANTHROPIC_BASE_URL=base_url)
    with Bootstrap(packaged_313, "ai_score", settings) as box:
        job_id = aws.value("SELECT id FROM jobs WHERE queue = 'ai_score'")
        assert answer(box, events.bell("ai_score", job_id)) == {"batchItemFailures": []}
        assert_silent(box)
    assert aws.value("SELECT count(*) FROM scores") == 1
    with Bootstrap(packaged_313, "retention_sweep", settings_of("retention_sweep", aws)) as box:
        assert answer(box, events.schedule())["due_after"] == 0


def _to_be_scored(world: World, line: Line) -> Any:
    """A text has arrived; returns the id of the job that will score it, due by now."""
    assert world.text(line, BODY, sender=PHONE).status == 200
    return world.value("SELECT id FROM jobs WHERE queue = 'ai_score' AND run_at < now()")
