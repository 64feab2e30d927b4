"""What a reader finds at D, in live and in a sandbox."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from aijobs.cache import fetch, store_result
from aijobs.clues import clues_of, replace_clues
from aijobs.errors import Stale
from aijobs.fingerprints import fingerprint_of
from aijobs.jobs import open_app_run
from aijobs.manual_clues import add_manual_clue
from aijobs.models import CacheEntry, RetentionClue, Run
from aijobs.pseudonyms import redact, resolve_names
from metrics.importers import push_rows
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.errors import BadRequest, NotFound, SandboxReadOnly
from sandbox.models import Mode
from tests.aijobs.store import ASSISTANT_NAME, NAME, PHONE, Store

TYPE = "app3_clue"
_numbers = count(1)


def make_run(store: Store, ctx: RuntimeContext, *, generation: int | None = None) -> Run:
    """A run of the context, started; each has a job of its own day."""
    with use_context(ctx):
        job = open_app_run(
            ctx=ctx, app=TYPE, target={"member_id": store.member.pk}, triggered_by="command"
        )
        Run.objects.filter(job=job).update(
            status="running", generation=generation or next(_numbers), watermark=1
        )
        return Run.objects.get(job=job)


def live_at(store: Store, ago: int) -> RuntimeContext:
    """The live context as it was some days ago."""
    return replace(store.live, business_date=store.day(ago))


def keep(store: Store, ctx: RuntimeContext, text: str, **values) -> CacheEntry:
    run = make_run(store, ctx, **values)
    with use_context(ctx):
        entry = store_result(run=run, cache_type=TYPE, result={"text": text}, references={})
        Run.objects.filter(pk=run.pk).update(status="failed", finished_at=entry.created_at)
        close_job(run)
        return entry


def close_job(run: Run) -> None:
    """The next run of the same day needs a job of its own."""
    run.job.__class__.objects.filter(pk=run.job_id).update(
        status="completed", finished_at=run.created_at
    )


def read(store: Store, ctx: RuntimeContext) -> str | None:
    with use_context(ctx):
        insight = fetch(cache_type=TYPE, target_id=str(store.member.pk), ctx=ctx)
    return insight.result["text"] if insight else None


# --- Cache ---------------------------------------------------------------------------------------


def test_nothing_is_found_before_something_was_generated(store):
    assert read(store, store.live) is None


def test_live_reads_the_newest_live_result_of_that_time(store):
    keep(store, live_at(store, 10), "ten days ago")
    keep(store, live_at(store, 3), "three days ago")

    assert read(store, live_at(store, 11)) is None
    assert read(store, live_at(store, 10)) == "ten days ago"
    assert read(store, live_at(store, 4)) == "ten days ago"
    assert read(store, store.live) == "three days ago"


def test_a_sandbox_reads_its_own_result_of_exactly_that_date(store):
    keep(store, live_at(store, 10), "live")
    keep(store, store.sandbox(5), "sandbox")

    assert read(store, store.sandbox(5)) == "sandbox"
    assert read(store, store.sandbox(4)) == "live"
    assert read(store, live_at(store, 5)) == "live"
    assert read(store, store.live) == "live"


def test_of_one_date_the_run_that_started_last_is_read(store):
    keep(store, store.live, "first", generation=1)
    keep(store, store.live, "second", generation=2)

    assert read(store, store.live) == "second"


def test_a_run_that_started_earlier_is_stale(store):
    keep(store, store.live, "newer", generation=5)

    with pytest.raises(Stale):
        keep(store, store.live, "older", generation=4)


def test_an_insight_says_what_it_was_made_for_and_from(store):
    keep(store, live_at(store, 3), "text")

    with use_context(store.sandbox(1)) as ctx:
        shape = fetch(cache_type=TYPE, target_id=str(store.member.pk), ctx=ctx).as_dict()

    assert set(shape) == {
        "cache_type",
        "target_id",
        "result",
        "_references",
        "created_at",
        "business_date",
        "mode",
        "stale",
        "age_seconds",
    }
    assert (shape["mode"], shape["business_date"]) == ("live", store.day(3).isoformat())
    assert shape["stale"] is False
    assert shape["age_seconds"] >= 0


def test_a_newer_bill_makes_an_insight_stale(store):
    keep(store, store.live, "text")
    push_rows(
        site=store.site,
        kind="settlements",
        rows=[
            {
                "external_id": "new",
                "settled_at": store.at(store.today, 9).isoformat(),
                "member": store.member.external_id,
                "area": "hallA",
                "gross": 10,
                "discount": 0,
                "paid": 10,
                "card_paid": 0,
                "cash_paid": 10,
                "other_paid": 0,
            }
        ],
    )

    with use_context(store.live) as ctx:
        assert fetch(cache_type=TYPE, target_id=str(store.member.pk), ctx=ctx).stale


# --- Clues ---------------------------------------------------------------------------------------


def clue(summary: str, **values) -> dict:
    return {
        "category": "消费习惯",
        "emoji": "",
        "summary": summary,
        "detail": "",
        "confidence": 0.5,
        "providers": "测试",
        **values,
    }


def write(store: Store, ctx: RuntimeContext, *summaries: str, source="ai_consumption", **values):
    run = make_run(store, ctx, **values)
    with use_context(live_context(store.site) if ctx.mode == Mode.LIVE else ctx):
        rows = replace_clues(
            run=run,
            member_id=store.member.pk,
            source=source,
            clues=[clue(summary) for summary in summaries],
        )
        close_job(run)
    return rows


def summaries(store: Store, ctx: RuntimeContext) -> list[str]:
    with use_context(ctx):
        return sorted(row.summary for row in clues_of(member_id=store.member.pk, ctx=ctx))


def test_new_clues_supersede_those_of_their_source_only(store):
    write(store, live_at(store, 2), "old bill")
    write(store, live_at(store, 2), "from a note", source="ai_note")

    write(store, store.live, "new bill")

    assert summaries(store, store.live) == ["from a note", "new bill"]
    with use_context(store.live):
        old = RetentionClue.objects.get(summary="old bill")
    assert (old.superseded_on, old.superseded_at is not None) == (store.today, True)


def test_the_clues_in_force_at_a_past_date_can_still_be_read(store):
    write(store, live_at(store, 10), "first")
    write(store, live_at(store, 5), "second")

    assert summaries(store, store.sandbox(11)) == []
    assert summaries(store, store.sandbox(10)) == ["first"]
    assert summaries(store, store.sandbox(6)) == ["first"]
    assert summaries(store, store.sandbox(5)) == ["second"]
    assert summaries(store, store.live) == ["second"]


def test_a_sandbox_shows_what_was_made_for_exactly_its_date(store):
    write(store, live_at(store, 10), "live")
    write(store, store.sandbox(5), "sandbox")

    assert summaries(store, store.sandbox(5)) == ["sandbox"]
    assert summaries(store, store.sandbox(4)) == ["live"]
    assert summaries(store, store.live) == ["live"]


def test_what_was_written_by_hand_stays(store):
    with use_context(live_at(store, 3)) as ctx:
        add_manual_clue(
            ctx=ctx, member_id=store.member.pk, category="社交关系", summary="by hand", actor=user()
        )
    write(store, store.live, "new bill")
    write(store, store.sandbox(2), "sandbox")

    assert summaries(store, store.live) == ["by hand", "new bill"]
    assert summaries(store, store.sandbox(2)) == ["by hand", "sandbox"]


def test_no_new_clues_keep_those_there_are(store):
    write(store, live_at(store, 2), "old")

    assert write(store, store.live) == []
    assert summaries(store, store.live) == ["old"]


def test_equal_clues_of_two_sources_show_once(store):
    write(store, store.live, "same")
    write(store, store.live, "ｓａｍｅ", source="ai_note")

    assert len(summaries(store, store.live)) == 1


def test_equal_clues_of_one_answer_are_written_once(store):
    assert len(write(store, store.live, "same", "ｓａｍｅ")) == 1


@pytest.mark.parametrize("later", [{"ago": 1, "generation": 1}, {"ago": 3, "generation": 9}])
def test_a_run_for_an_earlier_date_or_of_an_earlier_start_replaces_nothing(store, later):
    write(store, live_at(store, later["ago"]), "newer", generation=later["generation"])

    with pytest.raises(Stale):
        write(store, live_at(store, 3), "older", generation=5)

    assert summaries(store, store.live) == ["newer"]


def test_an_unknown_category_is_customer_basics_and_the_emoji_leads(store):
    run = make_run(store, store.live)
    with use_context(store.live):
        (row,) = replace_clues(
            run=run,
            member_id=store.member.pk,
            source="ai_note",
            clues=[clue("x", category="其他", emoji="🎱")],
        )

    assert (row.category, row.summary) == ("客户基础", "🎱 x")


def test_a_fingerprint_survives_another_way_of_writing():
    assert fingerprint_of("消费习惯", "ＶＩＰ１") == fingerprint_of("消费习惯", "VIP1")
    assert fingerprint_of("消费习惯", "VIP1") != fingerprint_of("玩法偏好", "VIP1")


def user():
    from django.contrib.auth.models import User

    return User.objects.get_or_create(username="manager", first_name="店长")[0]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"category": "其他"}, "category"),
        ({"summary": "  "}, "summary"),
        ({"summary": "x" * 201}, "summary"),
    ],
)
def test_a_manual_clue_that_cannot_be_names_the_field(store, values, field):
    values = {"category": "消费习惯", "summary": "x", **values}

    with use_context(store.live) as ctx, pytest.raises(BadRequest) as refusal:
        add_manual_clue(ctx=ctx, member_id=store.member.pk, actor=user(), **values)

    assert list(refusal.value.fields) == [field]


def test_a_manual_clue_is_refused_twice_in_the_past_and_for_strangers(store):
    other = Store("west")
    values = {"category": "消费习惯", "summary": "x", "actor": user()}

    with use_context(store.live) as ctx:
        add_manual_clue(ctx=ctx, member_id=store.member.pk, **values)
        with pytest.raises(BadRequest):
            add_manual_clue(ctx=ctx, member_id=store.member.pk, **values)
        with pytest.raises(NotFound):
            add_manual_clue(ctx=ctx, member_id=other.member.pk, **values)
    with use_context(store.sandbox(3)) as ctx, pytest.raises(SandboxReadOnly):
        add_manual_clue(ctx=ctx, member_id=store.member.pk, **values)


# --- Names -----------------------------------------------------------------------------------------


def test_prompts_carry_numbers_instead_of_people(store):
    text = f"{NAME}的电话是{PHONE}，固话 010-62345678，找{ASSISTANT_NAME}打了 180 元"

    with use_context(store.live) as ctx:
        hidden = redact(text, ctx=ctx)
        shown = resolve_names({"a": [hidden], "b": 3}, ctx=ctx)

    assert hidden == (
        f"会员#{store.member.pk}的电话是〔电话〕，固话 〔电话〕，"
        f"找助教#{store.assistant.pk}打了 180 元"
    )
    assert shown["a"][0].startswith(f"{NAME}的电话是〔电话〕")
    assert shown["b"] == 3


def test_an_ordinary_word_in_which_a_name_stands_stays(store):
    with use_context(store.live) as ctx:
        short = store.add_member("m8", "高峰", "13711112222")
        longer = store.add_member("m9", "高峰岩", "13711113333")

        said = redact("晚高峰常和高峰、高峰岩一起来", ctx=ctx)

    assert said == f"晚高峰常和会员#{short.pk}、会员#{longer.pk}一起来"


@pytest.mark.parametrize(
    "phone",
    ["139 1234 5678", "139-1234-5678", "+8613912345678", "１３９１２３４５６７８", "021-5888 8888"],
)
def test_phones_are_found_however_they_are_written(store, phone):
    with use_context(store.live) as ctx:
        assert "5678" not in redact(f"打{phone}找他", ctx=ctx)
        assert "8888" not in redact(f"打{phone}找他", ctx=ctx)


def test_amounts_and_dates_are_no_phones(store):
    with use_context(store.live) as ctx:
        assert redact("2026-05-05 消费 1280.50 元，第 20260505001 单", ctx=ctx) == (
            "2026-05-05 消费 1280.50 元，第 20260505001 单"
        )


def test_names_of_another_store_are_not_shown(store):
    other = Store("west")

    with use_context(store.live) as ctx:
        token = f"会员#{other.member.pk}"
        assert resolve_names(token, ctx=ctx) == token
