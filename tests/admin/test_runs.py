"""The runs of a store: listed, filtered, each with all that went in and came out; for whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from aijobs.jobs import open_app_run
from aijobs.models import ProviderCall, Run
from aijobs.pseudonyms import member_token
from aijobs.wording import SENTENCES, TITLES
from sandbox.context import live_context, use_context
from tests.admin.conftest import NOW, PAST, TODAY
from tests.admin.pages import HOME, count_queries, go_back, text_of
from tests.factories import member_of

RUNS = reverse("admin:aijobs_run_changelist")


def page_of(run: Run) -> str:
    return reverse("admin:aijobs_run_change", args=[run.pk])


def make_run(site, *, app: str = "app7_customer", **columns) -> Run:
    """A run about 张三, as its driver leaves it."""
    member = member_of(site, "M1")
    with use_context(live_context(site)) as ctx:
        job = open_app_run(
            ctx=ctx, app=app, target={"member_id": member.pk}, triggered_by="command"
        )
        # The next one is to be of a job of its own.
        job.__class__.objects.filter(pk=job.pk).update(status="completed", finished_at=NOW)
        values = {
            "status": "success",
            "started_at": NOW,
            "finished_at": NOW + timedelta(seconds=3),
            "latency_ms": 3210,
            "provider": "dashscope",
            "model": "qwen-plus",
            "prompt_version": 1,
            "prompt": f"请分析{member_token(member.pk)}",
            "features": {"who": member_token(member.pk), "visits": 17},
            "features_sha256": "0" * 64,
            "references": {"metrics": ["visits"], "rows": {}, "dates": []},
            "watermark": 1,
            "guards": ["kill_switch", "breaker", "rate", "budget"],
            "response": '{"profile": "每周四来"}',
            "result": {"profile": "每周四来"},
            "tokens_in": 812,
            "tokens_out": 310,
            **columns,
        }
        Run.objects.filter(job=job).update(**values)
        return Run.objects.get(job=job)


def call(run: Run, n: int, **columns) -> None:
    with use_context(live_context(run.site)):
        ProviderCall.objects.create(
            site=run.site,
            run=run,
            n=n,
            provider="dashscope",
            app=run.app,
            business_date=TODAY,
            chain_date=TODAY,
            hold=2000,
            started_at=NOW,
            expires_at=NOW,
            **columns,
        )


@pytest.fixture
def run(east) -> Run:
    return make_run(east)


@pytest.mark.parametrize(
    ("role", "status"), [("operator", 200), ("auditor", 200), ("manager", 403), ("assistant", 302)]
)
def test_operators_and_auditors_see_runs(role, status, sign_in, east, run):
    client = sign_in(role, east)
    if role == "assistant":
        User.objects.filter(pk=client.user.pk).update(is_staff=False)

    assert client.get(RUNS).status_code == status
    assert client.get(page_of(run)).status_code == status


@pytest.mark.parametrize(
    ("role", "shown"), [("operator", True), ("auditor", True), ("manager", False)]
)
def test_the_sidebar_leads_to_how_the_ai_works_whoever_may_see_runs(role, shown, sign_in, east):
    home = text_of(sign_in(role, east).get(HOME))

    lists = [reverse(f"admin:aijobs_{name}_changelist") for name in ("triggerjob", "killswitch")]
    for page in (RUNS, reverse("admin:aijobs_prewarm"), *lists):
        assert (f'href="{page}"' in home) is shown
    assert reverse("admin:aijobs_alert_changelist") in home


def test_nobody_changes_or_deletes_a_run(operator, run):
    assert operator.post(page_of(run), {"status": "failed"}).status_code == 403
    for page in ("delete", "history"):
        address = reverse(f"admin:aijobs_run_{page}", args=[run.pk])
        assert operator.post(address, {"post": "yes"}).status_code in (403, 404)

    with use_context(live_context(run.site)):
        assert Run.objects.get(pk=run.pk).status == "success"


def test_a_run_of_another_store_does_not_exist(sign_in, east, west):
    theirs = make_run(west)

    auditor = sign_in("auditor", east)

    assert auditor.get(page_of(theirs)).status_code == 404
    assert f"#{theirs.pk}" not in text_of(auditor.get(RUNS))


def test_a_run_after_the_date_in_sight_does_not_exist(operator, run):
    go_back(operator, PAST)

    assert operator.get(page_of(run)).status_code == 404


def listed(client, **query) -> list[int]:
    answer = client.get(RUNS, query)
    assert answer.status_code == 200
    return [run.pk for run in answer.context["cl"].result_list]


def test_runs_are_found_by_what_is_known_of_them(operator, east):
    good = make_run(east)
    bad = make_run(east, app="app3_clue", status="failed", error_code="throttled")

    assert listed(operator) == [bad.pk, good.pk]
    assert listed(operator, status__exact="failed") == [bad.pk]
    assert listed(operator, app="app7_customer") == [good.pk]
    assert listed(operator, error_code="throttled") == [bad.pk]
    assert listed(operator, error_code="timeout") == []
    assert listed(operator, mode__exact="sandbox") == []
    assert listed(operator, job=good.job_id) == [good.pk]
    assert listed(operator, q=bad.pk) == [bad.pk]
    assert listed(operator, q=f"#{bad.pk}") == [bad.pk]
    assert listed(operator, q="throttled") == []


def test_a_run_tells_all_that_went_in_and_came_out(operator, east):
    run = make_run(
        east,
        findings=[
            {"check": "length", "field": "profile", "excerpt": "每周四来", "severity": "minor"}
        ],
        score=90,
        is_estimated=True,
    )
    call(run, 1, status="released", finished_at=NOW, error_code="throttled")
    call(run, 2, purpose="retry", status="settled", finished_at=NOW, request_id="req-77")

    answer = operator.get(page_of(run))

    page = text_of(answer)
    for shown in (
        *("qwen-plus", "812 + 310", "3.2", "用量上限", "req-77", "每周四来"),
        *("张三", reverse("admin:aijobs_triggerjob_change", args=[run.job_id])),
        reverse("admin:metrics_member_change", args=[run.member_id]),
    ):
        assert shown in page
    assert [(one.n, one.status) for one in answer.context["calls"]] == [
        (1, "released"),
        (2, "settled"),
    ]


def test_people_keep_their_numbers_in_what_the_ai_was_told(operator, run):
    texts = dict(operator.get(page_of(run)).context["texts"])

    told = " ".join(texts.values())
    assert "张三" not in told
    assert member_token(run.member_id) in told


def test_a_run_whose_text_was_erased_says_so(operator, east):
    run = make_run(east, prompt="", features=None, response="", result=None)

    answer = operator.get(page_of(run))

    assert answer.context["run"].is_erased
    assert set(dict(answer.context["texts"]).values()) == {""}
    assert "zq-note" in text_of(answer)


def test_a_run_that_was_refused_was_told_nothing_and_is_not_erased(operator, east):
    empty = {"prompt": "", "features": None, "features_sha256": "", "references": None}
    run = make_run(
        east, status="failed", error_code="kill_switch", response="", result=None, **empty
    )

    answer = operator.get(page_of(run))

    assert not answer.context["run"].is_erased
    assert answer.context["evidence"] is None


@pytest.mark.parametrize("many", [20, 80])
def test_the_list_costs_the_same_however_long(many, operator, east):
    make_run(east)
    few = count_queries(operator, RUNS)

    for _ in range(many):
        make_run(east)

    assert count_queries(operator, RUNS) == few


def test_a_run_costs_the_same_with_many_calls(operator, run):
    call(run, 1, status="settled", finished_at=NOW)
    few = count_queries(operator, page_of(run))

    for n in range(2, 12):
        call(run, n, status="settled", finished_at=NOW)

    assert count_queries(operator, page_of(run)) == few


def test_every_error_has_a_title_for_lists():
    assert list(TITLES) == list(SENTENCES)
