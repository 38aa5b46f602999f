"""Known answers, and every way in which a request can fail to be Twilio's."""

import base64
import contextlib
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from leadsrally.kit.errors import Forbidden, LeadsRallyError, Misconfigured, Unsupported
from leadsrally.providers.twilio import signature
from leadsrally.providers.twilio.inbound import parse_message
from leadsrally.providers.twilio.signature import TwilioCredentials, verify

CASES = Path(__file__).parents[2] / "cases" / "twilio"
VECTORS: list[dict[str, Any]] = json.loads((CASES / "signatures.json").read_text())
VECTOR = {vector["id"]: vector for vector in VECTORS}
GENUINE = [vector for vector in VECTORS if not vector["note"].startswith("NEGATIVE")]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
TOKEN = "test-auth-token-0123456789abcdef"
URL = "https://hooks.example.test/prod/twilio/inbound?tenant=42"
SETTINGS_256 = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"


def pairs_of(vector: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in vector["params"]]


def credentials_of(vector: dict[str, Any]) -> TwilioCredentials:
    if vector["alg"] == "sha256":
        return TwilioCredentials("AC1", ("another-secret",), {"webhooks_sharedkey_1": vector["secret"]})
    return TwilioCredentials("AC1", (vector["secret"],), {"webhooks_sharedkey_1": "another-secret"})


def present(
    vector: dict[str, Any],
    *,
    url: str | None = None,
    body: bytes | None = None,
    credentials: TwilioCredentials | None = None,
    headers: dict[str, str] | None = None,
    params: Sequence[tuple[str, str]] | None = None,
) -> list[tuple[str, str]]:
    """Bring a vector to the door, changed in the parts that are given."""
    content_type = JSON if "raw_body" in vector else FORM
    if body is None:
        sent = pairs_of(vector) if params is None else params
        body = vector["raw_body"].encode() if "raw_body" in vector else urlencode(sent).encode()
    if headers is None:
        headers = {"x-twilio-signature": vector["signature"]}
        if vector["alg"] == "sha256":
            headers["x-twilio-webhooks-signature-settings"] = SETTINGS_256
    return verify(url or vector["url"], body, content_type, headers, credentials or credentials_of(vector))


def sign(url: str, params: Sequence[tuple[str, str]], token: str = TOKEN) -> str:
    """Twilio's rule written out once more, so that the tests do not lean on the code they test."""
    values: dict[str, set[str]] = {}
    for name, value in params:
        values.setdefault(name, set()).add(value)
    text = url + "".join(name + value for name in sorted(values) for value in sorted(values[name]))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def deliver(
    params: Sequence[tuple[str, str]], *, url: str = URL, body: bytes | None = None, **headers: str
) -> list[tuple[str, str]]:
    sent = urlencode(params).encode() if body is None else body
    given = {"x-twilio-signature": sign(url, params), **{k.replace("_", "-"): v for k, v in headers.items()}}
    return verify(url, sent, FORM, given, TwilioCredentials("AC1", (TOKEN,)))


# --- known answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", GENUINE, ids=lambda vector: vector["id"])
def test_a_known_signature_is_accepted(vector: dict[str, Any]) -> None:
    assert present(vector) == pairs_of(vector)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_W2_the_wrong_secret_is_refused(vector: dict[str, Any]) -> None:
    other = TwilioCredentials("AC1", ("wrong",), {"webhooks_sharedkey_1": "wrong"})
    with pytest.raises(Forbidden):
        present(vector, credentials=other)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_our_reading_of_the_rule_agrees_with_the_vectors(vector: dict[str, Any]) -> None:
    if vector["alg"] == "sha1":
        assert sign(vector["url"], pairs_of(vector), vector["secret"]) == vector["signature"]


class Repeatable(dict[str, list[str]]):
    """Parameters as Twilio's SDK wants them when a name comes twice."""

    getall = dict[str, list[str]].__getitem__


