"""A member's clues on their page: judged, written by hand, where they come from, what they rest on."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from aijobs.ai_apps.app8_consolidate import write_clues
from aijobs.cache import store_result
from aijobs.evidence import KINDS
from aijobs.jobs import open_app_run
from aijobs.manual_clues import add_manual_clue
from aijobs.models import ClueFeedback, RetentionClue, Run, TriggerJob
from aijobs.registry import AI_APPS
from aijobs.runs import finish_run
from aijobs.targets import Target
from metrics.importers import push_rows
from metrics.models import Assistant, CardEntry, Settlement
from sandbox.context import RuntimeContext, as_of_context, live_context, use_context
from sandbox.models import AuditEntry
from tests.admin.conftest import PAST, TODAY
from tests.admin.pages import count_queries, go_back, page_of, text_of
from tests.factories import bill, card_entry, member_of, push_assistant, push_bills, push_member

FETCH = {"X-Requested-With": "fetch"}
CLUE = {"category": "社交关系", "summary": "和老李一起来", "detail": "前台说的"}


def consolidate(
    member, *summaries: str, ctx: RuntimeContext | None = None, references: dict | None = None
) -> Run:
    """A run of app8 that ended with these clues, as its driver leaves it."""
    clues = [
        {
            "category": "消费习惯",
            "emoji": "🌙",
            "summary": summary,
            "detail": "",
            "confidence": 0.8,
            "providers": "消费分析",
        }
        for summary in summaries
    ]
    with use_context(ctx or live_context(member.site)) as current:
        job = open_app_run(
            ctx=current,
            app="app8_consolidate",
            target={"member_id": member.pk},
            triggered_by="command",
        )
        Run.objects.filter(job=job).update(
            status="running",
            generation=job.pk,
            watermark=10**6,
            prompt=f"整理{member.pk}",
            features={"sources": {}, "as_of": current.business_date.isoformat()},
            references=references or {},
        )
        run = Run.objects.get(job=job)
        finish_run(run, response="{原样的回答}", result={"clues": clues})
        kept = write_clues(run, Target(member_id=member.pk), {"clues": clues})
        store_result(
            run=run, cache_type="app8_clue_consolidated", result=kept, references=references or {}
        )
        TriggerJob.objects.filter(pk=job.pk).update(status="completed", finished_at=run.created_at)
    return run


@pytest.fixture
def member(east):
    return member_of(east, "M1")


def write(member, summary: str, user) -> RetentionClue:
    with use_context(live_context(member.site)) as ctx:
        return add_manual_clue(
            ctx=ctx, member_id=member.pk, category="社交关系", summary=summary, actor=user
        )


def clues_at(ctx: RuntimeContext) -> list[RetentionClue]:
    with use_context(ctx):
        return list(RetentionClue.objects.order_by("pk"))


def judge(client, clue, verdict: str = "wrong", **fields: str):
    address = reverse("admin:aijobs_judge_clue", args=[clue.pk])
    return client.post(address, {"verdict": verdict, **fields}, headers=FETCH)


# --- Judging -------------------------------------------------------------------------------------


def test_a_clue_marked_wrong_goes_from_the_page_and_stays_in_its_history(manager, member):
    consolidate(member, "常来夜场", "偏爱大厅")
    clue = clues_at(live_context(member.site))[0]

    answer = judge(manager, clue, reason="只来下午场")

    assert (answer.status_code, bool(answer.json()["message"])) == (200, True)
    assert "常来夜场" not in text_of(manager.get(page_of(member)))
    history = text_of(manager.get(reverse("admin:aijobs_clue_runs", args=[member.pk])))
    assert "常来夜场" in history
    assert "只来下午场" in history


def test_what_i_said_can_be_taken_back_where_it_is_listed(manager, member):
    consolidate(member, "常来夜场")
    clue = clues_at(live_context(member.site))[0]
    judge(manager, clue)

    address = reverse("admin:aijobs_judge_again", args=[member.pk])
    said = {"verdict": "useful", "fingerprint": clue.fingerprint}
    assert manager.post(address, said, headers=FETCH).status_code == 200

    assert "常来夜场" in text_of(manager.get(page_of(member)))


def test_the_page_shows_my_word_and_how_many_say_what(manager, sign_in, east, member):
    clue = write(member, "和老李一起来", manager.user)
    judge(manager, clue, "useful")
    judge(sign_in("manager", east), clue, "useful")

    page = text_of(manager.get(page_of(member)))

    assert 'data-verdict="useful" aria-pressed="true"' in page
    assert "<span>2</span>" in page


@pytest.mark.parametrize(
    "fields", [{"verdict": "great"}, {"reason": "长" * 301}, {"reason": "a\0b"}, {"verdict": ""}]
)
def test_a_word_that_cannot_be_is_refused_in_words(manager, member, fields):
    clue = write(member, "和老李一起来", manager.user)

    refused = judge(manager, clue, **{"verdict": "wrong", **fields})

    assert refused.status_code == 400
    assert refused.json()["message"]


def test_nobody_judges_or_writes_in_the_past_and_no_button_invites_to(manager, member):
    consolidate(member, "常来夜场", ctx=as_of_context(member.site, PAST))
    go_back(manager, PAST)
    clue = clues_at(as_of_context(member.site, PAST))[0]

    page = text_of(manager.get(page_of(member)))
    added = manager.post(reverse("admin:aijobs_add_clue", args=[member.pk]), CLUE, headers=FETCH)

    assert "常来夜场" in page
    assert "data-post" not in page
    assert added.json()["code"] == "sandbox_read_only"
    assert judge(manager, clue).status_code == 404  # made for a past date, not for today


def test_an_auditor_reads_and_writes_nothing(sign_in, east, manager, member):
    auditor = sign_in("auditor", east)
    consolidate(member, "常来夜场")
    clue = clues_at(live_context(east))[0]

    assert judge(auditor, clue).status_code == 403
    added = auditor.post(reverse("admin:aijobs_add_clue", args=[member.pk]), CLUE)
    assert added.status_code == 403
    assert "data-post" not in text_of(auditor.get(page_of(member)))
    assert auditor.get(reverse("admin:aijobs_clue_runs", args=[member.pk])).status_code == 200


def test_a_clue_of_another_store_does_not_exist(manager, west):
    foreign = member_of(west, "M1")
    clue = write(foreign, "和老李一起来", manager.user)

    assert judge(manager, clue).status_code == 404
    for name in ("edit_clue", "withdraw_clue"):
        address = reverse(f"admin:aijobs_{name}", args=[clue.pk])
        assert manager.post(address, CLUE).status_code == 404
    for name in ("add_clue", "judge_again"):
        address = reverse(f"admin:aijobs_{name}", args=[foreign.pk])
        said = {**CLUE, "verdict": "wrong", "fingerprint": clue.fingerprint}
        assert manager.post(address, said).status_code == 404
    assert manager.get(reverse("admin:aijobs_clue_runs", args=[foreign.pk])).status_code == 404


# --- By hand -------------------------------------------------------------------------------------


def test_a_clue_is_written_edited_and_withdrawn_by_hand(manager, member):
    manager.post(reverse("admin:aijobs_add_clue", args=[member.pk]), CLUE, headers=FETCH)
    clue = clues_at(live_context(member.site))[0]
    assert "和老李一起来" in text_of(manager.get(page_of(member)))

    edited = {**CLUE, "summary": "和老王一起来"}
    manager.post(reverse("admin:aijobs_edit_clue", args=[clue.pk]), edited, headers=FETCH)
    page = text_of(manager.get(page_of(member)))
    assert ("和老王一起来" in page, "和老李一起来" in page) == (True, False)

    newest = clues_at(live_context(member.site))[-1]
    gone = manager.post(reverse("admin:aijobs_withdraw_clue", args=[newest.pk]))
    assert gone.status_code == 302
    assert "和老王一起来" not in text_of(manager.get(page_of(member)))
    with use_context(live_context(member.site)):
        actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
        assert list(actions) == ["clue_added", "clue_edited", "clue_withdrawn"]


@pytest.mark.parametrize(
    "fields", [{"summary": " "}, {"category": "八卦"}, {"detail": "a\0b"}, {"summary": "长" * 201}]
)
def test_a_clue_that_cannot_be_is_refused_in_words(manager, member, fields):
    address = reverse("admin:aijobs_add_clue", args=[member.pk])

    refused = manager.post(address, {**CLUE, **fields}, headers=FETCH)

    assert (refused.status_code, bool(refused.json()["message"])) == (400, True)
    assert clues_at(live_context(member.site)) == []


# --- Where clues come from -----------------------------------------------------------------------


def run_page(run: Run) -> str:
    return reverse("admin:aijobs_clue_run", args=[run.member_id, run.pk])


def test_a_run_shows_what_went_in_and_out_and_what_it_did_to_the_clues(operator, manager, member):
    consolidate(member, "常来夜场", "偏爱大厅")
    judge(manager, clues_at(live_context(member.site))[1], reason="他坐包厢")

    run = consolidate(member, "🌙 偏爱大厅！", "周四来")

    page = operator.get(run_page(run))
    made = page.context["consolidation"]
    assert [clue.summary for clue in made.written] == ["🌙 周四来"]
    assert [clue.summary for clue in made.removed] == ["🌙 常来夜场", "🌙 偏爱大厅"]
    assert [clue.summary for clue in made.dropped] == ["🌙 🌙 偏爱大厅！"]
    for shown in (f"整理{member.pk}", "{原样的回答}", "&quot;as_of&quot;", "他坐包厢"):
        assert shown in text_of(page)


def test_what_the_ai_was_asked_and_said_is_not_the_managers(manager, member):
    run = consolidate(member, "周四来")
    with use_context(live_context(member.site)):
        Run.objects.filter(pk=run.pk).update(tokens_in=12345, provider="rules")

    page = text_of(manager.get(run_page(run)))

    for shown in ("周四来", "&quot;as_of&quot;"):
        assert shown in page
    for kept in (f"整理{member.pk}", "{原样的回答}", "12345", "rules"):
        assert kept not in page


def test_exactly_what_a_run_replaced_is_its_own(manager, member):
    first = consolidate(member, "常来夜场")
    write(member, "和老李一起来", manager.user)
    second = consolidate(member, "周四来")
    third = consolidate(member, "周五来")

    removed = {
        run.pk: [c.summary for c in manager.get(run_page(run)).context["consolidation"].removed]
        for run in (first, second, third)
    }

    assert removed == {
        first.pk: [],
        second.pk: ["🌙 常来夜场"],
        third.pk: ["🌙 周四来"],
    }


def test_the_past_knows_no_later_run_clue_or_word(manager, east, member):
    old = consolidate(member, "常来夜场", ctx=as_live(east, date(2026, 4, 15)))
    dropping = consolidate(member, "周四来", ctx=as_live(east, date(2026, 4, 18)))
    with use_context(live_context(east)):
        word = ClueFeedback.objects.create(
            site=east,
            member=member,
            cache_type="app8_clue_consolidated",
            target_id=str(member.pk),
            text="周四来",
            fingerprint="f",
            verdict="wrong",
            reason="后来才说的",
            business_date=TODAY,
        )
        dropped = [{"clue": {"summary": "后来才知道不准"}, "feedback": word.pk}]
        Run.objects.filter(pk=dropping.pk).update(dropped=dropped)
    new = consolidate(member, "周五来")
    history = reverse("admin:aijobs_clue_runs", args=[member.pk])
    assert "后来才知道不准" in text_of(manager.get(history))
    go_back(manager, PAST)

    page = manager.get(history)

    assert [made.run.pk for made in page.context["consolidations"]] == [dropping.pk, old.pk]
    for later in ("周五来", "后来才知道不准", "后来才说的"):
        assert later not in text_of(page)
    assert manager.get(run_page(new)).status_code == 404
    assert manager.get(run_page(old)).status_code == 200


def as_live(site, day: date) -> RuntimeContext:
    """The live context as it was on a day."""
    today = live_context(site)
    return RuntimeContext(site, today.mode, day)


def test_what_was_made_for_another_past_date_is_not_listed(manager, east, member):
    consolidate(member, "当时", ctx=as_of_context(east, PAST))
    history = reverse("admin:aijobs_clue_runs", args=[member.pk])

    assert "当时" not in text_of(manager.get(history))
    go_back(manager, PAST)
    assert "当时" in text_of(manager.get(history))


def test_runs_of_another_member_or_store_or_app_do_not_exist(manager, east, west, member):
    foreign = consolidate(member_of(west, "M1"), "常来夜场")
    neighbour = push_member(east, "M2")
    theirs = consolidate(neighbour, "常来夜场")

    assert manager.get(run_page(foreign)).status_code == 404
    address = reverse("admin:aijobs_clue_run", args=[member.pk, theirs.pk])
    assert manager.get(address).status_code == 404


# --- Evidence ------------------------------------------------------------------------------------


def evidence(client, member):
    return client.get(reverse("admin:aijobs_evidence", args=["app8_consolidate", member.pk]))


def settlements_of(site) -> list[Settlement]:
    with use_context(live_context(site)):
        return list(Settlement.objects.filter(member__isnull=False).order_by("business_date"))


def test_evidence_opens_metrics_at_the_date_and_rows_with_their_pages(manager, east, member):
    bills = settlements_of(east)
    with use_context(live_context(east)):
        entry = CardEntry.objects.order_by("business_date").first()
    references = {
        "metrics": ["last_visit_days", "card_balance"],
        "rows": {"settlements": [one.pk for one in bills], "card_entries": [entry.pk]},
    }
    consolidate(member, "常来夜场", references=references)

    page = text_of(evidence(manager, member))

    for shown in ("¥800.00", "2026-05-05", "2026-04-28", "¥1,000.00", "大厅A区", "¥500.00"):
        assert shown in page
    for row, name in ((bills[0], "settlement"), (entry, "cardentry")):
        address = reverse(f"admin:metrics_{name}_change", args=[row.pk])
        assert address in page
        assert manager.get(address).status_code == 200


def test_what_is_voided_or_not_yet_there_is_said_so(manager, east, member):
    first, second = settlements_of(east)
    push_bills(
        east,
        [bill(date(2026, 4, 10), 100, member="M1", void_of=first.external_id)],
    )
    references = {"rows": {"settlements": [first.pk, second.pk, 10**9]}}
    consolidate(member, "常来夜场", references=references, ctx=as_live(east, date(2026, 4, 15)))

    [group] = evidence(manager, member).context["evidence"].groups
    assert [(row.day.day, row.is_void) for row in group.rows] == [(28, False), (10, True)]
    assert group.missing == 1

    go_back(manager, PAST)
    [group] = evidence(manager, member).context["evidence"].groups
    assert [row.day.day for row in group.rows] == [10]
    assert group.missing == 2


def test_a_consolidation_opens_what_its_sources_rest_on(manager, east, member):
    with use_context(live_context(east)) as ctx:
        job = open_app_run(
            ctx=ctx, app="app3_clue", target={"member_id": member.pk}, triggered_by="command"
        )
        run = Run.objects.get(job=job)
        run.generation, run.watermark = 1, 10**6
        rests_on = {
            "metrics": ["card_balance"],
            "rows": {"settlements": [settlements_of(east)[0].pk]},
        }
        source = store_result(
            run=run, cache_type="app3_clue", result={"clues": []}, references=rests_on
        )
    consolidate(member, "常来夜场", references={"rows": {"ai_cache": [source.pk]}})

    opened = evidence(manager, member).context["evidence"]

    assert [figure.value for figure in opened.figures] == [800]
    assert [row.amount for row in opened.groups[0].rows] == [100]


def test_evidence_takes_as_many_statements_for_many_rows_as_for_one(manager, east, member):
    few = consolidate(member, "常来夜场", references={"rows": rows_of(east)})
    one = count_queries(
        manager, reverse("admin:aijobs_evidence", args=["app8_consolidate", member.pk])
    )
    push_bills(east, [bill(date(2026, 5, day), 10, member="M1") for day in range(1, 5)])
    entries = [card_entry("M1", date(2026, 5, day), 10) for day in range(1, 5)]
    push_rows(site=east, kind="card_entries", rows=entries)
    more = consolidate(member, "常来夜场", references={"rows": rows_of(east)})

    many = count_queries(
        manager, reverse("admin:aijobs_evidence", args=["app8_consolidate", member.pk])
    )

    assert few.pk != more.pk
    assert one == many


def rows_of(site) -> dict[str, list[int]]:
    with use_context(live_context(site)):
        return {
            "settlements": [one.pk for one in settlements_of(site)],
            "card_entries": list(CardEntry.objects.values_list("pk", flat=True)),
        }


def test_evidence_of_nothing_or_of_another_store_is_404(manager, west, member):
    foreign = member_of(west, "M1")
    consolidate(foreign, "常来夜场")

    assert evidence(manager, member).status_code == 404
    assert evidence(manager, foreign).status_code == 404
    for app, target in (
        ("app9", "1"),
        ("app8_consolidate", "x"),
        ("app2_finance", "this_year__all"),
    ):
        address = reverse("admin:aijobs_evidence", args=[app, target])
        assert manager.get(address).status_code == 404


def test_a_finance_result_opens_the_figures_of_its_closed_days(manager, east):
    with use_context(live_context(east)) as ctx:
        target = Target(range_key="this_month")
        job = open_app_run(
            ctx=ctx, app="app2_finance", target=target.as_payload(), triggered_by="command"
        )
        run = Run.objects.get(job=job)
        run.generation, run.watermark = 1, 10**6
        store_result(
            run=run,
            cache_type="app2_finance",
            result={"headline": "x"},
            references={"metrics": ["gmv", "prepaid_liability"]},
        )

    page = manager.get(reverse("admin:aijobs_evidence", args=["app2_finance", "this_month__all"]))

    opened = page.context["evidence"]
    assert opened.until == date(2026, 5, 4)
    assert [figure.value for figure in opened.figures] == [800, 140]


@pytest.mark.parametrize("app", ["app3_clue", "app4_analysis", "app5_tactics", "app7_customer"])
def test_every_kind_of_row_that_an_app_rests_on_can_be_opened(app, east, member):
    push_assistant(east, "A1")
    with use_context(live_context(east)) as ctx:
        assistant = Assistant.objects.get(external_id="A1")
        target = Target(member_id=member.pk, assistant_id=assistant.pk)
        told = AI_APPS[app].build_features(ctx, target, {})

    assert told.rows.keys() <= {*KINDS, "ai_cache"}
