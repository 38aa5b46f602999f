"""One list of functions, two hosts: what serverless.yml declares is there, is served, and may do its work only."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from functions.api.handler import app
from functions.api.permissions import operations
from functions.tick import handler as tick
from infra.local.bells import Bells, event_for
from infra.local.context import Context
from infra.local.functions import PROJECT, Function, declaration, load
from infra.local.gateway import Routes
from infra.local.schedules import next_time
from infra.simulators.meta import MetaApp, Token, Waba, WhatsAppNumber
from infra.simulators.meta.accounts import Lead, LeadForm, Page
from infra.simulators.running import Running
from infra.simulators.serve import TwilioAccount, TwilioNumber, mount
from infra.simulators.twilio import TwilioSimulator
from infra.simulators.twilio.media import File
from leadsrally import runtime
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.clock import system_clock
from leadsrally.kit.settings import SETTINGS, Settings
from leadsrally.messaging.media.send import queue_files
from leadsrally.privacy.erasure.erase_organization import PURPOSES
from leadsrally.providers.anthropic.scorer import AnthropicScorer
from leadsrally.runtime import Runtime
from tests import world as worlds
from tests.aws.stack import resources
from tests.sending.whatsapp import thread
from tests.uploading import uploaded
from tests.world import Line, MetaLine, World

FUNCTIONS = {function.name: function for function in load()}
QUEUES = [function for function in load() if function.queue]
SCHEDULED = [function for function in load() if function.schedules]
OPERATIONS = list(operations(app.routes))
ROUTES = [(function, method, path) for function in load() for method, path in function.routes]

# What answers without knowing who asks. Anything else must be added here by hand, and be defended in review.
PUBLIC = {
    ("GET", "/docs"),
    ("GET", "/healthz"),
    ("GET", "/openapi.json"),
    ("POST", "/v1/auth/login"),
    ("POST", "/v1/auth/refresh"),
    ("POST", "/v1/auth/accept"),
    ("POST", "/v1/auth/signup"),
    ("POST", "/v1/auth/verify"),
    ("POST", "/v1/auth/forgot"),
    ("POST", "/v1/auth/reset"),
    ("POST", "/v1/auth/email"),
    ("GET", "/policy"),
    ("HEAD", "/policy"),
    ("GET", "/policy.json"),
    ("GET", "/policy/status"),
    ("HEAD", "/policy/status"),
    ("GET", "/policy/status.json"),
    ("GET", "/policy/versions/{dated}"),
    ("HEAD", "/policy/versions/{dated}"),
    ("GET", "/subprocessors"),
    ("HEAD", "/subprocessors"),
    ("GET", "/subprocessors.json"),
}

# From outside, seconds: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
_LONGEST_HTTP = 30
_LONGEST_LAMBDA = 900


def named(function: Function) -> str:
    return function.name


def entry(function: Function) -> dict[str, Any]:
    return declaration()["functions"][function.name]


# -- the list and the folders -----------------------------------------------------------------------------


def test_every_function_has_a_door_and_every_door_is_declared() -> None:
    doors = {path.parent.name for path in (PROJECT / "functions").glob("*/handler.py")}
    assert doors == set(FUNCTIONS)
    for function in load():
        assert entry(function)["handler"] == f"functions/{function.name}/handler.handler"
        assert callable(function.handler())


@pytest.mark.parametrize("function", load(), ids=named)
def test_zip_holds_the_functions_own_folder_and_no_other(function: Function) -> None:
    assert entry(function)["package"]["patterns"] == [
        "!**",
        "functions/__init__.py",
        f"functions/{function.name}/**",
        "!**/__pycache__/**",
    ]


def test_no_door_imports_another() -> None:
    for path in (PROJECT / "functions").rglob("*.py"):
        own = path.relative_to(PROJECT / "functions").parts[0]
        imported = set(
            re.findall(r"^\s*(?:from|import) functions\.(\w+)", path.read_text("utf-8"), re.MULTILINE)
        )
        assert imported <= {own}, path


@pytest.mark.parametrize("function", load(), ids=named)
def test_memory_and_time_are_sane(function: Function) -> None:
    assert 256 <= function.memory_mb <= 3008
    assert function.timeout_seconds < (_LONGEST_HTTP if function.routes else _LONGEST_LAMBDA)
    if function.schedules:
        now = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
        pause = min((next_time(rate, now) - now).total_seconds() for rate in function.schedules)
        assert function.timeout_seconds < pause, "the next ring would find this one still at work"


# -- the one-process host ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "method", "path"), ROUTES, ids=lambda value: str(getattr(value, "name", value))
)
def test_route_is_served_by_the_one_process_host(function: Function, method: str, path: str) -> None:
    asked = re.sub(r"\{\w+\+?\}", "some-thing", path)
    matched = Routes(load()).match("PATCH" if method == "*" else method, asked)
    assert matched is not None
    assert matched[0].function == function


@pytest.mark.parametrize("function", SCHEDULED, ids=named)
def test_schedule_is_kept_by_the_one_process_host(function: Function) -> None:
    now = system_clock()
    for expression in function.schedules:
        assert next_time(expression, now) > now


def test_queues_are_rung_on_both_hosts(world: World) -> None:
    names = {function.name for function in QUEUES}
    assert set(tick.QUEUES) == names
    bells = Bells(load(), world.bells, world.database.url("leadsrally_tick"), world.clock)
    assert set(bells._queues) == names


def test_every_path_of_the_api_is_routed_to_it() -> None:
    routes = Routes(load())
    for method, path, _ in OPERATIONS:
        matched = routes.match(method, re.sub(r"\{\w+\}", "x", path))
        assert matched is not None, path
        assert matched[0].function.name == "api"


# -- who may ask ------------------------------------------------------------------------------------------


def test_every_route_of_the_api_asks_who_is_there(world: World) -> None:
    """A route that is not public names the action it needs, and answers nobody without a token."""
    assert len(OPERATIONS) > 10
    assert {(method, path) for method, path, permit in OPERATIONS if permit is None} <= PUBLIC
    answered: set[tuple[str, str]] = set()
    for method, path, _ in OPERATIONS:
        asked = re.sub(r"\{\w+\}", str(uuid4()), path)
        headers = {"host": "api.example.test", "content-type": "application/json"}
        if world.call(asked, method=method, headers=headers).status != 401:
            answered.add((method, path))
    assert answered <= PUBLIC


def test_every_other_route_refuses_what_is_not_signed(world: World, org: worlds.Org, line: Line) -> None:
    """Also an address that exists: a genuine key is no proof of who calls, and opens no other provider's door."""
    page = world.lead_page(org)
    for function, method, path in ROUTES:
        if function.name == "api" or (method, path) in PUBLIC:
            continue
        own, other = (page, line) if function.name == "webhook_meta" else (line, page)
        keys = [(own.key, 403), (other.key, 404), ("no-such-channel-key-at-all", 404)]
        for key, status in keys if "{channel_key}" in path else keys[:1]:
            answer = world.call(
                path.replace("{channel_key}", key),
                method=method,
                headers={"content-type": "application/x-www-form-urlencoded"},
                body=b"Body=hello",
            )
            # Of a link that is none only the person who holds it is told, and in a page.
            assert answer.status == (404 if function.name == "unsubscribe" else status), path
    assert world.value("SELECT count(*) FROM messages") == 0