@given(st.lists(st.tuples(st.text("aAbZ1é", min_size=1, max_size=3), st.text("aB1 é&+%", max_size=3))))
def test_whatever_the_sdk_signs_is_genuine(params: list[tuple[str, str]]) -> None:
    values = Repeatable()
    for name, value in params:
        values.setdefault(name, []).append(value)
    headers = {"x-twilio-signature": RequestValidator(TOKEN).compute_signature(URL, values)}
    credentials = TwilioCredentials("AC1", (TOKEN,))
    assert verify(URL, urlencode(params).encode(), FORM, headers, credentials) == params


@pytest.mark.parametrize(
    ("negative", "of"), [("T-OWN-2", "T-OWN-1"), ("T-OWN-3", "T-OWN-1"), ("T-OWN-5", "T-OWN-4")]
)
def test_W6_a_lost_blank_a_lost_stage_and_a_trimmed_body_are_refused(negative: str, of: str) -> None:
    with pytest.raises(Forbidden):
        present(VECTOR[of], headers={"x-twilio-signature": VECTOR[negative]["signature"]})


def test_the_documented_wire_form_is_read_as_documented() -> None:
    wire = (
        b"MessageSid=SM00000000000000000000000000000001&AccountSid=AC00000000000000000000000000000001"
        b"&From=%2B15005550006&To=%2B15005550010&Body=Caf%C3%A9+%F0%9F%91%8D+%26+more+%2B+100%25&NumMedia=0"
        b"&ToCity=&FromZip="
    )
    assert present(VECTOR["T-OWN-1"], body=wire) == pairs_of(VECTOR["T-OWN-1"])


@pytest.mark.parametrize(
    "url",
    [
        "https://mycompany.com/myapp.php?foo=1&bar=2",
        "https://mycompany.com:1234/myapp.php?foo=1&bar=2",
        "https://mycompany.com:443/myapp.php?foo=1&bar=2",
    ],
)
def test_W6_a_port_that_twilio_did_not_sign_does_no_harm(url: str) -> None:
    assert present(VECTOR["T-1"], url=url)


@pytest.mark.parametrize(("vector", "with_port"), [("T-2", "https"), ("T-4", "http")])
def test_W6_a_port_that_twilio_signed_is_put_back(vector: str, with_port: str) -> None:
    assert present(VECTOR[vector], url=f"{with_port}://mycompany.com/myapp.php?foo=1&bar=2")


def test_W6_another_query_or_a_trailing_slash_is_another_address() -> None:
    for url in (
        "https://mycompany.com/myapp.php?bar=2&foo=1",
        "https://mycompany.com/myapp.php/?foo=1&bar=2",
    ):
        with pytest.raises(Forbidden):
            present(VECTOR["T-1"], url=url)


@pytest.mark.parametrize(
    "query",
    ["a=1+2", "a=1%202", "a=1&a=2", "a=", "a", "a=%2B", "a=1&&b=2", "name=O'Hara", "name=O%27Hara", ""],
)
def test_W6_a_query_is_signed_as_it_was_sent(query: str) -> None:
    url = f"https://hooks.example.test/stage/x/?{query}"
    assert deliver([("A", "1")], url=url)


@pytest.mark.parametrize(("signed", "seen"), [("'", "%27"), ("%27", "'")])
def test_a_quote_in_the_query_is_accepted_in_both_forms(signed: str, seen: str) -> None:
    params = [("A", "1")]
    header = sign(f"https://hooks.example.test/x?name=O{signed}Hara", params)
    url = f"https://hooks.example.test/x?name=O{seen}Hara"
    credentials = TwilioCredentials("AC1", (TOKEN,))
    assert verify(url, b"A=1", FORM, {"x-twilio-signature": header}, credentials) == params


def test_repeats_blanks_and_order_come_out_as_they_went_in() -> None:
    params = [("Digits", "5678"), ("Z", ""), ("Digits", "1234"), ("Digits", "1234"), ("A", " stop ")]
    assert deliver(params) == params


