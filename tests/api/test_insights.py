"""What the AI said, and asking it again."""

from __future__ import annotations

import pytest

from aijobs.cache import store_result
from aijobs.jobs import open_app_run
from aijobs.models import Run, TriggerJob
from aijobs.output_checks.findings import Finding, Review, Severity
from aijobs.output_checks.review import check_title
from metrics.models import Assistant
from sandbox.context import RuntimeContext, as_of_context, live_context, use_context
from tests.factories import push_assistant, push_bill

from .conftest import PAST, TODAY, make_member

pytestmark = pytest.mark.django_db

RESULT = {
    "profile": "常客",
    "value_tier": "高",
    "churn_risk": 70,
    "reasons": ["很久没来"],
    "next_best_action": "约周四",
}


def generate(
    ctx: RuntimeContext, member, *, generation: int = 1, review: Review | None = None, **result
) -> None:
    """A finished run of app7 for the member, as its driver leaves it."""
    with use_context(ctx):
        job = open_app_run(
            ctx=ctx, app="app7_customer", target={"member_id": member.pk}, triggered_by="api"
        )
        run = Run.objects.get(job=job)
        run.generation, run.watermark = generation, 10**6
        store_result(
            run=run,
            cache_type="app7_customer_analysis",
            result={**RESULT, **result},
            references={"metrics": ["last_visit_days"]},
            **(review.as_columns() if review else {}),
        )


def url(member, cache_type: str = "app7_customer_analysis", target: object = None) -> str:
    return f"/api/v1/sites/{member.site_id}/insights/{cache_type}/{target or member.pk}/"


def jobs_of(member) -> list[TriggerJob]:
    with use_context(live_context(member.site)):
        return list(TriggerJob.objects.filter(member=member, event_type="app_run").order_by("pk"))


def test_an_insight_comes_with_date_age_and_references(manager, member):
    generate(live_context(member.site), member)

    insight = manager.get(url(member)).json()

    assert insight["result"] == RESULT
    assert insight["_references"] == {"metrics": ["last_visit_days"]}
    assert insight["business_date"] == TODAY.isoformat()
    assert (insight["mode"], insight["mode_label"]) == ("live", "实时")
    assert insight["stale"] is False
    assert {"cache_type", "target_id", "created_at", "age_seconds"} <= set(insight)


def test_what_the_checks_found_is_told_without_repeating_it(manager, member):
    found = Finding("forbidden_topic", "profile", "爱赌球", Severity.MAJOR)
    generate(live_context(member.site), member, review=Review({}, [found]))

    answer = manager.get(url(member))

    assert answer.json()["_checks"] == {
        "score": 60,
        "flagged": True,
        "findings": [
            {
                "check": "forbidden_topic",
                "check_label": str(check_title("forbidden_topic")),
                "field": "profile",
                "severity": "major",
            }
        ],
    }
    assert "赌" not in answer.content.decode()


def test_a_result_from_before_the_checks_was_not_checked(manager, member):
    generate(live_context(member.site), member)

    assert manager.get(url(member)).json()["_checks"] is None


def test_nothing_said_yet_is_404_not_generated(manager, member):
    missing = manager.get(url(member))

    assert missing.status_code == 404
    assert missing.json()["code"] == "not_generated"


def test_live_and_past_have_their_own(manager, member):
    generate(live_context(member.site), member, profile="现在")
    generate(as_of_context(member.site, PAST), member, profile="当时")

    assert manager.get(url(member)).json()["result"]["profile"] == "现在"
    past = manager.get(f"{url(member)}?as_of={PAST}").json()
    assert past["result"]["profile"] == "当时"
    assert past["mode"] == "sandbox"


def test_what_was_said_later_is_not_known_before(manager, member):
    generate(live_context(member.site), member)

    assert manager.get(f"{url(member)}?as_of={PAST}").json()["code"] == "not_generated"


def test_an_assistant_sees_reasons_of_own_customers_but_neither_risk_nor_tier(assistant, member):
    generate(live_context(member.site), member)
    assert assistant.get(url(member)).json()["code"] == "not_found"

    serve(assistant, member)
    result = assistant.get(url(member)).json()["result"]

    assert result["reasons"] == ["很久没来"]
    assert not {"churn_risk", "value_tier"} & set(result)


def serve(assistant, member) -> None:
    """The assistant plays with the member today."""
    line = {"external_id": "L1", "assistant": assistant.assistant.external_id, "hours": 1}
    push_bill(
        member.site,
        TODAY,
        100,
        member=member,
        services=[{**line, "course_type": "base", "ledger": 80}],
    )


@pytest.mark.parametrize("target", ["0", "999999999", "9" * 30, "01", "abc", "1_2", "-1"])
def test_a_target_that_is_none_is_404(manager, member, target):
    assert manager.get(url(member, target=target)).json()["code"] == "not_found"
    assert manager.post(f"{url(member, target=target)}regenerate/").status_code == 404


def test_an_unknown_kind_of_insight_is_404(manager, member):
    assert manager.get(url(member, "app9_oracle")).status_code == 404
    assert manager.get(f"/api/v1/sites/{member.site_id}/insights/a%00b/1/").status_code == 404


def test_another_stores_member_is_404(manager, site, other_site):
    foreign = make_member(other_site)
    generate(live_context(other_site), foreign)

    mixed = f"/api/v1/sites/{site.pk}/insights/app7_customer_analysis/{foreign.pk}/"

    assert manager.get(mixed).json()["code"] == "not_found"
    assert manager.post(f"{mixed}regenerate/").json()["code"] == "not_found"
    assert manager.get(url(foreign)).json()["code"] == "not_found"


