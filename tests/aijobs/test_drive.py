"""Driving a chain in this process: what each end of a step leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.db import connection, transaction

from aijobs import gate as gate_module
from aijobs.drive import drive_job
from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.jobs import open_app_run, open_jobs, retry_job
from aijobs.models import Alert, CacheEntry, Claim, ProviderCall, RetentionClue, Run, TriggerJob
from aijobs.standin.answers import ANSWERS
from aijobs.standin.server import StandIn
from metrics.events import Event
from sandbox.context import RuntimeContext, use_context
from tests.aijobs.store import ASSISTANT_NAME, NAME, PHONE, Store
from zqyy.durable.leases import Held, LeaseLost, claim
from zqyy.durable.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def provider(settings):
    server = StandIn()
    for name, value in server.settings().items():
        setattr(settings, name, value)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch):
    monkeypatch.setattr(gate_module, "FIRST_PAUSE_SECONDS", 0.01)


def open_chain(store: Store, event: Event | None = None) -> int:
    with use_context(store.live):
        (result,) = open_jobs([event or store.consumption()])
    return result.job_id


def open_app(store: Store, app: str, ctx: RuntimeContext | None = None, **target) -> int:
    with use_context(ctx or store.live) as current:
        job = open_app_run(
            ctx=current,
            app=app,
            target={"member_id": store.member.pk, **target},
            triggered_by="admin_manual",
        )
    return job.pk


def take(job_id: int) -> Held:
    Lease.objects.filter(key=f"job:{job_id}").update(owner=None, expires_at=None)
    held = claim(f"job:{job_id}")
    assert held is not None
    return held


def drive(job_id: int) -> None:
    drive_job(take(job_id), job_id)


def statuses(store: Store) -> dict[str, str]:
    """App -> status of its newest attempt."""
    with use_context(store.live):
        return {run.app: run.status for run in Run.objects.order_by("attempt")}


def job_of(store: Store) -> TriggerJob:
    with use_context(store.live):
        return TriggerJob.objects.order_by("-pk").first()


def rows(store: Store, model) -> list:
    with use_context(store.live):
        return list(model.objects.order_by("pk"))


def test_a_bill_becomes_clues_an_analysis_and_cache_by_the_rules(store):
    drive(open_chain(store))

    job = job_of(store)
    assert (job.status, job.steps_done, job.error_message) == ("completed", 3, "")
    assert {run.provider for run in rows(store, Run)} == {"rules"}
    entries = {entry.cache_type: entry for entry in rows(store, CacheEntry)}
    assert set(entries) == {"app3_clue", "app8_clue_consolidated", "app7_customer_analysis"}
    clues = rows(store, RetentionClue)
    assert {clue.source for clue in clues} == {"ai_consumption"}
    assert any("6 天来一次" in clue.summary for clue in clues)
    assert entries["app7_customer_analysis"].result["churn_risk"] > 50
    assert entries["app7_customer_analysis"].references["metrics"]
    calls = rows(store, ProviderCall)
    assert [call.status for call in calls] == ["settled"] * 3
    assert all(
        call.tokens_in > 0 and call.tokens_in + call.tokens_out <= call.hold for call in calls
    )
    assert Lease.objects.get().closed_at is not None


def test_the_same_chain_through_a_model(store, provider):
    drive(open_chain(store))

    assert job_of(store).status == "completed"
    assert [call.app for call in provider.calls] == [
        "app3_clue",
        "app8_consolidate",
        "app7_customer",
    ]
    run = rows(store, Run)[0]
    assert (run.provider, run.status, run.prompt) == (
        "dashscope",
        "success",
        provider.calls[0].prompt,
    )
    call = rows(store, ProviderCall)[0]
    assert (call.model, call.request_id, call.is_estimated) == ("qwen-test", "r-1", False)


def test_each_step_is_told_what_its_predecessor_found(store, provider):
    drive(open_chain(store))

    prompt = provider.calls_of("app8_consolidate")[0].prompt
    assert "习惯周五晚上来" in prompt
    assert '"generated_at":null' in prompt


def test_a_note_becomes_clues_of_its_own_source(store):
    with use_context(store.live):
        note = store.add_note("张先生说周五晚上喜欢三号台。抱怨空调太冷。和李总追分输了。")
    event = replace(
        store.consumption(), event_type="note_created", settlement_id=None, note_id=note.pk
    )

    drive(open_chain(store, event))

    assert job_of(store).status == "completed"
    clues = rows(store, RetentionClue)
    assert {clue.source for clue in clues} == {"ai_note"}
    assert not any("追分" in clue.summary for clue in clues)


def test_no_name_and_no_phone_reaches_a_prompt(store, provider):
    with use_context(store.live):
        note = store.add_note(
            f"{NAME}说找{ASSISTANT_NAME}，电话１３９-1234-5678 或 {PHONE}，喜欢周五。"
        )
    drive(open_chain(store))
    drive(open_app(store, "app6_note", note_id=note.pk))
    drive(open_app(store, "app8_consolidate"))
    drive(open_app(store, "app7_customer"))

    assert len(provider.calls) == 6
    for call in provider.calls:
        assert not any(
            secret in call.prompt for secret in (NAME, ASSISTANT_NAME, PHONE, "1234-5678", "１３９")
        )
    assert f"助教#{store.assistant.pk}" in provider.calls_of("app6_note")[0].prompt


# --- Steps that do not succeed -------------------------------------------------------------------


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


# --- Taking over ---------------------------------------------------------------------------------


def test_a_driver_that_lost_its_lease_writes_nothing(store, provider):
    job_id = open_chain(store)
    held = take(job_id)

    def steal() -> None:
        take(job_id)
        connection.close()

    provider.order("app3_clue", meanwhile=steal, times=1)
    with pytest.raises(LeaseLost):
        drive_job(held, job_id)

    assert statuses(store)["app3_clue"] == "running"
    assert rows(store, CacheEntry) == []


def test_a_successor_calls_the_lost_step_again_and_no_other(store, provider):
    job_id = open_chain(store)

    provider.order("app8_consolidate", text="{}", times=2)
    held = take(job_id)
    provider.order("app7_customer", meanwhile=held.lost.tell, times=1)
    with pytest.raises(LeaseLost):
        drive_job(held, job_id)

    drive(job_id)

    runs = [(run.app, run.attempt, run.status) for run in rows(store, Run)]
    assert runs == [
        ("app3_clue", 1, "success"),
        ("app8_consolidate", 1, "failed"),
        ("app7_customer", 1, "unknown"),
        ("app7_customer", 2, "success"),
    ]
    unknown, settled = [
        call for call in rows(store, ProviderCall) if call.run_id in (3, 4)
    ] or rows(store, ProviderCall)[-2:]
    assert (unknown.status, settled.status) == ("unknown", "settled")
    assert len(provider.calls_of("app3_clue")) == 1


def test_a_finished_job_is_left_alone(store, provider):
    job_id = open_chain(store)
    drive(job_id)
    Lease.objects.update(closed_at=None)

    drive(job_id)

    assert len(provider.calls) == 3


def test_a_retry_calls_what_failed_and_nothing_else(store, provider):
    provider.order("app7_customer", fault="error", times=1)
    job_id = open_chain(store)
    drive(job_id)

    with use_context(store.live):
        retry_job(job=TriggerJob.objects.get(pk=job_id), user_id=None)
    drive(job_id)

    assert job_of(store).status == "completed"
    assert [len(provider.calls_of(app)) for app in ("app3_clue", "app7_customer")] == [1, 2]


def test_a_job_past_its_deadline_is_ended(store, provider, monkeypatch):
    from aijobs import drive as drive_module

    monkeypatch.setattr(drive_module, "LEAST_STEPS_OF_DEADLINE", -1)
    monkeypatch.setattr(drive_module, "option", lambda key, site: 0)

    drive(open_chain(store))

    job = job_of(store)
    assert job.status == "failed"
    assert job.error_message
    assert {run.error_code for run in rows(store, Run)} == {"timeout"}
    assert provider.calls == []
    assert not Claim.objects.exists()


def test_a_call_is_never_made_inside_a_transaction(store):
    job_id = open_app(store, "app7_customer")
    held = take(job_id)

    with transaction.atomic(), pytest.raises(RuntimeError):
        drive_job(held, job_id)


# --- Generations, sandbox --------------------------------------------------------------------------


def test_a_slower_older_result_does_not_replace_a_newer_one(store, provider):
    slow = open_chain(store)

    def newer_run_first() -> None:
        with use_context(store.live):
            (forced,) = open_jobs([store.consumption(is_forced=True)])
        drive(forced.job_id)
        connection.close()

    old = '{"clues": [{"summary": "旧的"}]}'
    provider.order("app8_consolidate", meanwhile=newer_run_first, text=old, times=1)
    drive(slow)

    with use_context(store.live):
        run = Run.objects.get(job_id=slow, app="app8_consolidate")
        current = RetentionClue.objects.filter(superseded_at=None)
        assert (run.status, run.error_code) == ("failed", "stale")
        assert not current.filter(summary__contains="旧的").exists()
        assert ProviderCall.objects.get(run=run).status == "settled"
        assert not Alert.objects.exists()


def live_state(store: Store) -> str:
    with use_context(store.live):
        return json.dumps(
            [
                list(model.objects.filter(mode="live").order_by("pk").values())
                for model in (CacheEntry, RetentionClue)
            ],
            default=str,
        )


def test_a_sandbox_run_leaves_live_cache_and_clues_as_they_were(store):
    drive(open_chain(store))
    before = live_state(store)
    past = store.sandbox(40)

    for app in ("app3_clue", "app8_consolidate", "app7_customer"):
        drive(open_app(store, app, ctx=past))

    assert live_state(store) == before
    with use_context(past):
        made = CacheEntry.objects.filter(mode="sandbox")
        assert {entry.business_date for entry in made} == {store.day(40)}
        assert made.count() == 3
        assert RetentionClue.objects.filter(mode="sandbox").exists()


def test_a_past_date_knows_only_what_had_happened(store, provider):
    drive(open_app(store, "app7_customer", ctx=store.sandbox(40)))

    prompt = provider.calls[0].prompt
    assert store.day(40).isoformat() in prompt
    assert store.day(44).isoformat() in prompt
    for ago in (38, 32, 26, 20):
        assert store.day(ago).isoformat() not in prompt