# --- W1: no signature ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"x-twilio-signature": ""}, {"x-twilio-signature": None}])
def test_W1_no_or_an_empty_signature_is_refused(headers: Any) -> None:
    with pytest.raises(Forbidden):
        present(VECTOR["T-1"], headers=headers)


@pytest.mark.parametrize(
    "header", ["x", "\x00", "\udcff", "é", "=" * 10_000, " RSOYDt4T1cUTdK1PDd93/VVr8B8="]
)
def test_W1_a_signature_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(Forbidden):
        present(VECTOR["T-1"], headers={"x-twilio-signature": header})


def test_W18_two_tokens_verify_while_they_are_being_rotated() -> None:
    old, new = TwilioCredentials("AC1", ("12345",)), TwilioCredentials("AC1", ("new",))
    both = TwilioCredentials("AC1", ("new", "12345"))
    assert present(VECTOR["T-1"], credentials=old)
    assert present(VECTOR["T-1"], credentials=both)
    with pytest.raises(Forbidden):
        present(VECTOR["T-1"], credentials=new)


@pytest.mark.parametrize("tokens", [(), ("",)])
def test_W2_without_a_token_nothing_verifies(tokens: tuple[str, ...]) -> None:
    empty = base64.b64encode(hmac.new(b"", (URL + "A1").encode(), hashlib.sha1).digest()).decode()
    with pytest.raises(Forbidden):
        verify(URL, b"A=1", FORM, {"x-twilio-signature": empty}, TwilioCredentials("AC1", tokens))


# --- SHA-256 mode -------------------------------------------------------------------------------------------------


def test_a_sha256_signature_counts_only_in_its_own_mode() -> None:
    vector = VECTOR["T-256-1"]
    everything = TwilioCredentials("AC1", (vector["secret"],), {"webhooks_sharedkey_1": vector["secret"]})
    with pytest.raises(Forbidden):
        present(vector, headers={"x-twilio-signature": vector["signature"]}, credentials=everything)
    sha1 = {
        "x-twilio-signature": VECTOR["T-1"]["signature"],
        "x-twilio-webhooks-signature-settings": SETTINGS_256,
    }
    with pytest.raises(Forbidden):
        present(vector, headers=sha1, credentials=everything)


def test_the_auth_token_never_signs_in_sha256_mode() -> None:
    vector = VECTOR["T-256-1"]
    for keys in ({}, {"another": vector["secret"]}, {"": vector["secret"]}, {"webhooks_sharedkey_1": ""}):
        with pytest.raises(Forbidden):
            present(vector, credentials=TwilioCredentials("AC1", (vector["secret"],), keys))


def test_a_shared_key_never_signs_in_sha1_mode() -> None:
    vector = VECTOR["T-1"]
    with pytest.raises(Forbidden):
        present(vector, credentials=TwilioCredentials("AC1", ("other",), {"k": vector["secret"]}))


@pytest.mark.parametrize(
    "header",
    [
        "key=webhooks_sharedkey_1,algorithm=HMAC_SHA512",
        "algorithm=none",
        "algorithm=HMAC_SHA256",
        "key=,algorithm=HMAC_SHA256",
        "key=unknown,algorithm=HMAC_SHA256",
        "algorithm=HMAC_MD5,key=webhooks_sharedkey_1",
    ],
)
def test_an_unknown_algorithm_or_key_is_refused(header: str) -> None:
    vector = VECTOR["T-256-1"]
    headers = {"x-twilio-signature": vector["signature"], "x-twilio-webhooks-signature-settings": header}
    with pytest.raises(Forbidden):
        present(vector, headers=headers)


@pytest.mark.parametrize(
    "header", [SETTINGS_256, " algorithm = hmac_sha256 , key = webhooks_sharedkey_1 ", "x=1," + SETTINGS_256]
)
def test_the_settings_header_is_read_loosely(header: str) -> None:
    vector = VECTOR["T-256-3"]
    headers = {"x-twilio-signature": vector["signature"], "x-twilio-webhooks-signature-settings": header}
    assert present(vector, headers=headers) == pairs_of(vector)


