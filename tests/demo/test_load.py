"""The demo in a real database, small: complete, consistent, loaded once or to the end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F, Max, Min, Sum

from aijobs.models import Run, TriggerJob
from metrics.calls import calls_of_today
from metrics.models import (
    AreaVersion,
    AssistantLevelChange,
    AssistantSalary,
    CardEntry,
    CoachTask,
    CoachTaskEvent,
    Contact,
    MemberAssignment,
    MemberConsumption,
    Note,
    SalaryAdjustment,
    SalaryAdjustmentBatch,
    SalaryPlan,
    ServiceLine,
    Settlement,
    SiteClosure,
)
from metrics.quality import run_checks
from sandbox.access import granted_sites, role_of
from sandbox.context import live_context, use_context
from sandbox.models import Site, SiteGrant
from zqyy.demo.books import keep_books
from zqyy.demo.chain import make_chain
from zqyy.demo.load import begin_demo, fill_demo
from zqyy.demo.plan import Plan
from zqyy.demo.progress import find_demo

SCALE = 0.05
# A Saturday, 21:40 in the stores.
NOW = datetime(2026, 11, 21, 13, 40, tzinfo=UTC)
PLAN = Plan(
    seed=1,
    scale=SCALE,
    last_day=date(2026, 11, 21),
    until=NOW.astimezone(ZoneInfo("Asia/Shanghai")),
)


def load_demo(**options) -> str:
    out = StringIO()
    call_command("load_demo", scale=SCALE, stdout=out, **options)
    return out.getvalue()


def bills_made() -> dict[str, int]:
    chain = make_chain(PLAN)
    return {history.store.code: len(history.bills) for history in chain}


def bills_loaded() -> dict[str, int]:
    counts = {}
    for site in Site.objects.all():
        with use_context(live_context(site)):
            counts[site.code] = Settlement.objects.filter(site=site).count()
    return counts


def books_made() -> dict[str, list[int]]:
    counts = {}
    for history in make_chain(PLAN):
        books = keep_books(history, seed=PLAN.seed)
        counts[history.store.code] = [
            len(books.corrections),
            len(books.assignments),
            len(books.notes),
            len(books.tasks),
            sum(len(task.events) for task in books.tasks),
            len(books.contacts),
        ]
    return counts


def books_loaded() -> dict[str, list[int]]:
    kinds = (SalaryAdjustment, MemberAssignment, Note, CoachTask, CoachTaskEvent, Contact)
    counts = {}
    for site in Site.objects.all():
        with use_context(live_context(site)):
            counts[site.code] = [kind.objects.filter(site=site).count() for kind in kinds]
    return counts


@pytest.fixture(autouse=True)
def clock(settings):
    settings.DEMO_PASSWORD = "snooker-147"
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker):
    """Loaded once, undone after the last test of this file that asks for it."""
    with (
        django_db_blocker.unblock(),
        time_machine.travel(NOW, tick=False),
        transaction.atomic(),
    ):
        fill_demo(
            sites=begin_demo(plan=PLAN), plan=PLAN, password="snooker-147", say=lambda text: None
        )
        yield
        transaction.set_rollback(True)


@pytest.fixture(params=["binjiang", "xuefu", "zhongshan"])
def site(request, demo):
    site = Site.objects.get(code=request.param)
    with use_context(live_context(site)):
        yield site


def test_every_bill_that_was_made_is_there(demo):
    assert bills_loaded() == bills_made()


def test_everything_that_was_written_down_is_there(demo):
    assert books_loaded() == books_made()


def test_the_newest_month_of_corrections_was_uploaded_as_a_file(site):
    (batch,) = SalaryAdjustmentBatch.objects.filter(site=site)
    rows = SalaryAdjustment.objects.filter(site=site, adjustment_batch=batch)

    assert batch.file_name == "2026-10 奖惩.xlsx"
    assert rows.count() > 1
    days = rows.aggregate(first=Min("business_date"), last=Max("business_date"))
    assert date(2026, 10, 1) <= days["first"] <= days["last"] <= date(2026, 10, 31)


def test_the_pages_of_those_to_be_called_are_analysed(site):
    ctx = live_context(site)
    calls = calls_of_today(ctx=ctx).calls
    open_steps = set(
        Run.objects.filter(site=site, status=Run.Status.PENDING).values_list("step", flat=True)
    )

    assert calls
    assert open_steps >= {f"app7_customer:{call.member_id}" for call in calls}
    assert open_steps >= {
        f"app5_tactics:{call.assistant_id}_{call.member_id}" for call in calls if call.assistant_id
    }


def test_nothing_is_dated_after_the_clock(site):
    for model in (Settlement, ServiceLine, CardEntry, Note, CoachTask, CoachTaskEvent, Contact):
        assert model.objects.aggregate(newest=Max("occurred_at"))["newest"] <= NOW


def test_the_newest_bill_is_of_today(site):
    assert Settlement.objects.latest("occurred_at").business_date >= date(2026, 11, 20)


def test_the_arithmetic_of_every_bill_holds(site):
    wrong = Settlement.objects.exclude(
        gross=F("discount") + F("paid"),
        paid=F("card_paid") + F("cash_paid") + F("other_paid"),
    )

    assert not wrong.exists()


def test_bills_paid_by_card_have_their_entry(site):
    by_bill = {
        row["settlement"]: -row["principal"] - row["gift"]
        for row in CardEntry.objects.filter(kind="consume").values(
            "settlement", "principal", "gift"
        )
    }

    assert by_bill == dict(
        Settlement.objects.filter(card_paid__gt=0).values_list("pk", "card_paid")
    )


def test_assistant_fees_are_the_sum_of_their_service_lines(site):
    lines = dict(ServiceLine.objects.values_list("settlement").annotate(total=Sum("ledger")))

    assert lines == dict(
        Settlement.objects.filter(assistant_fee__gt=0).values_list("pk", "assistant_fee")
    )


def test_no_balance_was_ever_negative(site):
    assert not MemberConsumption.objects.filter(principal__lt=0).exists()
    assert not MemberConsumption.objects.filter(gift__lt=0).exists()


def test_the_summaries_know_every_member_with_a_bill(site):
    newest = MemberConsumption.objects.filter(valid_to__gt=PLAN.last_day, visits__gt=0)
    members = Settlement.objects.filter(member__isnull=False).values("member").distinct()

    assert newest.count() == members.count()


def test_the_newest_bills_opened_jobs(site):
    jobs = TriggerJob.objects.filter(site=site, event_type="consumption")

    assert jobs.count() >= 1
    assert len({job.member_id for job in jobs}) == jobs.count()


def test_every_hour_worked_has_a_price(site):
    assert AssistantSalary.objects.filter(base_pay__gt=0).exists()
    assert not AssistantSalary.objects.filter(unpriced_hours__gt=0).exists()


def test_every_level_has_a_plan_and_one_raise(site):
    levels = set(AssistantLevelChange.objects.values_list("level", flat=True))
    plans = SalaryPlan.objects.order_by("business_date").values_list("level", "hourly_rate")

    assert levels <= {level for level, _ in plans}
    for level in levels:
        first, raised = [rate for named, rate in plans if named == level]
        assert first < raised


# At 5 % of the members a day without bills is no wonder.
ONLY_FOR_SIZE = {"freshness", "sudden_drop"}


@pytest.mark.parametrize("days_ago", [1, 30, 276, 400])
def test_no_night_finds_anything_wrong(site, days_ago):
    day = PLAN.last_day - timedelta(days=days_ago)

    with use_context(live_context(site)):
        found = {finding.check.key for finding in run_checks(site=site, day=day)}

    assert found <= ONLY_FOR_SIZE


def test_areas_have_tables_and_prices_where_the_store_has_them(site):
    tables = dict(
        AreaVersion.objects.filter(tables__isnull=False).values_list("area__external_id", "tables")
    )

    assert sum(tables.values()) == {"binjiang": 10, "xuefu": 18, "zhongshan": 26}[site.code]
    assert ("ktv" in tables) is (site.code != "binjiang")


def test_the_store_was_closed_on_new_years_eve(site):
    closed = list(
        SiteClosure.objects.order_by("business_date").values_list("business_date", flat=True)
    )

    assert closed == [date(2025, 1, 28), date(2026, 2, 16)]
    assert not Settlement.objects.filter(business_date__in=closed).exists()


@pytest.mark.parametrize(
    ("name", "stores", "is_staff"),
    [
        ("operator", 3, True),
        ("manager", 2, True),
        ("auditor", 3, True),
        ("assistant", 1, False),
    ],
)
def test_the_demo_users_see_their_stores(demo, name, stores, is_staff):
    user = User.objects.get(username=name)

    assert role_of(user) == name
    assert granted_sites(user).count() == stores
    assert (user.is_staff, user.is_superuser) == (is_staff, False)
    assert user.check_password("snooker-147")


def test_the_assistant_is_one_of_the_stores_assistants(demo):
    grant = SiteGrant.objects.get(user__username="assistant")

    with use_context(live_context(grant.site)):
        assert ServiceLine.objects.filter(assistant=grant.assistant_id).exists()


def test_the_assistant_has_tasks_that_are_due_today(demo):
    grant = SiteGrant.objects.get(user__username="assistant")

    with use_context(live_context(grant.site)):
        due = CoachTask.objects.filter(assistant=grant.assistant_id, due_on=PLAN.last_day)
        done = CoachTaskEvent.objects.filter(kind__in=("done", "cancelled")).values("task")
        assert due.exclude(pk__in=done).exists()


def test_a_second_load_is_refused(demo):
    with pytest.raises(CommandError, match="loaded already"):
        load_demo()


def test_a_second_load_can_be_told_to_leave_things_alone(demo):
    before = bills_loaded()

    assert "loaded already" in load_demo(if_empty=True)
    assert bills_loaded() == before


@pytest.mark.django_db
def test_it_does_not_join_stores_of_somebody_else():
    Site.objects.create(code="east", name="东店")

    with pytest.raises(CommandError, match="east"):
        load_demo()


@pytest.mark.django_db
def test_it_needs_a_password_for_the_demo_users(settings):
    settings.DEMO_PASSWORD = ""

    with pytest.raises(CommandError, match="DEMO_PASSWORD"):
        load_demo()
    assert not Site.objects.exists()


@pytest.mark.django_db
def test_years_without_a_known_lunar_calendar_leave_nothing_behind():
    with time_machine.travel(datetime(2041, 1, 1, tzinfo=UTC)), pytest.raises(CommandError):
        load_demo()

    assert find_demo().is_empty


class Killed(Exception):
    pass


@pytest.mark.django_db
@pytest.mark.slow
def test_a_load_that_was_killed_is_taken_up_again_and_ends_right():
    def die(text: str) -> None:
        raise Killed

    with pytest.raises(Killed):
        fill_demo(sites=begin_demo(plan=PLAN), plan=PLAN, password="snooker-147", say=die)

    assert find_demo().is_half_loaded
    with time_machine.travel(NOW.replace(hour=14), tick=False):
        answer = load_demo(seed=99)

    assert "interrupted" in answer
    assert find_demo().is_complete
    assert bills_loaded() == bills_made()