def test_public_routes_exist() -> None:
    """A name that is left over would let in whatever is built at that address next."""
    routes = Routes(load())
    assert all(routes.match(method, path) for method, path in PUBLIC)


# -- settings ---------------------------------------------------------------------------------------------


def test_every_setting_that_is_declared_is_known() -> None:
    known = {setting.name for setting in SETTINGS}
    for function in load():
        assert function.settings <= known, function.name


def test_every_setting_that_is_known_is_given_to_somebody() -> None:
    assert {setting.name for setting in SETTINGS} == set().union(*(function.settings for function in load()))


def test_secrets_never_stand_in_the_list_itself() -> None:
    """They come from the parameter store; a default in the file would be one everybody knows."""
    secret = {setting.name for setting in SETTINGS if setting.secret}
    for place in (declaration()["provider"], *declaration()["functions"].values()):
        for name, value in place.get("environment", {}).items():
            if name in secret:
                assert re.fullmatch(r"\$\{ssm:/leadsrally/\$\{sls:stage\}/[\w/]+(, '')?\}", value), name


def test_every_function_logs_in_with_its_own_role() -> None:
    for function in load():
        own = f"${{ssm:/leadsrally/${{sls:stage}}/database/{function.name}}}"
        assert entry(function)["environment"]["DATABASE_URL"] == own