@pytest.mark.parametrize("header", ["", "key=webhooks_sharedkey_1", "algorithm=HMAC_SHA1"])
def test_without_an_algorithm_the_auth_token_decides(header: str) -> None:
    vector = VECTOR["T-1"]
    headers = {"x-twilio-signature": vector["signature"], "x-twilio-webhooks-signature-settings": header}
    assert present(vector, headers=headers)


# --- W5: JSON -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", ["T-6", "T-7", "T-256-2"])
def test_W5_another_json_body_is_refused_though_the_address_is_signed(vector: str) -> None:
    for body in (b"", b"{}", VECTOR[vector]["raw_body"].encode() + b" "):
        with pytest.raises(Forbidden):
            present(VECTOR[vector], body=body)


def test_W5_a_wrong_or_missing_body_hash_is_refused_and_never_crashes() -> None:
    vector = VECTOR["T-6"]
    for query in ("foo=1&bar=2", "bodySHA256=", "bodySHA256=00", "bodySHA256=%ff", ""):
        url = f"https://mycompany.com/myapp.php?{query}"
        with pytest.raises(Forbidden):
            present(vector, url=url, headers={"x-twilio-signature": sign(url, [], "12345")})


# --- W13: what Twilio does not send -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/xml",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset=iso-8859-1",
        "application/octet-stream",
        "application/x-www-form-urlencodedx",
    ],
)
def test_W13_another_content_type_is_not_supported(content_type: str) -> None:
    headers = {"x-twilio-signature": sign(URL, [("A", "1")])}
    with pytest.raises(Unsupported):
        verify(URL, b"A=1", content_type, headers, TwilioCredentials("AC1", (TOKEN,)))


@pytest.mark.parametrize(
    "content_type", [FORM, FORM.upper(), FORM + ";charset=UTF-8", FORM + '; charset="utf-8"', f" {FORM} ; "]
)
def test_W13_a_form_by_any_spelling_is_read(content_type: str) -> None:
    headers = {"x-twilio-signature": sign(URL, [("A", "1")])}
    assert verify(URL, b"A=1", content_type, headers, TwilioCredentials("AC1", (TOKEN,))) == [("A", "1")]


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity"])
def test_W13_a_compressed_body_is_not_unpacked(encoding: str) -> None:
    with pytest.raises(Unsupported):
        deliver([("A", "1")], content_encoding=encoding)


# --- W12: huge and nested -----------------------------------------------------------------------------------------


def test_W12_too_many_parameters_are_refused() -> None:
    body = b"&".join(b"a%d=" % index for index in range(10_000))
    with pytest.raises(Forbidden):
        deliver([("A", "1")], body=body)


def test_W12_as_many_parameters_as_allowed_are_read() -> None:
    params = [(f"P{index}", "") for index in range(signature.MAX_PARAMETERS)]
    assert deliver(params) == params


def test_W12_nested_json_is_hashed_and_not_parsed() -> None:
    body = b"[" * 30_000 + b"]" * 30_000
    url = f"https://h.example.test/x?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"x-twilio-signature": sign(url, [])}
    assert verify(url, body, JSON, headers, TwilioCredentials("AC1", (TOKEN,))) == []


@pytest.mark.parametrize("body", [b"A=%ff", b"A=\xff", b"%C3=1", b"A=%ED%A0%80", b"A=%C3&B=%A9"])
def test_bytes_that_are_no_text_are_refused_and_never_crash(body: bytes) -> None:
    with pytest.raises(Forbidden):
        deliver([("A", "\ufffd")], body=body)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "https://h:x/y",
        "https://h:99999/y",
        "https://[::1/y",
        "https://h/\udcff",
        "//",
        "http://[::1]:80/",
    ],
)
def test_an_address_that_is_none_is_refused_and_never_crashes(url: str) -> None:
    with pytest.raises(Forbidden):
        verify(url, b"A=1", FORM, {"x-twilio-signature": "x"}, TwilioCredentials("AC1", (TOKEN,)))


