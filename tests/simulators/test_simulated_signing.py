"""Our signer against the published vectors and against the official validator."""

import pytest
from twilio.request_validator import RequestValidator

from infra.simulators.twilio import signing

POSITIVE = [
    "T-1", "T-2", "T-3", "T-4", "T-5", "T-6", "T-7", "T-OWN-1", "T-OWN-2", "T-OWN-3", "T-OWN-4", "T-OWN-5",
    "T-256-1", "T-256-2", "T-256-3",
]  # fmt: skip


def sign(case, **changed):
    case = {**case, **changed}
    algorithm = signing.HMAC_SHA256 if case["alg"] == "sha256" else signing.HMAC_SHA1
    return signing.sign(case["url"], [tuple(pair) for pair in case["params"]], case["secret"], algorithm)


def test_no_vector_is_left_out(signatures):
    assert set(signatures) == set(POSITIVE)


@pytest.mark.parametrize("case", POSITIVE)
def test_known_answer(signatures, case):
    assert sign(signatures[case]) == signatures[case]["signature"]


@pytest.mark.parametrize(
    ("form", "wrong"), [("T-OWN-1", "T-OWN-2"), ("T-OWN-1", "T-OWN-3"), ("T-OWN-4", "T-OWN-5")]
)
def test_blanks_path_and_spaces_count(signatures, form, wrong):
    assert sign(signatures[form]) != signatures[wrong]["signature"]


def test_the_secret_and_the_hash_count(signatures):
    case = signatures["T-OWN-1"]
    assert sign(case, secret="another") != case["signature"]
    assert sign(case, alg="sha256") != case["signature"]


@pytest.mark.parametrize("algorithm", [signing.HMAC_SHA1, signing.HMAC_SHA256])
@pytest.mark.parametrize(
    "params",
    [{}, {"Body": ""}, {"Body": " ñ 👍 %+& "}, {"B": "1", "a": "2", "Aa": "3", "A": "4", "é": "5"}],
)
def test_the_official_validator_agrees(params, algorithm):
    url = "https://hooks.example.test/prod/twilio/inbound?tenant=42&q=a%20b"
    signature = signing.sign(url, params.items(), "secret", algorithm)
    assert RequestValidator("secret").validate(url, params, signature, algorithm)


def test_the_settings_header_is_the_one_the_sdk_reads():
    from twilio.request_validator import get_signature_algorithm

    assert get_signature_algorithm(signing.settings("webhooks_sharedkey_01")) == "HMAC_SHA256"
