"""The stand-in speaks the protocols as the makers' own clients expect them."""

from __future__ import annotations

from http import HTTPStatus
from itertools import pairwise

import dashscope
import openai
import pytest
from dashscope.app.application_response import ApplicationResponse

from aijobs.standin.answers import ANSWERS
from aijobs.standin.server import KEY, StandIn

TEXT = "上周实收 1234.00 元〔1〕，比前一周多。"


@pytest.fixture
def server():
    server = StandIn()
    yield server
    server.stop()


@pytest.fixture
def application(server, monkeypatch):
    """`dashscope.Application.call` against the stand-in."""
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{server.url}/api/v1")

    def call(*, api_key: str = KEY, **options) -> ApplicationResponse:
        return dashscope.Application.call(
            app_id="app7_customer", prompt="会员#1", api_key=api_key, **options
        )

    return call


@pytest.fixture
def completions(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client.chat.completions


QUESTION = {"model": "app7_customer", "messages": [{"role": "user", "content": "会员#1"}]}


# --- dashscope -----------------------------------------------------------------------------------


def test_dashscope_reads_an_answer(application, server):
    response = application(session_id="s-1")

    assert (response.status_code, response.request_id) == (HTTPStatus.OK, "r-1")
    assert (response.output.finish_reason, response.output.session_id) == ("stop", "s-1")
    assert ANSWERS["app7_customer"]["profile"] in response.output.text
    (usage,) = response.usage.models
    assert (usage.model_id, usage.input_tokens, usage.output_tokens) == (
        "qwen-test",
        len("会员#1"),
        len(response.output.text),
    )
    assert [(call.app, call.prompt) for call in server.calls] == [("app7_customer", "会员#1")]


def test_dashscope_reads_a_stream_of_what_is_new(application, server):
    server.order("*", text=TEXT)

    parts = list(application(stream=True, incremental_output=True))

    assert {part.status_code for part in parts} == {HTTPStatus.OK}
    assert "".join(part.output.text for part in parts) == TEXT
    assert [part.output.finish_reason for part in parts] == ["null"] * (len(parts) - 1) + ["stop"]
    assert parts[-1].usage.models[0].output_tokens == len(TEXT)


def test_dashscope_reads_a_stream_of_all_so_far(application, server):
    server.order("*", text=TEXT)

    texts = [part.output.text for part in application(stream=True)]

    assert texts[-1] == TEXT
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("auth", 401, "InvalidApiKey"),
        ("bad_request", 400, "InvalidParameter"),
        ("content_blocked", 400, "DataInspectionFailed"),
        ("throttled", 429, "Throttling.RateQuota"),
        ("error", 500, "InternalError"),
    ],
)
def test_dashscope_reads_an_error(application, server, fault, status, code, stream):
    server.order("*", fault=fault)

    response = application(stream=stream)
    refused = next(response) if stream else response

    assert (refused.status_code, refused.code, refused.request_id) == (status, code, "r-1")
    assert refused.message
    assert refused.output is None


def test_dashscope_reads_an_error_in_the_middle_of_a_stream(application, server):
    server.order("*", fault="stream_error", text=TEXT)

    *parts, refused = application(stream=True, incremental_output=True)

    assert parts
    assert (refused.code, refused.request_id) == ("InternalError", "r-1")


def test_dashscope_is_refused_with_a_wrong_key(application):
    assert application(api_key="sk-wrong").code == "InvalidApiKey"


# --- openai --------------------------------------------------------------------------------------


def test_openai_reads_an_answer(completions):
    completion = completions.create(**QUESTION)

    (choice,) = completion.choices
    assert (completion.id, completion.object) == ("r-1", "chat.completion")
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert ANSWERS["app7_customer"]["profile"] in choice.message.content
    assert completion.usage.total_tokens == len("会员#1") + len(choice.message.content)


@pytest.mark.parametrize("with_usage", [False, True], ids=["plain", "with usage"])
def test_openai_reads_a_stream(completions, server, with_usage):
    server.order("*", text=TEXT)
    options = {"stream_options": {"include_usage": True}} if with_usage else {}

    chunks = list(completions.create(**QUESTION, stream=True, **options))

    deltas = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(deltas) == TEXT
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == (
        [len(TEXT)] if with_usage else []
    )


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("auth", openai.AuthenticationError, "invalid_api_key"),
        ("bad_request", openai.BadRequestError, "invalid_parameter_error"),
        ("content_blocked", openai.BadRequestError, "data_inspection_failed"),
        ("throttled", openai.RateLimitError, "rate_limit_exceeded"),
        ("error", openai.InternalServerError, "internal_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_openai_reads_an_error(completions, server, fault, error, code, stream):
    server.order("*", fault=fault)

    with pytest.raises(error) as refused:
        completions.create(**QUESTION, stream=stream)

    assert (refused.value.code, refused.value.request_id) == (code, "r-1")
    assert code in refused.value.message


def test_openai_reads_an_error_in_the_middle_of_a_stream(completions, server):
    server.order("*", fault="stream_error", text=TEXT)

    with pytest.raises(openai.APIError, match="internal_error"):
        list(completions.create(**QUESTION, stream=True))


def test_openai_waits_as_long_as_it_is_told(server):
    server.order("*", fault="throttled", headers={"Retry-After": "0"}, times=1)
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=1)

    assert client.chat.completions.create(**QUESTION).choices
    assert [call.fault for call in server.calls] == ["throttled", ""]
