"""S15, S16, P7.4: the link of a message: looking changes nothing, a POST acts, and it goes on working."""

import base64
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.unsubscribe.page import language_of
from functions.unsubscribe.words import WORDS
from leadsrally import runtime
from leadsrally.consent import unsubscribe_link
from leadsrally.kit.errors import NotFound
from tests.world import PUBLIC_URL, Answer, Line, Org, World, days

PHONE = "+12025550101"
ONE_CLICK = b"List-Unsubscribe=One-Click"


def link_of(world: World, line: Line, sender: str = PHONE, body: str = "Out: {{unsubscribe_link}}") -> str:
    """The path of the link in a message to this phone."""
    links = runtime.of("api").unsubscribe_links
    message_id = world.reply(line, world.conversation(line, sender), body, links=links)
    found = re.search(rf"{re.escape(PUBLIC_URL)}(/u/\S+)", world.message(message_id)["body"])
    assert found is not None
    return found[1]


def look(world: World, path: str, method: str = "GET", **headers: str) -> Answer:
    return world.call(path, method=method, headers=headers)


def post(world: World, path: str, body: bytes = ONE_CLICK, **headers: str) -> Answer:
    sent = {"content-type": "application/x-www-form-urlencoded", **headers}
    return world.call(path, headers=sent, body=body)


def rule(world: World, line: Line, purpose: str = "service", sender: str = PHONE) -> str:
    """What the gate says to a message now."""
    options: dict[str, Any] = {"purpose": purpose, "lifetime": days(100)}
    message_id = world.reply(line, world.conversation(line, sender), "Shall we say nine?", **options)
    world.execute("UPDATE organizations SET contact_daily_marketing = 900, contact_daily_messages = 900")
    world.work("send_message")
    return world.message(message_id)["verdict"]["rule"]


def stored(world: World) -> list[dict[str, Any]]:
    tables = ("consent_events", "consent_states", "suppressions", "unsubscribe_links", "contacts", "jobs")
    return [
        world.row(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) AS m FROM {t} AS t") for t in tables
    ]


