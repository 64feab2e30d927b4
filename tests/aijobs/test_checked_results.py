"""What becomes of an answer in which the checks find something: kept and marked, or dropped."""

from __future__ import annotations

import json

import pytest
from django.utils.translation import override

from aijobs.alerts import alert_message
from aijobs.models import Alert, CacheEntry, RetentionClue, Run
from sandbox.context import live_context, use_context
from sandbox.models import Site
from sandbox.options import set_option
from tests.aijobs.driving import drive, job_of, open_app, open_chain, rows, statuses

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = {
    "profile": "常客。",
    "value_tier": "中",
    "churn_risk": 82,
    "reasons": ["已 20 天没来"],
    "next_best_action": "请店长问候一次。",
}
INVENTED = GOOD | {"reasons": ["上月花了 98765 元"], "profile": "爱赌球的常客。"}


def answer(provider, app: str = "app7_customer", **output) -> None:
    provider.clear_orders()
    provider.order(app, text=json.dumps(output, ensure_ascii=False))


def block(site: Site) -> None:
    with use_context(live_context(site)):
        set_option(key="block_flagged_results", value=True, site=site, actor_id=None)


def test_a_good_answer_is_kept_with_a_full_score(store, provider):
    answer(provider, **GOOD)

    drive(open_app(store, "app7_customer"))

    for kept in (*rows(store, Run), *rows(store, CacheEntry)):
        assert (kept.findings, kept.score, kept.flagged) == ([], 100, False)


def test_what_the_rules_answer_is_checked_too(store):
    drive(open_chain(store))

    assert {run.score for run in rows(store, Run)} == {100}


def test_what_was_found_is_kept_beside_the_result(store, provider):
    answer(provider, **INVENTED)

    drive(open_app(store, "app7_customer"))

    for kept in (*rows(store, Run), *rows(store, CacheEntry)):
        assert (kept.result, kept.score, kept.flagged) == (INVENTED, 20, True)
        assert kept.findings == [
            {
                "check": "forbidden_topic",
                "field": "profile",
                "excerpt": "爱赌球的常客。",
                "severity": "major",
            },
            {
                "check": "invented_figure",
                "field": "reasons.0",
                "excerpt": "上月花了 98765 元",
                "severity": "major",
            },
        ]
    assert rows(store, Alert) == []


def test_where_flagged_results_are_not_kept_the_one_before_stays_and_somebody_is_told(
    store, provider
):
    answer(provider, **GOOD)
    drive(open_app(store, "app7_customer"))
    block(store.site)
    answer(provider, **INVENTED)

    drive(open_app(store, "app7_customer"))

    run = rows(store, Run)[1]
    assert (run.status, run.error_code, run.result) == ("failed", "invalid_output", None)
    assert run.error == "found by checks: forbidden_topic, invented_figure"
    assert json.loads(run.response) == INVENTED
    assert (len(run.findings), run.score, run.flagged) == (2, 20, True)
    assert run.tokens_out > 0
    assert [entry.result for entry in rows(store, CacheEntry)] == [GOOD]
    (alert,) = rows(store, Alert)
    assert (alert.alert_type, alert.code, alert.run_id) == ("failed", "invalid_output", run.pk)
    with override("en"):
        assert "(forbidden topic, invented figure)" in alert_message(alert)
    assert job_of(store).status == "failed"


def test_a_store_may_keep_what_others_drop(store, provider):
    block(Site.objects.create(code="other", name="other"))
    answer(provider, **INVENTED)

    drive(open_app(store, "app7_customer"))

    assert statuses(store) == {"app7_customer": "success"}


def test_a_dropped_result_does_not_stop_the_chain(store, provider):
    block(store.site)
    answer(provider, "app3_clue", clues=[{"summary": "来了 98765 次"}])
    provider.order("app7_customer", text=json.dumps(GOOD, ensure_ascii=False))

    drive(open_chain(store))

    assert statuses(store) == {
        "app3_clue": "failed",
        "app8_consolidate": "skipped",
        "app7_customer": "success",
    }


def test_no_second_answer_is_asked_for(store, provider):
    block(store.site)
    answer(provider, **INVENTED)

    drive(open_app(store, "app7_customer"))

    assert len(provider.calls) == 1


def test_a_clue_from_a_note_that_must_not_be_passed_on_is_left_out_for_good(store, provider):
    with use_context(store.live):
        store.add_note("和朋友追分输了两千。习惯周五晚上来。")
    good, bad = {"summary": "习惯周五晚上来"}, {"summary": "和朋友追分，输了两千"}
    answer(provider, "app6_note", score=8, clues=[bad, good])

    drive(open_app(store, "app6_note"))
    provider.order("app8_consolidate", text=json.dumps({"clues": [good, bad]}))
    drive(open_app(store, "app8_consolidate"))

    note, consolidated = rows(store, Run)
    for run in (note, consolidated):
        assert [clue["summary"] for clue in run.result["clues"]] == ["习惯周五晚上来"]
        assert {found["severity"] for found in run.findings} == {"dropped"}
        assert (run.score, run.flagged) == (80, False)
    assert "追分" not in json.dumps(consolidated.features, ensure_ascii=False)
    assert "追分" not in str([entry.result for entry in rows(store, CacheEntry)])
    assert [clue.summary for clue in rows(store, RetentionClue)] == ["习惯周五晚上来"]


def test_an_answer_of_which_nothing_is_left_changes_no_clue(store, provider):
    drive(open_chain(store))
    before = rows(store, RetentionClue)
    provider.order("app3_clue", text=json.dumps({"clues": [{"summary": "爱赌球"}]}))

    drive(open_app(store, "app3_clue"))

    assert rows(store, Run)[-1].result == {"clues": []}
    assert [clue.pk for clue in rows(store, RetentionClue)] == [clue.pk for clue in before]
    assert before
