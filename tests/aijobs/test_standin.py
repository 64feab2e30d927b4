"""The stand-in itself: both protocols, faults to order, its record, repeatability."""

from __future__ import annotations

import pytest
import requests

from aijobs.errors import ProviderError, Throttled
from aijobs.providers import Provider, Request
from aijobs.providers.dashscope import DashScope
from aijobs.providers.openai import OpenAI
from aijobs.registry import AI_APPS
from aijobs.standin.answers import ANSWERS
from aijobs.standin.faults import Schedule
from aijobs.standin.server import StandIn
from zqyy.durable.loss import Loss

PROVIDERS = {"dashscope": DashScope, "openai": OpenAI}


@pytest.fixture
def server():
    server = StandIn()
    yield server
    server.stop()


@pytest.fixture(params=PROVIDERS)
def provider(request, server, settings) -> Provider:
    for name, value in server.settings(request.param).items():
        setattr(settings, name, value)
    return PROVIDERS[request.param]()


def ask(provider: Provider, app: str = "app7_customer", **features):
    return provider.complete(
        Request(
            app=app,
            prompt=AI_APPS[app].prompt(features),
            features=features,
            seconds=5,
            max_output_tokens=100,
            loss=Loss(),
        )
    )


@pytest.mark.parametrize("app", AI_APPS)
def test_every_app_gets_a_valid_answer_through_either_protocol(provider, server, app):
    text = ask(provider, app).text

    AI_APPS[app].output.model_validate_json(text)
    assert [(call.app, call.shape) for call in server.calls] == [(app, provider.name)]


def test_its_record_and_the_callers_agree_on_number_and_tokens(provider, server):
    completion = ask(provider, member="会员#1")

    (call,) = server.calls
    assert completion.request_id == f"r-{call.n}"
    assert completion.tokens_in == len(call.prompt)
    assert call.at <= call.answered_at
    assert "会员#1" in call.prompt


def test_it_bills_what_it_is_told_to(provider, server):
    server.order("app7_customer", tokens_out=99_999)

    assert ask(provider).tokens_out == 99_999


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("throttled", "throttled"),
        ("error", "provider_error"),
        ("auth", "auth"),
        ("bad_request", "bad_request"),
        ("content_blocked", "content_blocked"),
        ("garbage", "provider_error"),
        ("reset", "provider_error"),
    ],
)
def test_each_fault_reaches_the_caller_as_its_code(provider, server, fault, code):
    server.order("app7_customer", fault=fault, times=1)

    with pytest.raises(ProviderError) as failure:
        ask(provider)

    assert failure.value.code == code
    assert ask(provider).text
    assert [call.fault for call in server.calls] == [fault, ""]


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (401, "InvalidApiKey", "auth"),
        (403, "AccessDenied", "auth"),
        (400, "InvalidParameter", "bad_request"),
        (404, "ModelNotFound", "bad_request"),
        (400, "DataInspectionFailed", "content_blocked"),
        (429, "Throttling", "throttled"),
        (429, "Throttling.RateQuota", "throttled"),
        (429, "Throttling.AllocationQuota", "throttled"),
        (500, "InternalError", "provider_error"),
        (503, "ModelServingError", "provider_error"),
    ],
)
def test_each_code_of_dashscope_has_its_meaning(server, settings, status, code, meaning):
    for name, value in server.settings("dashscope").items():
        setattr(settings, name, value)
    body = {"code": code, "message": "no", "request_id": "abc"}
    server.order("*", status=status, body=body)

    with pytest.raises(ProviderError) as failure:
        ask(DashScope())

    assert failure.value.code == meaning
    assert str(failure.value) == f"{status} {code} abc"


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (401, "invalid_api_key", "auth"),
        (403, "access_denied", "auth"),
        (400, "invalid_parameter_error", "bad_request"),
        (404, "model_not_found", "bad_request"),
        (400, "data_inspection_failed", "content_blocked"),
        (400, "content_filter", "content_blocked"),
        (429, "rate_limit_exceeded", "throttled"),
        (429, "insufficient_quota", "throttled"),
        (500, "internal_error", "provider_error"),
        (503, None, "provider_error"),
    ],
)
def test_each_code_of_openai_has_its_meaning(server, settings, status, code, meaning):
    for name, value in server.settings("openai").items():
        setattr(settings, name, value)
    server.order("*", status=status, body={"error": {"code": code, "message": "no"}})

    with pytest.raises(ProviderError) as failure:
        ask(OpenAI())

    assert failure.value.code == meaning
    assert str(failure.value) == f"{status} {code or ''}".strip()


def test_a_throttled_caller_is_told_when_to_come_back(provider, server):
    server.order("*", fault="throttled", headers={"Retry-After": "7"})

    with pytest.raises(Throttled) as failure:
        ask(provider)

    assert failure.value.retry_after == 7


def test_a_caller_that_left_was_not_answered(server):
    server.latency = 5
    with pytest.raises(requests.Timeout):
        requests.post(
            f"{server.url}/api/v1/apps/app7_customer/completion",
            json={"input": {"prompt": "x"}},
            timeout=0.2,
        )

    (call,) = server.calls
    assert (call.status, call.answered_at) == (None, None)


def test_a_schedule_repeats_by_its_seed():
    def drawn(seed: int) -> list[str]:
        schedule = Schedule(seed=seed, shares={"error": 0.2, "hang": 0.2})
        return [schedule.draw("app3_clue") for _call in range(50)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert set(drawn(1)) == {"error", "hang", ""}


def test_a_schedule_refuses_faults_it_does_not_know():
    with pytest.raises(ValueError, match="boredom"):
        Schedule(seed=1, shares={"boredom": 0.5})


def test_it_is_ordered_about_over_http(provider, server):
    def post(path: str, body: dict) -> int:
        return requests.post(f"{server.url}{path}", json=body, timeout=5).status_code

    assert post("/orders", {"app": "*", "text": "x", "times": 1}) == 200
    assert ask(provider).text == "x"
    assert post("/behaviour", {"schedule": {"seed": 1, "shares": {"error": 1.0}}}) == 200
    with pytest.raises(ProviderError):
        ask(provider)
    assert post("/orders", {"fault": "boredom"}) == 400
    assert post("/nowhere", {}) == 404

    calls = requests.get(f"{server.url}/calls?after=1", timeout=5).json()["calls"]
    assert [(call["n"], call["fault"]) for call in calls] == [(2, "error")]


def test_it_knows_an_answer_for_every_app():
    assert set(AI_APPS) <= set(ANSWERS)
