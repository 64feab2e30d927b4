"""Driving a chain in this process: what its steps are told, and what they leave behind."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from aijobs.models import CacheEntry, ProviderCall, RetentionClue, Run
from aijobs.sweep import fail_abandoned_jobs
from sandbox.context import use_context
from tests.aijobs.driving import drive, job_of, open_app, open_chain, rows
from tests.aijobs.store import ASSISTANT_NAME, NAME, PHONE, Store
from zqyy.durable.driver import run_leased
from zqyy.durable.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bill_becomes_clues_an_analysis_and_cache_by_the_rules(store):
    drive(open_chain(store))

    job = job_of(store)
    assert (job.status, job.steps_done, job.error_message) == ("completed", 3, "")
    assert {run.provider for run in rows(store, Run)} == {"rules"}
    entries = {entry.cache_type: entry for entry in rows(store, CacheEntry)}
    assert set(entries) == {"app3_clue", "app8_clue_consolidated", "app7_customer_analysis"}
    clues = rows(store, RetentionClue)
    assert {clue.source for clue in clues} == {"ai_consumption"}
    assert any("平时约隔 6 天" in clue.detail for clue in clues)
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


def test_a_job_that_killed_five_workers_is_given_up_without_another_call(store, provider):
    job_id = open_app(store, "app7_customer")
    Lease.objects.update(deaths=5)

    run_leased(f"job:{job_id}")
    fail_abandoned_jobs()

    assert provider.calls == []
    job = job_of(store)
    assert (job.status, "5" in job.error_message) == ("failed", True)