class _Read(Settings):
    """Remembers which names were asked for."""

    def __init__(self, values: dict[str, str], allowed: frozenset[str]) -> None:
        super().__init__(values, allowed)
        self.names: set[str] = set()

    def optional(self, name: str) -> str | None:
        self.names.add(name)
        return super().optional(name)


@pytest.fixture
def line(world: World, org: worlds.Org) -> Line:
    number = "+15005550123"  # the first ones of this range mean errors at Twilio
    return replace(world.line(org, address=number, provider_answers_keywords=False), number=number)


@pytest.fixture
def whatsapp(world: World, org: worlds.Org) -> MetaLine:
    return world.whatsapp_line(org)


@pytest.fixture
def page(world: World, org: worlds.Org) -> MetaLine:
    return world.lead_page(org)


@pytest.fixture
def providers(line: Line, whatsapp: MetaLine, page: MetaLine) -> Iterator[tuple[str, TwilioSimulator]]:
    """The address of the simulated providers, and Twilio itself."""
    account = TwilioAccount(line.account_sid, line.auth_token, numbers=[TwilioNumber(line.number)])
    waba = Waba(whatsapp.waba_id or "", [WhatsAppNumber(whatsapp.phone_number_id or "", "+15005550020")])
    business = MetaApp("1", whatsapp.app_secret, [Token(whatsapp.access_token)], wabas=[waba])
    questions = [{"key": "phone_number", "label": "Phone", "type": "PHONE"}]
    form = LeadForm("9000000000001", "Test ride", questions)
    form.leads.append(Lead(form.form_id, {"phone_number": ["+12025550171"]}, id="8000000000001"))
    advertiser = MetaApp(
        "2", page.app_secret, [Token(page.access_token)], pages=[Page(page.page_id or "", "Bikes", [form])]
    )
    simulators = mount([account], ["+12025550101"], apps=[business, advertiser])
    with Running(simulators) as running:
        yield f"{running.base_url}/simulators", simulators.state.twilio


@pytest.fixture
def picture(line: Line, providers: tuple[str, TwilioSimulator]) -> str:
    """The address at Twilio of a picture that came with a message."""
    simulators, twilio = providers
    kept = twilio.shelf.add(File(line.account_sid, "MM" + "1" * 32, "image/png", b"\x89PNG\r\n\x1a\n..."))
    return f"{simulators}/twilio{kept.path}"


