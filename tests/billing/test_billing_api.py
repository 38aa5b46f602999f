"""What an owner is shown: the month so far, and invoices as rows and as a page."""

import re
from datetime import date
from html.parser import HTMLParser
from uuid import uuid4

import pytest

from leadsrally.billing.page import CONTENT_SECURITY_POLICY
from tests.api.conftest import Client, person, problem
from tests.billing.invoices import an_invoice, at, close, used
from tests.world import Org, World


@pytest.fixture
def org(world: World) -> Org:
    world.clock.now = at(2027, 3, 12, 15)
    return world.organization('Harbour <b>Bikes</b> & "Co"', created_at=at(2027, 2, 1, 0))


@pytest.fixture
def owner(world: World, org: Org) -> Client:
    return person(world, org)


class TestUsage:
    def test_the_month_so_far_by_kind_and_by_day_with_what_it_comes_to(
        self, world: World, org: Org, owner: Client
    ):
        used(world, org, date(2027, 3, 1), quantity=2_000)
        used(world, org, date(2027, 3, 12), quantity=400)
        used(world, org, date(2027, 3, 12), "ai_input", 100, detail="claude-haiku-5-5")
        status, told = owner.get("/v1/billing/usage")
        assert status == 200
        assert (told["month"], told["time_zone"], told["plan"]) == ("2027-03-01", "UTC", "Standard")
        assert [(line["kind"], line["quantity"], line["amount"]) for line in told["lines"]] == [
            ("plan", 31, 4_900),
            ("ai_input", 100, 0),
            ("sms_out", 2_400, 120),
        ]
        assert (told["estimate"], told["currency"]) == (5_020, "USD")
        assert [(day["day"], day["kind"], day["quantity"]) for day in told["days"]] == [
            ("2027-03-01", "sms_out", 2_000),
            ("2027-03-12", "ai_input", 100),
            ("2027-03-12", "sms_out", 400),
        ]

    def test_it_is_what_the_invoice_says_in_the_end(self, world: World, org: Org, owner: Client):
        used(world, org, date(2027, 2, 3), quantity=2_100)
        close(world)
        used(world, org, date(2027, 2, 28), quantity=50, late=True)
        used(world, org, date(2027, 3, 3), "whatsapp_out", 1_234, detail="marketing")
        _, told = owner.get("/v1/billing/usage")
        world.clock.now = at(2027, 4)
        close(world)
        # The session is of last month.
        owner = person(world, org)
        _, page = owner.get("/v1/billing/invoices")
        assert [found["month"] for found in page["items"]] == ["2027-03-01", "2027-02-01"]
        _, found = owner.get(f"/v1/billing/invoices/{page['items'][0]['id']}")
        assert found["lines"] == told["lines"]
        assert found["total"] == told["estimate"]
        assert [line["month"] for line in found["lines"]] == ["2027-03-01", "2027-03-01", "2027-02-01"]

    def test_nothing_used_is_the_plan_alone(self, owner: Client):
        _, told = owner.get("/v1/billing/usage")
        assert (told["days"], told["estimate"]) == ([], 4_900)

    @pytest.mark.parametrize("role", ["admin", "agent", "viewer"])
    def test_T11_only_owners_are_shown_it(self, world: World, org: Org, role: str):
        problem(person(world, org, role).get("/v1/billing/usage"), 403, "forbidden")


class TestInvoices:
    def test_they_come_in_pages_newest_first(self, world: World, org: Org, owner: Client):
        ids = [str(an_invoice(world, org)) for _ in range(3)]
        status, first = owner.get("/v1/billing/invoices?limit=2")
        assert status == 200
        assert [found["id"] for found in first["items"]] == ids[:2]
        _, second = owner.get(f"/v1/billing/invoices?limit=2&cursor={first['next']}")
        assert [found["id"] for found in second["items"]] == ids[2:]
        assert second["next"] is None

    def test_how_long_one_is_kept_is_said(self, world: World, org: Org, owner: Client):
        found = an_invoice(world, org, date(2024, 2, 1))
        _, told = owner.get(f"/v1/billing/invoices/{found}")
        assert told["kept_until"] == "2031-03-01"

    @pytest.mark.parametrize("end", ["", "/copy"])
    def test_T1_one_that_is_not_there(self, owner: Client, end: str):
        problem(owner.get(f"/v1/billing/invoices/{uuid4()}{end}"), 404, "invoice_not_found")


class Reader(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @classmethod
    def of(cls, page: str) -> "Reader":
        reader = cls()
        reader.feed(page)
        return reader


class TestCopy:
    @pytest.fixture
    def page(self, world: World, org: Org, owner: Client) -> str:
        used(world, org, date(2027, 2, 3), quantity=2_100)
        used(world, org, date(2027, 2, 3), "whatsapp_out", detail="marketing")
        used(world, org, date(2027, 1, 31), "mms_in", late=True)
        close(world)
        found = world.value("SELECT id FROM invoices")
        status, page = owner.get(f"/v1/billing/invoices/{found}/copy")
        assert status == 200
        return page

    def test_it_says_what_the_invoice_says(self, page: str):
        text = Reader.of(page).text
        for told in (
            "Invoice 2027-000001",
            "2027-02 (UTC)",
            'Harbour <b>Bikes</b> & "Co"\nUS',
            "Plan, days: Standard",
            "Texts sent, parts",
            "2,100",
            "0.30 USD for 100",
            "WhatsApp messages sent: marketing",
            "MMS received (correction)",
            "49.30 USD",
        ):
            assert told in text, told

    def test_I7_a_name_is_text_and_no_markup(self, page: str):
        assert "b" not in {tag for tag, _ in Reader.of(page).tags}

    def test_it_needs_no_script_and_no_other_host(self, page: str):
        tags = Reader.of(page).tags
        assert not {"script", "img", "link", "iframe", "form", "object"} & {tag for tag, _ in tags}
        assert not any({"style", "onclick", "src", "href"} & attrs.keys() for _, attrs in tags)
        assert re.search(r"https?://|url\(|@import", page) is None

    def test_its_policy_lets_its_own_style_in_and_nothing_else(self, page: str):
        import base64
        import hashlib

        (style,) = re.findall(r"<style>(.*)</style>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY
        assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
        (policy,) = [attrs for tag, attrs in Reader.of(page).tags if "http-equiv" in attrs]
        assert policy["content"] == CONTENT_SECURITY_POLICY

    def test_it_can_be_read_aloud(self, page: str):
        """A language, a title, one main heading, and a table whose heads say what they are the heads of."""
        tags = Reader.of(page).tags
        names = [tag for tag, _ in tags]
        assert ("html", {"lang": "en"}) in tags
        assert names.count("h1") == names.count("main") == names.count("caption") == names.count("title") == 1
        heads = [attrs for tag, attrs in tags if tag == "th"]
        assert heads
        assert all(attrs.get("scope") in ("col", "row") for attrs in heads)
        assert "@media print" in page

    def test_it_is_handed_over_as_a_file_that_no_cache_keeps(self, world: World, org: Org, owner: Client):
        found = an_invoice(world, org, number="2027-000009")
        answer = world.call(
            f"/v1/billing/invoices/{found}/copy",
            method="GET",
            headers={"authorization": f"Bearer {owner.token}", "host": "api.example.test"},
        )
        assert answer.headers["content-disposition"] == 'attachment; filename="invoice-2027-000009.html"'
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