# --- W3, W4: changed on the way -----------------------------------------------------------------------------------

MESSAGE = pairs_of(VECTOR["T-OWN-1"])
WIRE = urlencode(MESSAGE).encode()


def decoded(body: bytes) -> list[tuple[str, str]] | None:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        return None


@given(st.integers(0, len(WIRE) - 1), st.integers(1, 255))
@settings(max_examples=400, deadline=None)
def test_W3_a_changed_byte_in_the_body_is_refused(at: int, flip: int) -> None:
    changed = bytearray(WIRE)
    changed[at] ^= flip
    if decoded(bytes(changed)) == MESSAGE:  # %c3 for %C3: other bytes, the same message
        return
    with pytest.raises(Forbidden):
        present(VECTOR["T-OWN-1"], body=bytes(changed))


@given(st.integers(len("https://"), len(URL) - 1), st.integers(1, 127))
@settings(max_examples=400, deadline=None)
def test_W3_a_changed_byte_in_the_address_is_refused(at: int, flip: int) -> None:
    changed = URL[:at] + chr(ord(URL[at]) ^ flip) + URL[at + 1 :]
    with pytest.raises(Forbidden):
        present(VECTOR["T-OWN-1"], url=changed)


@given(st.integers(0, 26), st.integers(1, 255))
@settings(deadline=None)
def test_W3_a_changed_byte_in_the_signature_is_refused(at: int, flip: int) -> None:
    given_signature = VECTOR["T-OWN-1"]["signature"]
    changed = given_signature[:at] + chr(ord(given_signature[at]) ^ flip) + given_signature[at + 1 :]
    with pytest.raises(Forbidden):
        present(VECTOR["T-OWN-1"], headers={"x-twilio-signature": changed})


def test_W4_a_moved_boundary_verifies_and_is_still_not_acted_on() -> None:
    sid = "SM" + "0" * 32
    genuine = [
        ("Body", "STOP"),
        ("From", "+15005550006"),
        ("MessageSid", sid),
        ("NumMedia", "0"),
        ("To", "+15005550010"),
    ]
    header = {"x-twilio-signature": sign(URL, genuine)}
    credentials = TwilioCredentials("AC1", (TOKEN,))
    assert parse_message(verify(URL, urlencode(genuine).encode(), FORM, header, credentials)).body == "STOP"
    shifts: list[list[tuple[str, str]]] = [
        [("BodySTOP", ""), *genuine[1:]],
        [("Body", "STOPFrom+15005550006"), *genuine[2:]],
        # The dangerous one: a fresh id would make a replay look new.
        [*genuine[:2], ("MessageSid", sid + "NumMedia0"), genuine[4]],
        [*genuine[:2], ("MessageSid", sid + "NumMedia"), ("0To", "+15005550010")],
        [*genuine[:1], ("From", "+15005550006MessageSid" + sid), *genuine[3:]],
        [("Body", "STOP"), ("From", "+15005550006"), ("MessageSidSM", sid[2:]), *genuine[3:]],
    ]
    verified = 0
    for shifted in shifts:
        with contextlib.suppress(Forbidden):
            proven = verify(URL, urlencode(shifted).encode(), FORM, header, credentials)
            verified += 1
            with pytest.raises(LeadsRallyError):
                parse_message(proven)
    assert verified >= 4  # the rule of the signature really allows it; the parser is what stops it


# --- the form reader ----------------------------------------------------------------------------------------------


@given(st.text("ab=&+%2BC39é;\x00 ", max_size=60))
@settings(max_examples=500, deadline=None)
def test_the_form_is_read_exactly_as_the_standard_library_reads_it(text: str) -> None:
    raw = text.encode()
    try:
        expected = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            signature._form(raw)
        return
    assert signature._form(raw) == expected