# --- Finances and pairs --------------------------------------------------------------------------


def keep(ctx: RuntimeContext, app: str, target: dict, result: dict) -> str:
    """A finished run of an app; returns the id of its target."""
    with use_context(ctx):
        job = open_app_run(ctx=ctx, app=app, target=target, triggered_by="api")
        run = Run.objects.get(job=job)
        run.generation, run.watermark = 1, 10**6
        store_result(run=run, cache_type=run.app, result=result, references={})
        return run.target_id


def test_finances_are_read_by_range_and_area(manager, site):
    whole, part = {"range_key": "this_month"}, {"range_key": "this_month", "area": "vip"}
    keep(live_context(site), "app2_finance", whole, {"headline": "全店"})
    keep(live_context(site), "app2a_finance_area", part, {"headline": "包厢"})
    base = f"/api/v1/sites/{site.pk}/insights"

    store = manager.get(f"{base}/app2_finance/this_month__all/").json()
    area = manager.get(f"{base}/app2a_finance_area/this_month__vip/").json()

    assert (store["result"]["headline"], area["result"]["headline"]) == ("全店", "包厢")


@pytest.mark.parametrize(
    "path",
    [
        "app2_finance/this_year__all",
        "app2_finance/this_month",
        "app2_finance/1",
        "app2a_finance_area/this_month__vip",
        "app7_customer_analysis/this_month__all",
        "app4_analysis/1",
        "app4_analysis/1_0",
    ],
)
def test_what_is_no_target_of_the_app_or_not_generated_is_404(manager, site, path):
    assert manager.get(f"/api/v1/sites/{site.pk}/insights/{path}/").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("app2_finance/this_week__all", 202),
        ("app2_finance/this_week__vip", 400),
        ("app2a_finance_area/this_week__vip", 202),
        ("app2a_finance_area/this_week__all", 400),
        ("app2a_finance_area/this_week__roof", 404),
    ],
)
def test_finances_are_regenerated_by_range_and_area(manager, site, path, status):
    answer = manager.post(f"/api/v1/sites/{site.pk}/insights/{path}/regenerate/")

    assert answer.status_code == status


def test_an_assistant_reads_own_pairs_but_nobody_elses_and_no_finances(assistant, member):
    serve(assistant, member)
    site, ctx = member.site, live_context(member.site)
    other = push_assistant(site)
    with use_context(ctx):
        other_id = Assistant.objects.get(external_id=other).pk
    analysis = {"stage": "熟悉", "strength": 40}
    own, foreign = (
        keep(ctx, "app4_analysis", {"member_id": member.pk, "assistant_id": pk}, analysis)
        for pk in (assistant.assistant.pk, other_id)
    )
    keep(ctx, "app2_finance", {"range_key": "this_month"}, {"headline": "全店"})
    base = f"/api/v1/sites/{site.pk}/insights"

    assert assistant.get(f"{base}/app4_analysis/{own}/").json()["result"] == analysis
    assert assistant.get(f"{base}/app4_analysis/{foreign}/").json()["code"] == "not_found"
    assert assistant.post(f"{base}/app5_tactics/{foreign}/regenerate/").status_code == 404
    assert assistant.post(f"{base}/app5_tactics/{own}/regenerate/").status_code == 202
    assert assistant.get(f"{base}/app2_finance/this_month__all/").json()["code"] == "not_found"


# --- Again ---------------------------------------------------------------------------------------


def test_regenerate_opens_a_job_of_one_step(manager, member):
    accepted = manager.post(f"{url(member)}regenerate/")

    assert accepted.status_code == 202
    (job,) = jobs_of(member)
    assert accepted.json() == {"job": job.pk}
    assert (job.triggered_by, job.triggered_by_user_id) == ("api", manager.user.pk)


def test_a_second_press_finds_the_open_job(manager, member):
    first = manager.post(f"{url(member)}regenerate/").json()

    assert manager.post(f"{url(member)}regenerate/").json() == first


def test_in_the_past_it_runs_in_the_past(manager, member):
    job = manager.post(f"{url(member)}regenerate/?as_of={PAST}").json()["job"]

    (row,) = jobs_of(member)
    assert (row.pk, row.mode, row.business_date) == (job, "sandbox", PAST)


def test_an_assistant_asks_for_own_customers_only(assistant, member):
    assert assistant.post(f"{url(member)}regenerate/").status_code == 404
    serve(assistant, member)

    assert assistant.post(f"{url(member)}regenerate/").status_code == 202


@pytest.mark.parametrize("who", ["auditor", "connector"])
def test_readers_and_tills_cannot(request, member, who):
    refused = request.getfixturevalue(who).post(f"{url(member)}regenerate/")

    assert refused.status_code == 403


def test_app6_needs_a_note(manager, member):
    refused = manager.post(f"{url(member, 'app6_note_analysis')}regenerate/")

    assert refused.status_code == 400
    assert refused.json()["code"] == "note_required"


@pytest.mark.parametrize("body", [{"note": -1}, {"note": 2**63}, {"note": "x"}, {"source": "x"}])
def test_a_body_that_cannot_be_names_the_field(manager, member, body):
    refused = manager.post(f"{url(member)}regenerate/", body, "json")

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == list(body)
