"""Only what Meta signed, over the very bytes that came; and the word that proves an address is ours."""

import base64
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit import gateway
from leadsrally.kit.errors import Forbidden, LeadsRallyError, Unsupported
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.signature import SIGNATURE_HEADER, answer_challenge, verify

CASES: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "cases" / "meta" / "signatures.json").read_text()
)
VECTORS: dict[str, dict[str, Any]] = {case["id"]: case for case in CASES["vectors"]}
SECRET: str = CASES["app_secret"]
OURS = MetaCredentials((SECRET,), "agreed-word", "EAAG-token")
JSON = {"content-type": "application/json"}


def body(name: str) -> bytes:
    return base64.b64decode(VECTORS[name]["body_base64"])


def signed(raw: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.digest(secret.encode(), raw, "sha256").hex()


def refused(raw: bytes, headers: dict[str, str], credentials: MetaCredentials = OURS) -> str:
    with pytest.raises(LeadsRallyError) as error:
        verify(raw, {**JSON, **headers}, credentials)
    return error.value.code


class TestVectors:
    @pytest.mark.parametrize("name", VECTORS)
    def test_each_verifies_over_its_own_bytes(self, name: str):
        case = VECTORS[name]
        assert len(body(name)) == case["length"]
        verify(body(name), {**JSON, SIGNATURE_HEADER: case["header"]}, OURS)

    @pytest.mark.parametrize("name", VECTORS)
    def test_W3_no_other_body_goes_with_its_signature(self, name: str):
        """M-5 and M-6 are M-4 parsed and written again; M-3 is M-2 with a line end."""
        for other in VECTORS.keys() - {name}:
            assert refused(body(other), {SIGNATURE_HEADER: VECTORS[name]["header"]}) == "signature"

    def test_the_escapes_are_in_the_bytes(self):
        assert b"\\u00e4" in body("M-4")
        assert json.loads(body("M-4")) == json.loads(body("M-5")) == json.loads(body("M-6"))

    @pytest.mark.parametrize("encoded", [True, False], ids=["base64", "text"])
    def test_the_gateway_may_bring_it_either_way(self, encoded: bool):
        case = VECTORS["M-4"]
        request = gateway.read(
            {
                "requestContext": {"http": {"method": "POST"}, "requestId": "r"},
                "rawPath": "/webhooks/meta/k",
                "headers": {**JSON, SIGNATURE_HEADER: case["header"]},
                "body": case["body_base64"] if encoded else body("M-4").decode(),
                "isBase64Encoded": encoded,
            }
        )
        verify(request.body, request.headers, OURS)


class TestRefused:
    RAW = body("M-2")
    HEADER: str = VECTORS["M-2"]["header"]

    @pytest.mark.parametrize("headers", [{}, {SIGNATURE_HEADER: ""}], ids=["absent", "empty"])
    def test_W1_no_signature(self, headers: dict[str, str]):
        assert refused(self.RAW, headers) == "signature_missing"

    def test_W1_only_the_old_header(self):
        assert refused(self.RAW, {"x-hub-signature": "sha1=" + "0" * 40}) == "signature_missing"

    @pytest.mark.parametrize(
        "header",
        [
            HEADER.removeprefix("sha256="),
            "sha256=" + HEADER.removeprefix("sha256=").upper(),
            HEADER.replace("sha256=", "SHA256="),
            HEADER.replace("sha256=", "sha1="),
            f"{HEADER} ",
            f"{HEADER}\n",
            HEADER[:-1],
            "None",
            "sha256=" + "\u0661" * 64,
            f"{HEADER},{HEADER}",
        ],
        ids=["no prefix", "upper case", "PREFIX", "sha1", "space", "line end", "short", "None", "other digits", "twice"],
    )  # fmt: skip
    def test_W1_another_form_of_it(self, header: str):
        assert refused(self.RAW, {SIGNATURE_HEADER: header}) == "signature"

    def test_W2_another_secret(self):
        assert refused(self.RAW, {SIGNATURE_HEADER: signed(self.RAW, "somebody else's")}) == "signature"

    @given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
    def test_W3_one_byte_changed(self, place: int, by: int):
        changed = bytearray(self.RAW)
        changed[place] ^= by
        assert refused(bytes(changed), {SIGNATURE_HEADER: self.HEADER}) == "signature"

    @pytest.mark.parametrize(
        "kind",
        ["", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/jsonp"],
    )  # fmt: skip
    def test_W13_another_type_of_body(self, kind: str):
        with pytest.raises(Unsupported):
            verify(self.RAW, {SIGNATURE_HEADER: self.HEADER, "content-type": kind}, OURS)

    def test_W13_a_compressed_body(self):
        headers = {SIGNATURE_HEADER: self.HEADER, "content-encoding": "gzip"}
        assert refused(self.RAW, headers) == "content_encoding"

    def test_a_charset_does_no_harm(self):
        headers = {SIGNATURE_HEADER: self.HEADER, "content-type": "Application/JSON; charset=utf-8"}
        verify(self.RAW, headers, OURS)


class TestRotation:
    RAW = body("M-4")

    def test_W18_both_secrets_verify_until_the_old_one_is_taken_away(self):
        both = MetaCredentials(("new", SECRET), "v", "t")
        for secret in ("new", SECRET):
            verify(self.RAW, {**JSON, SIGNATURE_HEADER: signed(self.RAW, secret)}, both)
        assert refused(self.RAW, {SIGNATURE_HEADER: signed(self.RAW, "third")}, both) == "signature"
        new = MetaCredentials(("new",), "v", "t")
        assert refused(self.RAW, {SIGNATURE_HEADER: signed(self.RAW)}, new) == "signature"


def asked(mode: str = "subscribe", token: str = "agreed-word", challenge: str = "1158201444") -> str:
    return f"hub.mode={quote(mode)}&hub.challenge={quote(challenge)}&hub.verify_token={quote(token)}"


class TestChallenge:
    """W16: the address is confirmed to whoever knows the word, and nothing else is ever echoed."""

    @pytest.mark.parametrize("challenge", ["1158201444", "0", "aB3_-"])
    def test_W16_the_challenge_comes_back_word_for_word(self, challenge: str):
        assert answer_challenge(asked(challenge=challenge), OURS) == challenge

    @pytest.mark.parametrize(
        "query",
        [
            "",
            asked(token="other-word"),
            asked(token=""),
            asked(token="agreed-wor\u0430"),
            asked(token="\ud800".encode("utf-8", "surrogatepass").decode("latin-1")),
            asked(mode="unsubscribe"),
            asked(mode=""),
            "hub.challenge=1&hub.verify_token=agreed-word",
            "&".join(f"a{n}=1" for n in range(100)),
        ],
    )
    def test_W16_without_the_word_nothing_comes_back(self, query: str):
        with pytest.raises(Forbidden) as error:
            answer_challenge(query, OURS)
        assert error.value.code == "verify_token"

    @pytest.mark.parametrize(
        "challenge", ["", "<script>alert(1)</script>", "1\r\nSet-Cookie: a=b", "1 2", "9" * 201, "\u0661"]
    )
    def test_W16_what_could_be_markup_is_not_echoed(self, challenge: str):
        with pytest.raises(Forbidden) as error:
            answer_challenge(asked(challenge=challenge), OURS)
        assert error.value.code == "challenge"

    def test_W16_a_channel_without_a_word_confirms_nothing(self):
        with pytest.raises(Forbidden):
            answer_challenge(asked(token=""), MetaCredentials((SECRET,), "", "t"))