@given(
    st.binary(max_size=200),
    st.text(max_size=40),
    st.sampled_from([FORM, JSON, "x"]),
    st.dictionaries(
        st.sampled_from(["x-twilio-signature", "x-twilio-webhooks-signature-settings", "content-encoding"]),
        st.text(max_size=60),
    ),
)
@settings(max_examples=300, deadline=None)
def test_whatever_comes_the_answer_is_one_of_our_errors(
    body: bytes, url: str, content_type: str, headers: dict[str, str]
) -> None:
    with pytest.raises(LeadsRallyError):
        verify(url, body, content_type, headers, TwilioCredentials("AC1", (TOKEN,)))


# --- credentials --------------------------------------------------------------------------------------------------


UNTIL = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_W18_a_replaced_token_verifies_until_its_end_and_not_a_moment_longer() -> None:
    renewed = TwilioCredentials("AC1", ("old", "older"), {"k": "s"}).renewed("new", UNTIL)
    assert renewed == TwilioCredentials("AC1", ("new", "old"), {"k": "s"}, UNTIL)
    assert TwilioCredentials.from_json(renewed.to_json()) == renewed
    assert renewed.at(UNTIL - timedelta(microseconds=1)).auth_tokens == ("new", "old")
    assert renewed.at(UNTIL).auth_tokens == ("new",)
    assert renewed.at(UNTIL).shared_keys == {"k": "s"}
    assert renewed.renewed("new", UNTIL) is None


def test_W18_without_an_end_all_tokens_verify_for_ever() -> None:
    """What was sealed before ends were kept."""
    document = b'{"account_sid":"AC1","auth_tokens":["a","b"],"shared_keys":{}}'
    credentials = TwilioCredentials.from_json(document)
    assert credentials.at(datetime.max.replace(tzinfo=UTC)) == credentials


@pytest.mark.parametrize("moment", ['"soon"', "0", "[]", '"2026-11-24T12:00:00"', "false"])
def test_W18_an_end_that_is_no_moment_is_refused(moment: str) -> None:
    document = f'{{"account_sid":"AC1","auth_tokens":["a"],"previous_until":{moment}}}'
    with pytest.raises(Misconfigured):
        TwilioCredentials.from_json(document.encode())


def test_credentials_come_back_from_json_and_show_no_secret() -> None:
    credentials = TwilioCredentials("AC1", ("canary-one", "canary-two"), {"k": "canary-three"})
    assert TwilioCredentials.from_json(credentials.to_json()) == credentials
    assert repr(credentials) == "TwilioCredentials(account_sid='AC1')"
    assert TwilioCredentials.from_json(b'{"account_sid":"AC1","auth_tokens":["t"]}') == TwilioCredentials(
        "AC1", ("t",)
    )


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"account_sid":1,"auth_tokens":["canary"]}',
        b'{"account_sid":"AC1","auth_tokens":"canary"}',
        b'{"account_sid":"AC1","auth_tokens":["canary",1]}',
        b'{"account_sid":"AC1","auth_tokens":[""]}',
        b'{"account_sid":"AC1","auth_tokens":["canary"],"shared_keys":{"k":1}}',
        b'{"account_sid":"AC1","auth_tokens":["canary"],"shared_keys":[]}',
    ],
)
def test_credentials_that_cannot_be_read_are_not_quoted(document: bytes) -> None:
    with pytest.raises(Misconfigured) as raised:
        TwilioCredentials.from_json(document)
    assert "canary" not in str(raised.value)


# --- cost ---------------------------------------------------------------------------------------------------------


def test_the_door_imports_nothing_else_of_the_sdk() -> None:
    code = (
        "import sys, leadsrally.providers.twilio.signature, leadsrally.providers.twilio.inbound;"
        "sys.exit(str(sorted(m for m in sys.modules if m.split('.')[0] in ('twilio', 'requests', 'aiohttp'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "['twilio', 'twilio.request_validator']"