class TestLook:
    def test_S15_a_hundred_looks_of_scanners_change_nothing(self, world: World, line: Line):
        path = link_of(world, line)
        before = stored(world)
        for n in range(100):
            method = ("GET", "HEAD")[n % 2]
            prefetch = {"purpose": "prefetch", "sec-purpose": "prefetch;prerender", "user-agent": "Scanner/1"}
            answer = look(world, path, method, **prefetch)
            assert answer.status == 200
        assert stored(world) == before
        assert rule(world, line) == "permitted"

    def test_P74_the_page_reveals_no_address_and_works_without_a_script(self, world: World, line: Line):
        world.execute("UPDATE contacts SET name = 'Ada Canary', email = 'ada@canary.example'")
        answer = look(world, link_of(world, line))
        for secret in (PHONE, PHONE[2:], "Canary", "canary", line.number):
            assert secret not in answer.body + str(answer.headers)
        assert "Harbour Bikes" in answer.body
        assert "<script" not in answer.body
        assert not re.search(r"\son\w+=|src=|https?://", answer.body)

    def test_its_headers_hold_it_shut(self, world: World, line: Line):
        headers = look(world, link_of(world, line)).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert {"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
        assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert "set-cookie" not in headers

    def test_I8_a_hostile_name_is_text(self, world: World):
        line = world.line(world.organization("<img src=x onerror=alert(1)>{0.__class__}"))
        body = look(world, link_of(world, line)).body
        assert "<img" not in body
        assert "&lt;img src=x onerror=alert(1)&gt;{0.__class__}" in body

    @pytest.mark.parametrize("language", sorted(WORDS))
    def test_it_speaks_six_languages_and_can_be_used_by_everybody(
        self, world: World, line: Line, language: str
    ):
        path = link_of(world, line)
        told = Page.of(look(world, path, **{"accept-language": f"xx, {language}-XX;q=0.8, en;q=0.1"}))
        assert told.attributes["html"] == {"lang": language}
        assert told.attributes["p"] == {"role": "status"}
        assert told.texts["title"] == told.texts["h1"] == WORDS[language].title
        assert told.buttons == {"stop": WORDS[language].stop, "marketing": WORDS[language].offers}
        stopped = Page.of(post(world, path, b"action=stop", **{"accept-language": language}))
        assert stopped.buttons == {"undo": WORDS[language].undo}

    def test_otherwise_the_organisations_language(self, world: World):
        line = world.line(world.organization(language="de"))
        assert Page.of(look(world, link_of(world, line))).attributes["html"] == {"lang": "de"}

    @given(st.text(max_size=80))
    @settings(max_examples=200, deadline=None)
    def test_no_header_makes_it_fail(self, header: str):
        assert language_of(header) in WORDS


class Page(HTMLParser):
    """What somebody without a script has before them."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.texts: dict[str, str] = {}
        self.buttons: dict[str, str] = {}
        self._inside = ""
        self._action = ""

    @classmethod
    def of(cls, answer: Answer) -> "Page":
        page = cls()
        page.feed(answer.body)
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes[tag] = dict(attrs)
        self._inside = tag
        if tag == "button":
            self._action = dict(attrs)["value"] or ""
        if tag == "form":
            assert dict(attrs) == {"method": "post"}

    def handle_data(self, data: str) -> None:
        if self._inside == "button":
            self.buttons[self._action] = data
        self.texts.setdefault(self._inside, data)


class TestPost:
    def test_S16_one_click_without_a_cookie_opts_out_at_the_commit(self, world: World, line: Line):
        path = link_of(world, line)
        queued = world.reply(line, world.conversation(line), "queued before")
        answer = post(world, path)
        assert answer.status == 200
        assert answer.cookies == ()
        event = world.row("SELECT action, source, purpose, channel_kind, scope FROM consent_events")
        assert tuple(event.values()) == ("revoke", "link", "all", "sms", "organization")
        assert rule(world, line) == "opted_out_by_link"
        assert world.message(queued)["verdict"]["rule"] == "opted_out_by_link"

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (ONE_CLICK, "application/x-www-form-urlencoded"),
            (b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--', "multipart/form-data; boundary=b"),
            (b"", "text/plain"),
            (b"\xff\xfe" * 9000, "application/octet-stream"),
            (b"action=nonsense", "application/x-www-form-urlencoded"),
        ],
        ids=["form", "multipart", "nothing", "bytes", "nonsense"],
    )  # fmt: skip
    def test_S16_rfc_8058_whatever_is_posted_means_stop(
        self, world: World, line: Line, body: bytes, content_type: str
    ):
        path = link_of(world, line)
        assert post(world, path, body, **{"content-type": content_type}).status == 200
        assert rule(world, line) == "opted_out_by_link"

    def test_offers_only(self, world: World, line: Line):
        path = link_of(world, line)
        world.agrees(line)
        world.clock.now = world.clock.now.replace(hour=17)
        assert rule(world, line, "marketing") == "permitted"
        assert "offers" in post(world, path, b"action=marketing").body
        assert rule(world, line, "marketing") == "opted_out_by_link"
        assert rule(world, line) == "permitted"

    def test_twice_is_once(self, world: World, line: Line):
        path = link_of(world, line)
        first, second = post(world, path), post(world, path)
        assert first.body == second.body
        assert world.value("SELECT count(*) FROM suppressions") == 1

    def test_it_may_reach_every_channel(self, world: World):
        line = world.line(world.organization(opt_out_scope="every_channel"))
        post(world, link_of(world, line))
        stands = world.rows("SELECT channel_kind FROM consent_states WHERE state = 'revoked' ORDER BY 1")
        assert [row["channel_kind"] for row in stands] == ["email", "sms", "whatsapp"]

    def test_another_tenants_permission_is_not_touched(self, world: World, line: Line):
        other = world.line(world.organization("Rival"))
        world.conversation(other)
        post(world, link_of(world, line))
        assert rule(world, other) == "permitted"

    @pytest.mark.parametrize("later", [31, 400, 4000])
    def test_S16_it_works_long_after(self, world: World, line: Line, later: int):
        path = link_of(world, line)
        world.clock.now += days(later)
        assert post(world, path).status == 200
        assert world.value("SELECT state FROM consent_states") == "revoked"

    def test_S16_E6_it_works_after_the_person_was_erased(self, world: World, line: Line):
        path = link_of(world, line)
        forget(world, line)
        assert world.row("SELECT contact_id FROM unsubscribe_links") == {"contact_id": None}
        assert post(world, path).status == 200
        # The number comes back, by whatever way: it is suppressed.
        assert rule(world, line) == "suppressed"
        assert Page.of(look(world, path)).buttons == {"undo": "Undo"}
        post(world, path, b"action=undo")
        assert rule(world, line) == "permitted"

    def test_S16_S8_it_works_after_a_merge(self, world: World, line: Line, org: Org):
        """Both links lead to the one that is left."""
        other = "+12025550102"
        paths = [link_of(world, line), link_of(world, line, other)]
        winner, loser = (
            world.value("SELECT id FROM contacts WHERE phone = %(p)s", p=phone) for phone in (PHONE, other)
        )
        token = world.token(world.user(org), org)
        merge = world.api("POST", f"/v1/contacts/{winner}/merges/{loser}", token)
        assert merge[0] < 300, merge
        links = world.rows("SELECT contact_id FROM unsubscribe_links")
        assert [row["contact_id"] for row in links] == [winner, winner]
        assert link_of(world, line) in paths
        post(world, paths[1])
        assert rule(world, line) == "opted_out_by_link"


def forget(world: World, line: Line) -> None:
    """The contact is deleted with all that hangs on it."""
    for table in ("messages", "conversations", "consent_states", "consent_events", "disclosures", "contacts"):
        world.execute("DELETE FROM media") if table == "messages" else None
        world.execute(f"DELETE FROM {table} WHERE organization_id = %(o)s", o=line.organization_id)


class TestUndo:
    def test_it_brings_back_what_stood(self, world: World, line: Line):
        path = link_of(world, line)
        world.agrees(line)
        world.clock.now = world.clock.now.replace(hour=17)
        post(world, path)
        assert "as before" in post(world, path, b"action=undo").body
        assert rule(world, line, "marketing") == "permitted"

    def test_S9_it_makes_no_consent_where_there_was_none(self, world: World, line: Line):
        path = link_of(world, line)
        for _ in range(2):
            post(world, path)
            post(world, path, b"action=undo")
        assert rule(world, line) == "permitted"
        assert rule(world, line, "marketing") == "no_marketing_consent"
        assert world.rows("SELECT 1 FROM consent_states") == []
        assert world.value("SELECT count(*) FROM consent_events") == 4

    @pytest.mark.parametrize("before", [True, False], ids=["STOP first", "STOP after"])
    def test_it_never_takes_back_what_was_said_otherwise(self, world: World, line: Line, before: bool):
        path = link_of(world, line)
        if before:
            world.text(line, "STOP")
            post(world, path)
        else:
            post(world, path)
            world.text(line, "STOP")
        page = Page.of(look(world, path))
        assert page.buttons == {}
        assert "START" in page.texts["p"]
        post(world, path, b"action=undo")
        assert rule(world, line) == "opted_out_by_keyword"
        world.clock.pass_(seconds=1)
        world.text(line, "START")
        assert rule(world, line) == "permitted"

    def test_a_hold_is_held_again(self, world: World, line: Line):
        path = link_of(world, line)
        world.text(line, "don't stop")
        post(world, path)
        post(world, path, b"action=undo")
        assert rule(world, line) == "paused_for_review"

    def test_start_ends_it_too(self, world: World, line: Line):
        path = link_of(world, line)
        post(world, path)
        world.clock.pass_(seconds=1)
        world.text(line, "START")
        assert rule(world, line) == "permitted"


class TestToken:
    def test_S16_every_link_that_is_none_is_answered_alike(self, world: World, line: Line):
        token = link_of(world, line).removeprefix("/u/")
        key = runtime.of("unsubscribe").settings.key("LEADSRALLY_LINK_KEY")
        raw = bytearray(base64.urlsafe_b64decode(token))
        flipped = [bytes([*raw[:n], raw[n] ^ 1, *raw[n + 1 :]]) for n in range(len(raw))]
        wrong = [base64.urlsafe_b64encode(other).decode() for other in flipped]
        wrong += [
            unsubscribe_link.spell(key, 7),  # ours, and no such row
            unsubscribe_link.spell(b"another key of 32 bytes and more", 7),
            "x",
            "é" * 20,
            token + "A",
            token[:-1],
            "A" * 5000,
        ]
        answers = [
            (answer.status, answer.body, answer.headers)
            for other in wrong
            for answer in (look(world, f"/u/{other}"), post(world, f"/u/{other}"))
        ]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][0] == 404
        assert world.rows("SELECT 1 FROM consent_events") == []

    def test_it_is_short_and_the_same_for_a_person_and_channel(self, world: World, line: Line, org: Org):
        first, second = link_of(world, line), link_of(world, line)
        assert first == second
        assert len(first) == len("/u/") + unsubscribe_link.TOKEN_CHARACTERS == 23
        assert link_of(world, line, "+12025550102") != first
        assert link_of(world, world.line(org)) == first  # another number of ours, the same permission

    def test_a_look_at_what_we_did_not_spell_needs_no_database(self, world: World):
        door = runtime.of("unsubscribe")
        look(world, "/u/" + "A" * 20)
        assert "db" not in vars(door)

    @given(st.integers(0, 2**48 - 1), st.binary(min_size=32, max_size=40))
    @settings(max_examples=200, deadline=None)
    def test_a_token_reads_back(self, number: int, key: bytes):
        assert unsubscribe_link.read(key, unsubscribe_link.spell(key, number)) == number

    @given(st.one_of(st.text(max_size=40), st.binary(min_size=15, max_size=15).map(lambda b: base64.urlsafe_b64encode(b).decode())))  # fmt: skip
    @settings(max_examples=300, deadline=None)
    def test_nothing_else_does(self, text: str):
        with pytest.raises(NotFound):
            unsubscribe_link.read(b"k" * 32, text)

    def test_two_first_links_at_once_are_one(self, world: World, line: Line):
        threads = world.conversation(line)
        links = runtime.of("api").unsubscribe_links
        start = threading.Barrier(4)

        def write(_: int) -> UUID:
            start.wait()
            return world.reply(line, threads, "{{unsubscribe_link}}", links=links)

        with ThreadPoolExecutor(4) as pool:
            messages = list(pool.map(write, range(4)))
        assert len({world.message(message)["body"] for message in messages}) == 1

    def test_G4_neither_logs_nor_anything_stored_hold_the_address(
        self, world: World, line: Line, capsys: pytest.CaptureFixture[str]
    ):
        path = link_of(world, line)
        capsys.readouterr()
        post(world, path)
        written = capsys.readouterr()
        assert path.removeprefix("/u/") not in written.out + written.err
        kept = world.row("SELECT number::text, address_hashes::text FROM unsubscribe_links")
        assert PHONE[1:] not in str(kept)


class TestDatabaseAway:
    def test_it_says_so_in_words(self, world: World, line: Line, monkeypatch: pytest.MonkeyPatch):
        path = link_of(world, line)
        door = runtime.of("unsubscribe")
        monkeypatch.setattr(door.db, "session", lambda: (_ for _ in ()).throw(RuntimeError("canary")))
        answer = post(world, path)
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        assert "STOP" in answer.body
        assert "canary" not in answer.body


class TestCompose:
    """What a text says about opting out, as it is stored and sent."""

    def _offer(self, world: World, line: Line, body: str, **options: Any) -> str:
        links = runtime.of("api").unsubscribe_links
        thread = world.conversation(line)
        message = world.reply(line, thread, body, purpose="marketing", links=links, **options)
        return world.message(message)["body"]

    def test_17_the_first_offer_of_a_conversation_names_a_way_out(self, world: World, line: Line):
        assert self._offer(world, line, "Sale!") == "Sale!\nReply STOP to opt out."
        assert self._offer(world, line, "Sale!") == "Sale!"

    def test_17_in_the_organisations_language(self, world: World):
        line = world.line(world.organization(language="fr"))
        assert self._offer(world, line, "Soldes !") == "Soldes !\nRépondez STOP pour ne plus recevoir."

    @pytest.mark.parametrize(
        "body", ["Sale! Txt STOP to end", "Sale! To unsubscribe write to us", "ＳＴＯＰ ends it"]
    )
    def test_17_a_text_that_names_one_is_left_alone(self, world: World, line: Line, body: str):
        assert self._offer(world, line, body) == body

    def test_the_link_is_a_way_out(self, world: World, line: Line):
        body = self._offer(world, line, "Sale! {{ unsubscribe_link }}")
        assert body.startswith(f"Sale! {PUBLIC_URL}/u/")
        assert "STOP" not in body

    def test_an_answer_is_left_alone(self, world: World, line: Line):
        links = runtime.of("api").unsubscribe_links
        message = world.reply(line, world.conversation(line), "At nine.", links=links)
        assert world.message(message)["body"] == "At nine."

    def test_the_same_key_with_the_same_words_is_the_same_message(self, world: World, line: Line):
        first = self._offer(world, line, "Sale!", idempotency_key="k")
        assert self._offer(world, line, "Sale!", idempotency_key="k") == first
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 1

    def test_it_goes_through_the_api(self, world: World, line: Line, org: Org):
        thread = world.conversation(line)
        token = world.token(world.user(org), org)
        body = {"body": "Bye: {{unsubscribe_link}}"}
        status, queued = world.api("POST", f"/v1/conversations/{thread}/messages", token, body)
        assert status == 202
        assert f"{PUBLIC_URL}/u/" in world.message(UUID(queued["id"]))["body"]
