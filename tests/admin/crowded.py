"""A store with as much of everything as is asked for, written row by row beside the importers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Model

from aijobs.models import (
    Alert,
    AlertSequence,
    CacheEntry,
    ClueFeedback,
    KillSwitch,
    RetentionClue,
    Run,
    TriggerJob,
)
from metrics.builds import build_site
from metrics.models import (
    Area,
    AreaVersion,
    Assistant,
    AssistantVersion,
    CardEntry,
    CoachTask,
    CoachTaskEvent,
    Contact,
    FileImport,
    IngestBatch,
    Member,
    MemberAssignment,
    MemberVersion,
    Note,
    SalaryAdjustment,
    SalaryAdjustmentBatch,
    ServiceLine,
    Settlement,
)
from sandbox.context import live_context, use_context
from sandbox.models import ApiKey, AuditEntry, Option, SiteIngest
from tests.admin.conftest import NOW, TODAY
from tests.factories import make_site

Values = Callable[[int], dict[str, Any]]
FIRST = TODAY - timedelta(days=200)
# Four visits, a week between them, and five weeks away: a rhythm that is broken.
VISITS = [TODAY - timedelta(days=35 + 7 * nth) for nth in range(4)]
PAID = {"gross": 100, "discount": 40, "paid": 60, "card_paid": 60, "cash_paid": 0, "other_paid": 0}


class CrowdedStore:
    """`count` members and assistants, and as many rows of every kind; `member` and `assistant` are
    those whom as many rows of every kind are about, `bill` one on which everybody served.
    """

    def __init__(self, code: str, count: int) -> None:
        self.count = count
        self.site = make_site(code)
        self.live = live_context(self.site)
        with use_context(self.live):
            self.batch = IngestBatch.objects.create(site=self.site, source="api")
            Area.objects.filter(site=self.site).update(business_date=FIRST)
            AreaVersion.objects.filter(site=self.site).update(business_date=FIRST)
            SiteIngest.objects.filter(site=self.site).update(first_business_date=FIRST)
            self._add_people()
            self._add_bills()
            self._add_words_and_work()
        build_site(site=self.site, full=True)
        with use_context(self.live):
            self._add_ai()
            self._add_administration()

    @property
    def member(self) -> Member:
        return self.members[0]

    @property
    def assistant(self) -> Assistant:
        return self.assistants[0]

    # --- Rows ------------------------------------------------------------------------------------

    def each(self, model: type[Model], values: Values) -> list[Any]:
        """A row for each number."""
        rows = (model(site=self.site, **values(n)) for n in range(self.count))
        return model._default_manager.bulk_create(rows)

    def facts(self, model: type[Model], day: date, values: Values, name: str = "") -> list[Any]:
        """A fact of a day for each number; `name` tells several of a kind and day apart."""
        common = {"batch": self.batch, "business_date": day, "occurred_at": at(day)}
        return self.each(
            model, lambda n: {"external_id": f"{day}{name}-{n}", **common, **values(n)}
        )

    def known(self, model: type[Model], values: Values) -> list[Any]:
        return self.each(
            model, lambda n: {"batch": self.batch, "business_date": FIRST, **values(n)}
        )

    # --- Kinds -----------------------------------------------------------------------------------

    def _add_people(self) -> None:
        self.members = self.known(Member, lambda n: {"external_id": f"M{n}"})
        self.known(
            MemberVersion,
            lambda n: {"member": self.members[n], "name": f"会员{n}", "phone": "13900005678"},
        )
        self.assistants = self.known(Assistant, lambda n: {"external_id": f"A{n}"})
        self.known(
            AssistantVersion,
            lambda n: {"assistant": self.assistants[n], "name": f"助教{n}", "level": "senior"},
        )
        self.facts(
            MemberAssignment,
            FIRST,
            lambda n: {"member": self.members[n], "assistant": self.assistants[n]},
        )

    def _add_bills(self) -> None:
        """Everybody came four times, and every tenth one is here today."""
        everywhere = {"area_code": "hallA", "area": Area.objects.get(external_id="hallA")} | PAID
        for day in VISITS:
            self.facts(Settlement, day, lambda n: {"member": self.members[n], **everywhere})
        self.facts(Settlement, TODAY - timedelta(days=1), lambda n: everywhere)
        today = self.facts(
            Settlement,
            TODAY,
            lambda n: {"member": self.members[n] if n % 10 == 9 else None, **everywhere},
        )
        busy = self.facts(
            Settlement, VISITS[0], lambda n: {"member": self.member, **everywhere}, name="busy"
        )
        self.bill = busy[0]
        on_one_bill = [self.bill] * self.count
        for bills, day, name in (
            (today, TODAY, ""),
            (busy, VISITS[0], ""),
            (on_one_bill, VISITS[0], "one bill"),
        ):
            self.facts(
                ServiceLine,
                day,
                lambda n, bills=bills: {
                    "settlement": bills[n],
                    "member": bills[n].member,
                    "assistant": self.assistants[n],
                    "course_type": "base",
                    "hours": 1,
                    "ledger": 50,
                },
                name=name,
            )
        recharge = {"kind": "recharge", "principal": Decimal(500), "gift": Decimal(50)}
        self.facts(CardEntry, FIRST, lambda n: {"member": self.members[n], **recharge})
        self.facts(CardEntry, FIRST, lambda n: {"member": self.member, **recharge}, name="busy")

    def _add_words_and_work(self) -> None:
        last_week = TODAY - timedelta(days=8)
        self.facts(Note, FIRST, lambda n: {"member": self.member, "text": f"第{n}次"})
        said = {"channel": "wechat", "outcome": "reached", "words": "老位置留着？"}
        half = len(self.members) // 2
        self.facts(
            Contact,
            last_week,
            lambda n: {
                "member": self.members[half + n % half],
                "assistant": self.assistants[n],
                **said,
            },
        )
        self.facts(Contact, FIRST, lambda n: {"member": self.member, **said}, name="busy")
        tasks = self.facts(
            CoachTask,
            last_week,
            lambda n: {
                "assistant": self.assistant if n % 2 else self.assistants[n],
                "member": self.member,
                "kind": "follow_up",
                "due_on": TODAY,
            },
        )
        self.facts(
            CoachTaskEvent,
            TODAY - timedelta(days=3),
            lambda n: {"task": tasks[n], "kind": "done" if n % 2 else "outcome", "note": "好"},
        )
        batches = self.facts(SalaryAdjustmentBatch, TODAY, lambda n: {"file_name": f"{n}.xlsx"})
        self.each(
            FileImport,
            lambda n: {
                "file_name": f"{n}.csv",
                "kind": "settlements",
                "size": 1,
                "business_date": TODAY,
                "state": "done",
                "result": {"accepted": 1, "rows": 1},
                "batch": self.batch,
            },
        )
        self.facts(
            SalaryAdjustment,
            TODAY,
            lambda n: {
                "adjustment_batch": batches[n],
                "assistant": self.assistant,
                "kind": "reward",
                "amount": 10,
            },
        )

    def _add_ai(self) -> None:
        made = {"mode": "live", "business_date": TODAY}
        over = {"finished_at": NOW, **made}
        about = {"member": self.member, "target_id": str(self.member.pk)}
        jobs = self.each(
            TriggerJob,
            lambda n: {
                "event_type": "consumption",
                "member": self.members[n],
                "status": "failed",
                "triggered_by": "event",
                **over,
            },
        )
        words = self.each(
            ClueFeedback,
            lambda n: {
                "cache_type": "app8_clue_consolidated",
                "text": f"常来{n}",
                "fingerprint": f"{n:064}",
                "verdict": "useful" if n % 2 else "wrong",
                "business_date": TODAY,
                **about,
            },
        )
        runs = self.each(
            Run,
            lambda n: {
                "job": jobs[n],
                "step": f"app8_consolidate:{n}",
                "position": 0,
                "app": "app8_consolidate",
                "status": "success",
                "language": self.site.language,
                "triggered_by": "event",
                "dropped": [{"clue": {"summary": f"常来{n}"}, "feedback": words[n].pk}],
                **about,
                **over,
            },
        )
        self.each(
            RetentionClue,
            lambda n: {
                "member": self.member,
                "source": "ai_consumption",
                "category": "消费习惯",
                "summary": f"常来{n}",
                "fingerprint": f"{n:064}",
                "run": runs[n],
                **made,
            },
        )
        self.each(
            CacheEntry,
            lambda n: {
                "cache_type": "app7_customer_analysis",
                "target_id": about["target_id"],
                "language": self.site.language,
                "generation": n,
                "run": runs[n],
                "result": {},
                "watermark": 0,
                **made,
            },
        )
        self.each(
            Alert,
            lambda n: {
                "seq": n + 1,
                "app_type": "app8_consolidate",
                "alert_type": "failed",
                "severity": "warning",
                "code": "failed",
                "run": runs[n],
            },
        )
        AlertSequence.objects.create(site=self.site, seq=self.count)

    def _add_administration(self) -> None:
        self.each(ApiKey, lambda n: {"name": f"key {n}", "key_hash": f"{self.site.pk}-{n}"})
        self.each(Option, lambda n: {"key": "ai_rate_per_minute", "value": n + 1})
        self.each(KillSwitch, lambda n: {"reason": f"{n}", "lifted_at": NOW})
        self.each(
            AuditEntry,
            lambda n: {
                "action": "phone_shown",
                "object_type": "metrics.member",
                "object_id": str(n),
                "after": {"n": n},
            },
        )


def at(day: date) -> datetime:
    """Before the moment at which the tests look, also today."""
    return datetime.combine(day, time(3), UTC)
