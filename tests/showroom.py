"""A store with something on every page: guests, staff, tasks, pay, jobs, clues, alerts, options."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.utils import timezone

from aijobs.guards.kill_switches import lift_kill_switch, throw_kill_switch
from aijobs.jobs import open_app_run, open_jobs
from aijobs.prompt_versions import add_prompt, newest_prompt
from aijobs.registry import AI_APPS
from metrics.entries import apply_adjustments, assign_tasks
from metrics.events import Event
from metrics.import_jobs import open_import
from metrics.importers import push_rows
from metrics.models import Assistant
from sandbox.authentication import create_api_key
from sandbox.context import live_context, use_context
from sandbox.models import Site, SiteGrant
from sandbox.options import set_option
from tests.aijobs.driving import drive
from tests.aijobs.test_alerts import raise_now
from tests.factories import (
    bill,
    card_entry,
    days_before,
    member_of,
    push_assistant,
    push_bills,
    push_member,
)
from tests.metrics.staff import correct_pay, end_task, give_task, set_level, set_plan

WEEKS = 6


def furnish(site: Site, owner: User) -> None:
    """Fill an empty store; what people do there, `owner` does."""
    _let_guests_come(site)
    _let_people_work(site, owner)
    _let_ai_work(site)
    _let_operators_work(site, owner)
    raise_now(
        site, "data_quality", business_date=str(days_before(site, 1)), checks=["negative_balances"]
    )


def _let_guests_come(site: Site) -> None:
    """Zhang San came every week and stays away, Li Si was here the day before, Wang Wu is here."""
    push_assistant(site, "A1", name="小林")
    push_assistant(site, "A2", name="小兰")
    for external_id, name in (("M1", "张三"), ("M2", "李四"), ("M3", "王五")):
        push_member(site, external_id, name=name, phone="13912345678")
    entries = [
        card_entry("M1", days_before(site, 90), 1000, 100),
        card_entry("M2", days_before(site, 40), 300),
        card_entry("M2", days_before(site, 2), -260),
    ]
    push_rows(site=site, kind="card_entries", rows=entries)
    bills = [
        _served_bill(site, days_before(site, last + 7 * week), member, assistant)
        for member, assistant, last in (("M1", "A1", 21), ("M2", "A2", 2))
        for week in range(WEEKS)
    ]
    voided = bill(days_before(site, 1), 90, member="M2")
    now = timezone.now().astimezone(site.zone).replace(tzinfo=None) - timedelta(minutes=5)
    push_bills(
        site,
        [
            *bills,
            bill(days_before(site, 1), 200, member="M2", gross=500, discount=300),
            voided,
            _served_bill(site, now, "M3", "A2"),
        ],
    )
    void = voided | {"external_id": f"V{voided['external_id']}", "void_of": voided["external_id"]}
    push_bills(site, [void])


def _served_bill(site: Site, when: date | datetime, member: str, assistant: str) -> dict[str, Any]:
    settled_at = when.isoformat(timespec="seconds") if isinstance(when, datetime) else when
    row = bill(settled_at, 188, member=member, table_fee=108, assistant_fee=80)
    line = {"external_id": f"L{row['external_id']}", "assistant": assistant, "hours": 1.5}
    return row | {"services": [line | {"course_type": "base", "ledger": 120}]}


def _let_people_work(site: Site, owner: User) -> None:
    ctx = live_context(site)
    with use_context(ctx):
        lin, lan = Assistant.objects.order_by("external_id")
    set_level(site, lin, days_before(site, 90), "高级")
    set_plan(site, days_before(site, 90), "高级", 60, "0.1")
    correct_pay(site, lin, days_before(site, 0), "reward", 50)
    done = give_task(site, lan, days_before(site, 9), days_before(site, 5), member_of(site, "M2"))
    end_task(site, done, days_before(site, 6))
    note = {
        "external_id": "N1",
        "member": "M1",
        "occurred_at": f"{days_before(site, 22)}T20:00:00",
        "text": "习惯周五晚上来，喜欢靠窗的球台",
    }
    push_rows(site=site, kind="notes", rows=[note])
    contact = {
        "external_id": "C1",
        "member": "M2",
        "assistant": "A2",
        "channel": "wechat",
        "occurred_at": f"{_last_week(site)}T15:00:00",
        "outcome": "reached",
        "words": "周末有空来打球吗？",
    }
    push_rows(site=site, kind="contacts", rows=[contact])
    with use_context(ctx):
        assign_tasks(
            ctx=ctx,
            member_ids=[member_of(site, "M1").pk],
            kind="recall",
            assistant_id=lin.pk,
            reason="三周没来了",
            actor=owner,
        )
        row = {"assistant": "A1", "day": str(ctx.business_date), "kind": "reward", "amount": "200"}
        apply_adjustments(
            ctx=ctx, rows=[row], file_name="奖惩.xlsx", file_hash="f" * 64, actor=owner
        )
        rows = "external_id,name,phone\nM9,赵六,13800001111\n,孙七,\n"
        file = ContentFile(rows.encode(), "会员.csv")
        open_import(ctx=ctx, kind="members", file=file, create_members=False, actor_id=owner.pk)


def _last_week(site: Site) -> date:
    """The Monday of the last whole week."""
    today = live_context(site).business_date
    return today - timedelta(days=today.weekday() + 7)


def _let_ai_work(site: Site) -> None:
    """Clues, analysis, relationship and talking points about Zhang San, and a finance insight."""
    ctx = live_context(site)
    zhang = member_of(site, "M1")
    with use_context(ctx):
        served = Assistant.objects.get(external_id="A1")
        event = Event(
            event_type="consumption",
            site_id=site.pk,
            business_date=ctx.business_date,
            member_id=zhang.pk,
            settlement_id=1,
            assistant_ids=(served.pk,),
        )
        (opened,) = open_jobs([event])
        finance = open_app_run(
            ctx=ctx,
            app="app2_finance",
            target={"range_key": "this_month"},
            triggered_by="admin_manual",
        )
    drive(opened.job_id)
    drive(finance.pk)


def _let_operators_work(site: Site, owner: User) -> None:
    by = {"actor_id": owner.pk}
    SiteGrant.objects.create(user=User.objects.create_user("陈店长"), site=site)
    with use_context(live_context(site)):
        set_option(key="churn_days", value=60, site=site, **by)
        create_api_key(site=site, name="收银台", created_by_id=owner.pk)
        switch = throw_kill_switch(site=site, reason="演练", **by)
        lift_kill_switch(switch=switch, **by)
        template = newest_prompt(AI_APPS["app7_customer"]).template
        add_prompt(app="app7_customer", template=f"{template}\n", note="更短一些", **by)
