"""Steps that do not succeed: what each leaves behind, and that the chain goes on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.models import Alert, Budget, CacheEntry, ProviderCall, RetentionClue, Run
from aijobs.providers import base
from aijobs.standin.answers import ANSWERS
from sandbox.context import use_context
from tests.aijobs.driving import drive, job_of, open_app, open_chain, rows, statuses

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_failing_step_does_not_stop_the_chain(store, provider):
    provider.order("app3_clue", fault="error")
    with use_context(store.live):
        store.add_note("喜欢周五晚上来")
    drive(open_app(store, "app6_note"))

    drive(open_chain(store))

    assert statuses(store) == {
        "app3_clue": "failed",
        "app6_note": "success",
        "app8_consolidate": "success",
        "app7_customer": "success",
    }
    assert job_of(store).status == "partial"
    assert '"app3_clue":' not in provider.calls_of("app8_consolidate")[0].prompt


def test_consolidating_nothing_is_skipped_and_neutral(store, provider):
    provider.order("app3_clue", text='{"clues": []}')

    drive(open_chain(store))

    assert statuses(store)["app8_consolidate"] == "skipped"
    assert job_of(store).status == "completed"
    assert rows(store, RetentionClue) == []


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"fault": "auth"}, "failed", "auth"),
        ({"fault": "bad_request"}, "failed", "bad_request"),
        ({"fault": "content_blocked"}, "failed", "content_blocked"),
        ({"fault": "error"}, "failed", "provider_error"),
        ({"fault": "garbage"}, "failed", "provider_error"),
        ({"body": {"output": {}}}, "failed", "provider_error"),
    ],
)
def test_what_the_provider_refuses_is_recorded_and_not_tried_again(
    store, provider, order, status, code
):
    provider.order("app7_customer", **order)

    drive(open_app(store, "app7_customer"))

    (run,) = rows(store, Run)
    assert (run.status, run.error_code) == (status, code)
    assert len(provider.calls) == 1
    assert [(call.status, call.error_code) for call in rows(store, ProviderCall)] == [
        ("released", code)
    ]
    (alert,) = rows(store, Alert)
    assert (alert.alert_type, alert.code, alert.seq, alert.run_id) == ("failed", code, 1, run.pk)
    assert job_of(store).status == "failed"
    assert rows(store, CacheEntry) == []


def test_a_throttled_call_is_tried_again_each_time_through_the_gate(store, provider):
    provider.order("app7_customer", fault="throttled", headers={"Retry-After": "0"}, times=2)

    drive(open_app(store, "app7_customer"))

    assert statuses(store) == {"app7_customer": "success"}
    assert [(call.n, call.purpose, call.status) for call in rows(store, ProviderCall)] == [
        (1, "first", "released"),
        (2, "retry", "released"),
        (3, "retry", "settled"),
    ]


def test_after_three_attempts_the_step_is_throttled(store, provider):
    provider.order("app7_customer", fault="throttled", headers={"Retry-After": "0"})

    drive(open_app(store, "app7_customer"))

    (run,) = rows(store, Run)
    assert (run.status, run.error_code, len(provider.calls)) == ("failed", "throttled", 3)


def test_a_wait_longer_than_the_deadline_is_not_begun(store, provider):
    provider.order("app7_customer", fault="throttled", headers={"Retry-After": "9999"})

    drive(open_app(store, "app7_customer"))

    assert len(provider.calls) == 1
    assert rows(store, Run)[0].error_code == "throttled"


def test_a_provider_that_cannot_be_reached_is_a_provider_error(store, provider):
    provider.stop()

    drive(open_app(store, "app7_customer"))

    (run,) = rows(store, Run)
    assert (run.status, run.error_code) == ("failed", "provider_error")
    assert len(rows(store, ProviderCall)) == 3


def test_an_answer_that_is_no_output_is_repaired_once(store, provider):
    provider.order("app7_customer", text='{"profile": "x"}', times=1)

    drive(open_app(store, "app7_customer"))

    assert statuses(store) == {"app7_customer": "success"}
    assert [call.purpose for call in rows(store, ProviderCall)] == ["first", "repair"]
    assert "value_tier" in provider.calls[1].prompt


def test_an_answer_that_stays_invalid_leaves_the_cache_alone(store, provider):
    provider.order("app7_customer", text="我不知道")

    drive(open_app(store, "app7_customer"))

    (run,) = rows(store, Run)
    assert (run.status, run.error_code, run.response) == ("failed", "invalid_output", "我不知道")
    assert run.tokens_out > 0
    assert [call.status for call in rows(store, ProviderCall)] == ["settled", "settled"]
    assert rows(store, CacheEntry) == []


def test_fences_and_prose_around_the_json_are_tolerated(store, provider):
    provider.order("app7_customer", fault="fenced")

    drive(open_app(store, "app7_customer"))

    assert rows(store, Run)[0].result == ANSWERS["app7_customer"]


def test_an_answer_with_what_cannot_be_stored_is_kept_and_paid_for_once(store, provider):
    provider.order("app7_customer", fault="unstorable")

    drive(open_app(store, "app7_customer"))

    (run,) = rows(store, Run)
    (call,) = rows(store, ProviderCall)
    assert run.status == "success"
    assert run.response.startswith("好的\ufffd\ufffd：{")
    assert (call.request_id, call.is_estimated, call.status) == ("r\ufffd\ufffd", True, "settled")
    assert 0 < call.tokens_in + call.tokens_out <= call.hold
    assert len(provider.calls) == 1


@pytest.mark.parametrize(
    ("count", "counted"),
    [
        (-5, None),
        (12.5, None),
        (float("inf"), None),
        (3_000_000_000, None),
        ("7", None),
        (True, None),
        ([], None),
        (7, 7),
    ],
)
def test_a_count_of_tokens_that_is_none_is_estimated(store, provider, count, counted):
    provider.order("app7_customer", body=answer_with_usage(count))

    drive(open_app(store, "app7_customer"))

    (call,) = rows(store, ProviderCall)
    assert (call.status, call.is_estimated) == ("settled", counted is None)
    assert call.tokens_out == counted if counted else 0 < call.tokens_out < call.hold
    assert statuses(store) == {"app7_customer": "success"}


@pytest.mark.parametrize("usage", [[], "none", {"models": {}}, {"models": ["qwen"]}, 5])
def test_usage_of_another_shape_is_estimated(store, provider, usage):
    provider.order("app7_customer", body={**answer_with_usage(7), "usage": usage})

    drive(open_app(store, "app7_customer"))

    (call,) = rows(store, ProviderCall)
    assert (call.status, call.is_estimated) == ("settled", True)


def answer_with_usage(count) -> dict:
    usage = {"model_id": "qwen", "input_tokens": 7, "output_tokens": count}
    return {
        "output": {"text": json.dumps(ANSWERS["app7_customer"]), "finish_reason": "stop"},
        "usage": {"models": [usage]},
        "request_id": "r-1",
    }


def test_an_invalid_answer_that_cannot_be_stored_is_repaired(store, provider):
    provider.order("app7_customer", text='{"profile": "x\0\ud83d"}')

    drive(open_app(store, "app7_customer"))

    (run,) = rows(store, Run)
    assert (run.error_code, run.response) == ("invalid_output", '{"profile": "x\ufffd\ufffd"}')
    assert [call.purpose for call in rows(store, ProviderCall)] == ["first", "repair"]


def test_an_error_with_what_cannot_be_stored_is_recorded(store, provider):
    error = {"code": "Odd\0Code", "request_id": "\ud83d"}
    provider.order("app7_customer", status=400, body=error)

    drive(open_app(store, "app7_customer"))

    (run,) = rows(store, Run)
    assert (run.error_code, run.error) == ("bad_request", "400 Odd\ufffdCode \ufffd")


def test_a_step_ends_even_where_nothing_of_it_can_be_kept(store, provider, monkeypatch):
    monkeypatch.setattr(base, "storable", str)
    provider.order("app7_customer", body={**answer_with_usage(7), "request_id": "r\0"})

    drive(open_app(store, "app7_customer"))

    (run,) = rows(store, Run)
    (call,) = rows(store, ProviderCall)
    assert (run.status, run.error_code, run.response) == ("failed", "internal_error", "")
    assert (call.status, len(provider.calls)) == ("unknown", 1)
    assert rows(store, Budget)[0].spent == call.hold
    assert [alert.code for alert in rows(store, Alert)] == ["internal_error"]
    assert (job_of(store).status, job_of(store).steps_done) == ("failed", 1)


def test_features_that_cannot_be_built_end_their_step_only(store, monkeypatch):
    from aijobs.ai_apps import app3_clue
    from aijobs.registry import AI_APPS

    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setitem(AI_APPS, "app3_clue", replace(app3_clue.APP, build_features=broken))

    drive(open_chain(store))

    assert statuses(store) == {
        "app3_clue": "failed",
        "app8_consolidate": "skipped",
        "app7_customer": "success",
    }
    assert rows(store, Run)[0].error_code == "prompt_error"
    assert job_of(store).status == "partial"


def test_a_refused_step_never_starts_and_somebody_is_told(store, provider):
    job_id = open_app(store, "app7_customer")
    throw_kill_switch(site=None, reason="costs", actor_id=None)

    drive(job_id)

    (run,) = rows(store, Run)
    (alert,) = rows(store, Alert)
    assert (run.status, run.error_code, run.started_at) == ("failed", "kill_switch", None)
    assert "costs" in run.error
    assert (alert.alert_type, alert.run_id) == ("kill_switch", run.pk)
    assert rows(store, ProviderCall) == []
    assert provider.calls == []


def test_the_same_alert_within_a_minute_is_one_with_a_count_and_a_new_number(store, provider):
    provider.order("app7_customer", fault="error")

    for _press in range(3):
        drive(open_app(store, "app7_customer"))

    (alert,) = rows(store, Alert)
    assert (alert.count, alert.seq) == (3, 3)
