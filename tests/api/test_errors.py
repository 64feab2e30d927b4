"""One shape for every refusal, whoever refuses."""

from __future__ import annotations

import json

import pytest
from django.test import override_settings

pytestmark = pytest.mark.django_db

TOKEN = "/api/v1/auth/token/"


def post(client, body, content_type="application/json"):
    return client.generic("POST", TOKEN, body, content_type=content_type)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b"[1, NaN]", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"9" * 5000, "invalid_json"),
        (b'{"username": "a\x00"}', "invalid_json"),
        (rb'{"username": "a\u0000", "password": "b"}', "invalid_text"),
        (rb'{"username": "a", "password": ["\ud800"]}', "invalid_text"),
        (rb'{"\u0000": "a"}', "invalid_text"),
        (b"[]", "bad_request"),
        (b"7", "bad_request"),
        (b"null", "bad_request"),
        (b"{}", "bad_request"),
        (b"", "bad_request"),
    ],
)
def test_a_body_that_is_none_is_400(anonymous, body, code):
    refused = post(anonymous, body)

    assert refused.status_code == 400
    assert refused.json()["code"] == code
    assert set(refused.json()) <= {"code", "message", "fields"}


def test_an_escaped_backslash_is_no_nul(anonymous):
    refused = post(anonymous, rb'{"username": "a\\u0000", "password": "b"}')

    assert refused.json()["code"] == "wrong_credentials"


def test_a_body_over_5_mb_is_413(anonymous):
    refused = post(anonymous, json.dumps({"username": "x" * (5 * 1024 * 1024)}))

    assert refused.status_code == 413
    assert refused.json()["code"] == "payload_too_large"


def test_a_body_in_chunks_is_411(anonymous):
    refused = anonymous.post(TOKEN, {}, "json", headers={"transfer-encoding": "chunked"})

    assert refused.status_code == 411
    assert refused.json()["code"] == "length_required"


def test_another_media_type_is_415(anonymous):
    refused = post(anonymous, b"username=a", "application/x-www-form-urlencoded")

    assert refused.status_code == 415
    assert refused.json()["code"] == "unsupported_media_type"


def test_another_method_is_405(anonymous):
    refused = anonymous.delete(TOKEN)

    assert refused.status_code == 405
    assert refused.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    ["/api/", "/api/v1/", "/api/v1/nothing/", "/api/v1/me", "/api/v2/me/", "/api/v1/sites/x/"],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_address_is_404(anonymous, path, method):
    refused = getattr(anonymous, method)(path)

    assert refused.status_code == 404
    assert refused.json()["code"] == "not_found"


def test_a_foreign_host_is_400(anonymous):
    refused = anonymous.get("/api/v1/me/", headers={"host": "evil.example"})

    assert refused.status_code == 400
    assert refused.json()["code"] == "bad_request"


def test_a_bug_is_500_without_its_secrets(manager, monkeypatch):
    def explode(*args, **kwargs):
        raise RuntimeError("secret")

    monkeypatch.setattr("sandbox.api.granted_sites", explode)
    manager.raise_request_exception = False

    broken = manager.get("/api/v1/sites/")

    assert broken.status_code == 500
    assert broken.json()["code"] == "internal_error"
    assert "secret" not in broken.content.decode()


@override_settings(DEBUG=False)
def test_the_message_speaks_the_readers_language(anonymous):
    chinese = anonymous.get("/api/v1/me/", headers={"accept-language": "zh-hans"}).json()
    english = anonymous.get("/api/v1/me/", headers={"accept-language": "en"}).json()

    assert english["message"] == "Authentication credentials were not provided."
    assert chinese["message"] != english["message"]
    assert chinese["code"] == english["code"]