@pytest.fixture
def strict(
    world: World, providers: tuple[str, TwilioSimulator], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[dict[str, _Read]]:
    """Every function as production builds it: from its settings alone, providers and bell included."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # SQS is away, which is no error
    simulators, _ = providers
    given: dict[str, _Read] = {}
    for function in load():
        values = {
            **worlds.SETTINGS,
            "LEADSRALLY_STORAGE_DIR": str(tmp_path),
            "DATABASE_URL": world.database.url(f"leadsrally_{function.name}"),
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "ANTHROPIC_BASE_URL": f"{simulators}/anthropic",
            "TWILIO_BASE_URL": f"{simulators}/twilio",
            "META_BASE_URL": f"{simulators}/meta",
            "LEADSRALLY_AI_MODEL": "claude-haiku-5-5",
            "RESEND_BASE_URL": f"{simulators}/resend",
            "LEADSRALLY_QUEUES": "http://127.0.0.1:9/queues/",
            "LEADSRALLY_OPERATORS": "on-call@example.test",
        }
        given[function.name] = _Read(values, function.settings)
        runtime.install(Runtime(function.name, given[function.name], clock=world.clock))
    yield given
    scorer = runtime.of("ai_score").scorer
    assert isinstance(scorer, AnthropicScorer)
    scorer.close()


def test_each_function_reads_the_settings_it_was_given_and_no_others(
    world: World,
    org: worlds.Org,
    line: Line,
    whatsapp: MetaLine,
    page: MetaLine,
    strict: dict[str, _Read],
    picture: str,
) -> None:
    """Reading one that was not declared raises `Misconfigured`; one that is never read is a secret too many."""
    user = world.user(org, email="owner@example.test")
    conversation_id = world.conversation(line)
    world.text(line, "HELP", sender="+12025550103")  # answered by us, so the webhook rings
    world.text(line, None, NumMedia="1", MediaUrl0=picture, MediaContentType0="image/png")
    world.report(line, "SM" + "0" * 32, "delivered")
    world.whatsapp(world.whatsapp_line(org), "hello")  # to be scored, so the webhook rings
    assert world.api("GET", "/healthz")[0] == 200
    login = {"email": "owner@example.test", "password": "pass-word-1"}
    assert world.api("POST", "/v1/auth/login", body=login)[0] == 200
    foreign = {**login, "session": "browser"}  # not from the app, whose address must be known to tell
    assert world.api("POST", "/v1/auth/login", body=foreign)[0] == 403
    token = world.token(user, org)
    assert world.api("POST", "/v1/me/second-factor", token)[0] == 200
    # Giving consent by hand is what needs the API's hash key.
    world.execute(
        "UPDATE conversations SET attention = 'may_want_to_stop' WHERE id = %(id)s", id=conversation_id
    )
    review = {"decision": "opt_out"}
    assert world.api("POST", f"/v1/conversations/{conversation_id}/review", token, review)[0] == 200
    another = {"account_sid": line.account_sid, "auth_token": line.auth_token, "number": "+15005550124"}
    assert world.api("POST", "/v1/channels", token, another)[0] == 201
    # A test follows what was configured, so the worker rings for itself.
    assert world.api("POST", f"/v1/channels/{line.id}/configure", token)[0] == 202
    world.conversation(line, "+12025550102")
    for text in ("Good morning", "Still there?"):  # two in a row: the first rings for the second
        world.reply(line, world.conversation(line, "+12025550102"), text)
    assert world.lead(page, "8000000000001", form_id="9000000000001").status == 200
    world._insert(  # whoever leaves a lead in this form is answered
        "lead_forms",
        {
            "organization_id": org.id,
            "id": uuid4(),
            "channel_id": page.id,
            "provider_form_id": "9000000000001",
            "name": "Test ride",
            "locale": "en_US",
            "state": "active",
            "questions": Jsonb([]),
            "mapping": Jsonb({}),
            "consents": Jsonb({}),
            "first_message": Jsonb({"channel_id": str(line.id), "text": "Thanks, {{first_name|you}}!"}),
            "created_at": world.clock.now,
            "synced_at": world.clock.now,
        },
    )
    for name in ("template_sync", "lead_catch_up"):
        world.functions[name].handler()({}, Context(world.functions[name]))
    files = [uploaded(world, org.id) for _ in range(2)]  # the API looks at them in the storage
    theirs = thread(world, whatsapp)
    with runtime.of("api").db.tenant(org.id) as tx:
        queue_files(tx, org.id, theirs, files[:1], "", now=world.clock.now)
        another = world.conversation(line, "+12025550104")
        queue_files(tx, org.id, another, files[1:], "", now=world.clock.now)
    world._insert(
        "password_resets",
        {
            "organization_id": org.id,
            "id": user,
            "user_id": user,
            "created_at": world.clock.now,
            "expires_at": world.clock.now + worlds.days(1),
        },
    )
    world.notify(org.id, "reset_password", reset_id=user)
    assert world.api("POST", "/v1/auth/confirm", token, {"password": "pass-word-1"})[0] == 200
    assert world.api("POST", "/v1/exports", token, {})[0] == 202
    assert world.api("GET", "/v1/disclosures", token)[0] == 200
    assert world.api("POST", "/v1/suppressions/exports", token, {})[0] == 202
    assert world.api("POST", "/v1/contacts/exports", token, {"condition": {"all": []}})[0] == 202
    forgotten = {"kind": "conversation", "id": str(world.conversation(line, "+12025550106"))}
    assert world.api("POST", "/v1/erasures", token, forgotten)[0] == 202
    for channel in (line, whatsapp):  # copies at both providers
        world._insert(
            "provider_copies",
            {
                "organization_id": org.id,
                "id": uuid4(),
                "channel_id": channel.id,
                "what": "message" if channel is line else "file",
                "provider_id": "SM" + "9" * 32,
                "ends_at": world.clock.now + worlds.days(9),
                "asked_at": world.clock.now,
                "next_at": world.clock.now,
            },
        )
        with runtime.of("api").db.tenant(org.id) as tx:
            enqueue(
                tx, org.id, "provider_delete", "delete", {"channel_id": str(channel.id)}, now=world.clock.now
            )
    assert world.resend({"type": "domain.updated"}).status == 200
    assert world.call("/policy", method="GET").status == 200
    world.execute(
        """INSERT INTO incidents (id, drill, title, detected_at, recorded_at, confirmed_at)
           VALUES (gen_random_uuid(), false, 'x', %(at)s, %(at)s, %(at)s)""",
        at=world.clock.now - worlds.days(1),
    )
    # An earlier version holds, so the watch has a new one to tell of and rings.
    world.execute(
        """INSERT INTO policy_versions (id, dated, fingerprint, material, summary, published_at, announced_for,
                                        told_at, effective_at)
           VALUES (gen_random_uuid(), '2020-01-01', sha256('x'), false, 'x', %(at)s, %(at)s, %(at)s, %(at)s)""",
        at=world.clock.now,
    )
    links = runtime.of("api").unsubscribe_links
    goodbye = world.reply(line, another, "Out: {{unsubscribe_link}}", links=links)
    link = world.message(goodbye)["body"].removeprefix(f"Out: {worlds.PUBLIC_URL}")
    assert world.call(link, method="GET").status == 200
    world.clock.pass_(seconds=5)
    for function in load():
        if function.queue:
            ids = world.due(function.name)
            assert ids, f"nothing to do for {function.name}"
            assert function.handler()(event_for(function.name, ids), Context(function)) == {
                "batchItemFailures": []
            }
        if function.schedules:
            function.handler()({}, Context(function))

    assert world.rows("SELECT kind, error FROM jobs WHERE error IS NOT NULL") == []
    shared = world.row(
        "SELECT message_id, id, state FROM media WHERE provider_id IS NULL AND place = 0 AND file_name = ''"
    )
    assert shared["state"] == "stored"
    path = f"/v1/messages/{shared['message_id']}/media/{shared['id']}"
    assert world.api("GET", path, token)[1]["url"].startswith(f"{worlds.PUBLIC_URL}/files/")
    for function in load():
        own = set(entry(function).get("environment", {}))
        assert own - strict[function.name].names == set(), f"{function.name} never reads these"


# -- AWS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", QUEUES, ids=named)
def test_queue_of_a_function_fits_it(function: Function) -> None:
    (event,) = [event["sqs"] for event in entry(function)["events"] if "sqs" in event]
    assert event["functionResponseType"] == "ReportBatchItemFailures", "without it every failure is deleted"
    logical = event["arn"].removeprefix("GetAtt ").removesuffix(".Arn")
    queue = resources()[logical]["Properties"]
    address = declaration()["custom"]["queues"] + function.name
    assert address.endswith(f"/{queue['QueueName']}")
    assert queue["VisibilityTimeout"] >= 6 * function.timeout_seconds
    assert queue["SqsManagedSseEnabled"] is True

    redrive = queue["RedrivePolicy"]
    _, dead_name = redrive["deadLetterTargetArn"]
    dead = resources()[dead_name.removesuffix(".Arn")]["Properties"]
    assert redrive["maxReceiveCount"] >= 5
    assert dead["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert dead["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] < dead["MessageRetentionPeriod"], "its age goes with it"


def statements(function: Function) -> list[dict[str, Any]]:
    role = resources()[entry(function)["role"]]["Properties"]
    assert set(role) == {"AssumeRolePolicyDocument", "Policies"}, "no managed policies"
    return [found for policy in role["Policies"] for found in policy["PolicyDocument"]["Statement"]]


def allowed(function: Function, service: str) -> dict[str, set[str]]:
    """Which actions of a service the function's role may do on which resources."""
    found: dict[str, set[str]] = {}
    for statement in statements(function):
        assert statement["Effect"] == "Allow"
        actions, on = statement["Action"], statement["Resource"]
        on = on if isinstance(on, list) else [on]
        names = {target if isinstance(target, str) else target[1] for target in on}
        for action in [actions] if isinstance(actions, str) else actions:
            if action.startswith(f"{service}:"):
                found.setdefault(action.removeprefix(f"{service}:"), set()).update(names)
    return found


def test_every_function_has_a_role_of_its_own_that_lambda_alone_may_take() -> None:
    roles = [entry(function)["role"] for function in load()]
    assert len(set(roles)) == len(roles)
    for role in roles:
        (trust,) = resources()[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


# Whose work somebody waits for beyond the queue that it came by: a lead's first message.
RINGS_FOR = {"fetch_lead": {"AutomationQueue.Arn"}, "automation": {"SendMessageQueue.Arn"}}


@pytest.mark.parametrize("function", load(), ids=named)
def test_role_may_log_trace_and_use_the_queues_of_its_work_only(function: Function) -> None:
    log_group = f"log-group:/aws/lambda/leadsrally-${{sls:stage}}-{function.name}:*"
    logs = allowed(function, "logs")
    assert set(logs) == {"CreateLogStream", "PutLogEvents"}
    assert all(len(on) == 1 and next(iter(on)).endswith(f":{log_group}") for on in logs.values())

    own = {
        event["sqs"]["arn"].removeprefix("GetAtt ") for event in entry(function)["events"] if "sqs" in event
    }
    sqs = allowed(function, "sqs")
    rings = sqs.pop("SendMessage", set())
    receiving = {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} if own else set()
    assert sqs == dict.fromkeys(receiving, own)
    everyone = {
        "AiScoreQueue.Arn",
        "SendMessageQueue.Arn",
        "ManageChannelQueue.Arn",
        "NotifyQueue.Arn",
        "ExportQueue.Arn",
        "EraseQueue.Arn",
        "ProviderDeleteQueue.Arn",
        "FetchMediaQueue.Arn",
        "ImportContactsQueue.Arn",
        "AutomationQueue.Arn",
        "BulkContactsQueue.Arn",
        "TemplateSyncQueue.Arn",
        "FetchLeadQueue.Arn",
        "LeadCatchUpQueue.Arn",
    }
    passes_on = RINGS_FOR.get(function.name, own) if own else everyone
    assert rings <= passes_on, (
        "a worker rings for the next of its own queue and no other, unless somebody waits"
    )
    assert bool(rings) == ("LEADSRALLY_QUEUES" in function.settings)

    others = {
        action
        for statement in statements(function)
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.partition(":")[0] not in ("logs", "sqs", "kms", "s3")
    }
    assert others == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


# What each function may do with files, and with those of which purposes.
FILES = {
    "api": {"GetObject": {"media", "imports", "export", "bulk"}, "PutObject": {"media", "imports"}},
    "import_contacts": {
        "GetObject": {"imports"},
        "PutObject": {"imports"},
        "AbortMultipartUpload": {"imports"},
        "DeleteObject": {"imports"},
    },
    "bulk_contacts": {"PutObject": {"bulk"}, "AbortMultipartUpload": {"bulk"}, "DeleteObject": {"bulk"}},
    "retention_sweep": {"DeleteObject": {"media"}},
    "send_message": {"GetObject": {"media"}},
    "export": {
        "GetObject": {"media"},
        "PutObject": {"export"},
        "AbortMultipartUpload": {"export"},
        "DeleteObject": {"export"},
        "ListBucket": {"FilesBucket.Arn"},
    },
    "erase": {
        "PutObject": {"erasure_ledger"},
        "AbortMultipartUpload": {"erasure_ledger"},
        "DeleteObject": {*PURPOSES},
        "ListBucket": {"FilesBucket.Arn"},
    },
    "fetch_media": {
        "PutObject": {"media"},
        "AbortMultipartUpload": {"media"},
        "DeleteObject": {"media"},
    },
}


def test_whoever_lists_files_lists_those_of_the_purposes_it_empties() -> None:
    wanted = {"erase": [f"*/{purpose}/" for purpose in PURPOSES], "export": "*/export/"}
    for name, prefixes in wanted.items():
        listing = [one for one in statements(FUNCTIONS[name]) if one["Action"] == "s3:ListBucket"]
        assert [one["Condition"] for one in listing] == [{"StringLike": {"s3:prefix": prefixes}}]


@pytest.mark.parametrize("function", load(), ids=named)
def test_role_may_touch_the_files_of_its_purposes_only(function: Function) -> None:
    found = {
        action: {on.removeprefix("${FilesBucket.Arn}/*/").removesuffix("/*") for on in resources_of}
        for action, resources_of in allowed(function, "s3").items()
    }
    assert found == FILES.get(function.name, {})
    assert bool(found) == ("LEADSRALLY_BUCKET" in function.settings)


def test_files_are_encrypted_private_and_reached_over_tls_only() -> None:
    bucket = resources()["FilesBucket"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    left, *_ = properties["LifecycleConfiguration"]["Rules"]
    assert left["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    (cors,) = properties["CorsConfiguration"]["CorsRules"]
    assert cors["AllowedMethods"] == ["PUT"], "a browser puts files there and reads them as downloads only"
    assert cors["AllowedHeaders"] == ["content-type", "if-none-match"]
    assert len(cors["AllowedOrigins"]) == 1
    assert "VersioningConfiguration" not in properties, "an older version would outlive its erasure"

    policy = resources()["OnlyEncryptedToFiles"]["Properties"]
    assert policy["Bucket"] == ("Ref", "FilesBucket")
    statements = policy["PolicyDocument"]["Statement"]
    assert {(found["Effect"], found["Principal"], found["Action"]) for found in statements} == {
        ("Deny", "*", "s3:*")
    }
    everything = [("GetAtt", "FilesBucket.Arn"), ("Sub", "${FilesBucket.Arn}/*")]
    assert all(found["Resource"] == everything for found in statements)
    assert [found["Condition"] for found in statements] == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    ]


# What each function may do with the master key, and to secrets of which purposes.
KMS = {
    "api": {
        "Encrypt": {"twilio.credentials", "twilio.task", "meta.credentials", "meta.task", "second_factor"},
        "Decrypt": {"second_factor"},
    },
    "manage_channel": {
        "Decrypt": {"twilio.credentials", "twilio.task", "meta.credentials", "meta.task"},
        "Encrypt": {"twilio.credentials", "meta.credentials"},
    },
    "webhook_twilio": {"Decrypt": {"twilio.credentials"}},
    "webhook_meta": {"Decrypt": {"meta.credentials"}},
    "send_message": {"Decrypt": {"twilio.credentials", "meta.credentials"}},
    "fetch_media": {"Decrypt": {"twilio.credentials", "meta.credentials"}},
    "provider_delete": {"Decrypt": {"twilio.credentials", "meta.credentials"}},
    "template_sync": {"Decrypt": {"meta.credentials"}},
    "fetch_lead": {"Decrypt": {"meta.credentials"}},
    "lead_catch_up": {"Decrypt": {"meta.credentials"}},
}


@pytest.mark.parametrize("function", load(), ids=named)
def test_role_may_use_the_master_key_for_its_purposes_only(function: Function) -> None:
    """O6: a function that was taken over opens what it opened before, and nothing else."""
    found: dict[str, set[str]] = {}
    for statement in statements(function):
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        for action in actions:
            if action.startswith("kms:"):
                assert statement["Resource"] == ("GetAtt", "CredentialsKey.Arn")
                (condition,) = statement["Condition"].values()
                purposes = condition["kms:EncryptionContext:purpose"]
                found.setdefault(action.removeprefix("kms:"), set()).update(
                    [purposes] if isinstance(purposes, str) else purposes
                )
    assert found == KMS.get(function.name, {})
    assert bool(found) == ("LEADSRALLY_KMS_KEY" in function.settings)


def test_the_master_key_outlives_the_stack_and_renews_itself() -> None:
    key = resources()["CredentialsKey"]
    assert key["DeletionPolicy"] == key["UpdateReplacePolicy"] == "Retain"
    assert key["Properties"]["EnableKeyRotation"] is True


def test_scheduler_may_call_the_scheduled_functions_only() -> None:
    role = resources()["ScheduleRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ("Ref", "AWS::AccountId")}}
    (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
    called = {arn.rpartition("-")[2] for _, arn in statement["Resource"]}
    assert (statement["Action"], called) == (
        "lambda:InvokeFunction",
        {function.name for function in SCHEDULED},
    )
    for function in SCHEDULED:
        for event in entry(function)["events"]:
            if "schedule" in event:
                assert event["schedule"]["roleArn"] == "GetAtt ScheduleRole.Arn"


def test_queues_take_encrypted_calls_only() -> None:
    policy = resources()["OnlyEncryptedToQueues"]["Properties"]
    queues = {name for name, found in resources().items() if found["Type"] == "AWS::SQS::Queue"}
    assert {name for _, name in policy["Queues"]} == queues
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_deploy_tool_is_pinned_and_its_lock_names_no_address() -> None:
    assert '"osls": "4.3.1"' in (PROJECT / "package.json").read_text("utf-8")
    lock = Path(PROJECT / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') == lock.count('"node_modules/')


def test_deploy_page_names_every_parameter() -> None:
    text = (PROJECT / "serverless.yml").read_text("utf-8")
    wanted = set(re.findall(r"ssm:/leadsrally/\$\{sls:stage\}/([\w/]+)", text))
    told = set(re.findall(r"`([a-z_/]+)`", (PROJECT / "docs" / "deploy.md").read_text("utf-8")))
    assert wanted <= told
