"""What our mails say and how they are set, in every language."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.notices.compose import Letterhead, Said, Words, address_of, compose
from leadsrally.notices.device import device_of
from leadsrally.notices.specimens import specimens
from leadsrally.notices.types import KINDS, LANGUAGES, Device, Mail, Name, Word

HEAD = Letterhead("https://app.example", "support@help.example", "privacy@help.example")
ALL = [pytest.param(mail, id=mail.subject) for mail in specimens(HEAD)]
PLACE = re.compile(r"\{(\w+)\}")
WORDS = st.text(max_size=60) | st.sampled_from(
    ["<script>", "{until}", "a\r\nBcc: x@y.example", "\u202e", "https://evil.example", "&amp;", "-- \n"]
)


def invitation(**changes: Any) -> Said:
    said = Said(
        key=UUID(int=1),
        organization_id=UUID(int=2),
        kind="invitation",
        address="guest@example.com",
        language="en",
        time_zone="UTC",
        facts={
            "organization": Name("Harbour Bikes"),
            "inviter": "owner@example.com",
            "role": Word("role", "agent"),
            "until": datetime(2026, 11, 3, 5, 7, tzinfo=UTC),
        },
        link="https://app.example/invite#token",
    )
    return replace(said, **changes)


class Page(HTMLParser):
    """What a mail program would find in a mail's HTML."""

    VOID = frozenset({"meta", "br", "link", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)


class TestLanguages:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_each_says_everything_with_the_same_facts(self, language: str):
        english, other = Words.of("en").tables, Words.of(language).tables
        assert other.keys() == english.keys() >= set(KINDS)
        for name, table in english.items():
            assert other[name].keys() == table.keys(), name
            for part, sentence in table.items():
                wanted, told = set(PLACE.findall(str(sentence))), set(PLACE.findall(str(other[name][part])))
                assert wanted == told, (name, part)
        assert len(other["date"]["months"]) == 12

    def test_none_is_left_in_english(self):
        sentences = {
            language: str([Words.of(language).tables[kind] for kind in KINDS]) for language in LANGUAGES
        }
        assert len(set(sentences.values())) == len(LANGUAGES)
        for language in LANGUAGES[1:]:
            for kind in KINDS:
                theirs, english = Words.of(language).tables[kind], Words.of("en").tables[kind]
                assert all(theirs[part] != english[part] for part in english), (language, kind)

    def test_a_language_that_we_do_not_speak_is_english(self):
        assert compose(invitation(language="eo"), HEAD).text == compose(invitation(), HEAD).text

    @pytest.mark.parametrize(
        ("language", "zone", "said"),
        [
            ("en", "UTC", "3 November 2026, 05:07 (UTC)"),
            ("en", "America/New_York", "3 November 2026, 00:07 (America/New_York)"),
            ("en", "Pacific/Auckland", "3 November 2026, 18:07 (Pacific/Auckland)"),
            ("de", "Europe/Berlin", "3. November 2026, 06:07 Uhr (Europe/Berlin)"),
            ("es", "UTC", "3 de noviembre de 2026, 05:07 (UTC)"),
            ("pt", "America/Sao_Paulo", "3 de novembro de 2026, 02:07 (America/Sao_Paulo)"),
            ("fr", "UTC", "3 novembre 2026 à 05:07 (UTC)"),
            ("it", "UTC", "3 novembre 2026, ore 05:07 (UTC)"),
            ("en", "Mars/Olympus", "3 November 2026, 05:07 (UTC)"),
            ("en", "../../etc/passwd", "3 November 2026, 05:07 (UTC)"),
            ("en", "", "3 November 2026, 05:07 (UTC)"),
        ],
    )
    def test_a_time_is_told_with_its_zone(self, language: str, zone: str, said: str):
        mail = compose(invitation(language=language, time_zone=zone), HEAD)
        assert said in " ".join(mail.text.split())


class TestSetting:
    @pytest.mark.parametrize("mail", ALL)
    def test_plain_text_reads_well(self, mail: Mail):
        for line in mail.text.splitlines():
            assert len(line) <= 72 or line.startswith("https://"), line
        assert not PLACE.search(mail.text)
        assert mail.text.startswith(mail.subject[:20])
        assert len(mail.subject) < 70
        assert all(
            character.isprintable() or character == "\xa0" for character in mail.text.replace("\n", "")
        )

    @pytest.mark.parametrize("mail", ALL)
    def test_html_says_the_same_and_loads_nothing(self, mail: Mail):
        page = Page(mail.html)
        said = " ".join(" ".join(page.words).split())
        for paragraph in mail.text.partition("\n\n-- ")[0].split("\n\n")[1:]:
            if "https://" not in paragraph:
                assert " ".join(paragraph.split()) in said
        # No images, no fonts, no scripts: nothing tells anybody that or when it was read.
        assert {tag for tag, _ in page.tags} <= {
            *("html", "head", "meta", "title", "style", "body"),
            *("table", "tr", "td", "h1", "p", "a", "br"),
        }
        assert "url(" not in mail.html
        assert "@import" not in mail.html
        links = {attrs["href"] for tag, attrs in page.tags if tag == "a"}
        assert all(link and link.startswith("https://app.example/") for link in links)
        assert re.findall(r"https?://[^\"<\s]+", mail.html) == [link for link in links for _ in range(3)]
        assert len(mail.html.encode()) < 20_000  # some programs cut a longer one

    @pytest.mark.parametrize("mail", ALL)
    def test_P11_1_both_forms_say_where_we_are(self, mail: Mail):
        for address in (HEAD.support, HEAD.privacy):
            assert address in mail.text
            assert address in mail.html

    @pytest.mark.parametrize("mail", ALL)
    def test_it_can_be_read_in_light_and_in_dark(self, mail: Mail):
        """Every colour that is set for light is set for dark too, on the same element."""
        assert 'name="color-scheme" content="light dark"' in mail.html
        dark = mail.html.partition("(prefers-color-scheme: dark)")[2].partition("@media")[0]
        styled = [
            attrs
            for _, attrs in Page(mail.html).tags
            if re.search(r"(?:color|background)\s*:", attrs.get("style") or "")
        ]
        assert styled
        for attrs in styled:
            assert any(f".{name} " in dark for name in str(attrs["class"]).split()), attrs

    def test_the_same_facts_give_the_same_bytes(self):
        assert list(specimens(HEAD)) == list(specimens(HEAD))

    def test_the_token_stands_where_browsers_keep_it(self):
        assert address_of("https://a.example", "/reset", "t") == "https://a.example/reset#t"
        assert address_of("https://a.example", "/login", None) == "https://a.example/login"

    @given(WORDS, WORDS)
    def test_I8_I12_no_name_breaks_out(self, organization: str, inviter: str):
        facts = {**invitation().facts, "organization": Name(organization), "inviter": inviter}
        mail = compose(invitation(facts=facts), HEAD)
        assert "\n" not in mail.subject
        page = Page(mail.html)
        usual = Page(compose(invitation(), HEAD).html)
        assert [tag for tag, _ in page.tags] == [tag for tag, _ in usual.tags]
        assert "evil.example" not in mail.subject
        # The words that are ours stand at their places: a name adds lines to its paragraph, no paragraph.
        assert mail.text.count("\n\n") == compose(invitation(), HEAD).text.count("\n\n")
        assert mail.text.endswith(compose(invitation(), HEAD).text.partition("\n\n-- ")[2])


class TestDevice:
    @pytest.mark.parametrize(
        ("user_agent", "device"),
        [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", Device("Edge", "Windows")),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15", Device("Safari", "macOS")),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1", Device("Chrome", "iOS")),
            ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36", Device("Chrome", "Android")),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Device("Firefox", "Linux")),
            ("python-requests/2.32 Linux", Device(None, "Linux")),
            ("curl/8.10", Device(None, None)),
            ("", Device(None, None)),
        ],
    )  # fmt: skip
    def test_what_browsers_call_themselves(self, user_agent: str, device: Device):
        assert device_of(user_agent) == device
