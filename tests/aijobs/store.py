"""A small store to run AI apps on: a member with a rhythm of their own, bills, a card, an assistant."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from metrics.builds import build_site
from metrics.events import Event
from metrics.models import (
    Assistant,
    AssistantVersion,
    CardEntry,
    IngestBatch,
    Member,
    MemberVersion,
    Note,
    ServiceLine,
    Settlement,
)
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.models import Mode, Site, SiteIngest

NAME, PHONE, ASSISTANT_NAME = "欧阳文轩", "13912345678", "林小婉"


class Store:
    """One site, one member who came every 6 days until 20 days ago, one assistant."""

    def __init__(self, code: str = "east") -> None:
        self.site = Site.objects.create(code=code, name=f"{code}店")
        self.live = live_context(self.site)
        self.today = self.live.business_date
        with use_context(self.live):
            self.batch = IngestBatch.objects.create(site=self.site, source="test")
            self.member = self.add_member(f"{code}-m1", NAME, PHONE)
            self.assistant = self.add_assistant("a1", ASSISTANT_NAME)
            for number in range(12):
                self.add_bill(self.day(20 + 6 * number))
            CardEntry.objects.create(
                site=self.site,
                external_id="c1",
                occurred_at=self.at(self.day(90)),
                business_date=self.day(90),
                batch=self.batch,
                member=self.member,
                kind="recharge",
                principal=Decimal("1000"),
                gift=Decimal("150"),
            )
        SiteIngest.objects.create(site=self.site, last_batch=1, first_business_date=self.day(400))
        build_site(site=self.site)

    def day(self, ago: int) -> date:
        return self.today - timedelta(days=ago)

    def at(self, day: date, hour: int = 20) -> datetime:
        return datetime(day.year, day.month, day.day, hour, tzinfo=self.site.zone)

    def sandbox(self, ago: int) -> RuntimeContext:
        return RuntimeContext(self.site, Mode.SANDBOX, self.day(ago), scope="as_of")

    def add_member(self, external_id: str, name: str, phone: str) -> Member:
        member = Member.objects.create(
            site=self.site, external_id=external_id, business_date=self.day(400), batch=self.batch
        )
        MemberVersion.objects.create(
            site=self.site,
            member=member,
            business_date=self.day(400),
            batch=self.batch,
            name=name,
            phone=phone,
        )
        return member

    def add_assistant(self, external_id: str, name: str) -> Assistant:
        assistant = Assistant.objects.create(
            site=self.site, external_id=external_id, business_date=self.day(400), batch=self.batch
        )
        AssistantVersion.objects.create(
            site=self.site,
            assistant=assistant,
            business_date=self.day(400),
            batch=self.batch,
            name=name,
            level="senior",
        )
        return assistant

    def add_bill(self, day: date, *, member: Member | None = None, paid: str = "180") -> Settlement:
        """A bill of the member with one service of the assistant. Inside the site's context."""
        number = Settlement.objects.count() + 1
        bill = Settlement.objects.create(
            site=self.site,
            external_id=f"s{number}",
            occurred_at=self.at(day),
            business_date=day,
            batch=self.batch,
            member=member or self.member,
            area_code="snooker",
            gross=Decimal(paid),
            discount=Decimal(0),
            paid=Decimal(paid),
            card_paid=Decimal(paid),
            cash_paid=Decimal(0),
            other_paid=Decimal(0),
        )
        ServiceLine.objects.create(
            site=self.site,
            external_id=f"s{number}-1",
            occurred_at=bill.occurred_at,
            business_date=day,
            batch=self.batch,
            settlement=bill,
            assistant=self.assistant,
            member=bill.member,
            course_type="base",
            hours=Decimal("1.5"),
            ledger=Decimal("120"),
        )
        return bill

    def add_note(self, text: str, *, ago: int = 0) -> Note:
        day = self.day(ago)
        return Note.objects.create(
            site=self.site,
            external_id=f"n{Note.objects.count() + 1}",
            occurred_at=self.at(day),
            business_date=day,
            batch=self.batch,
            member=self.member,
            text=text,
        )

    def consumption(
        self, *, member: Member | None = None, settlement_id: int = 1, **payload
    ) -> Event:
        return Event(
            event_type="consumption",
            site_id=self.site.pk,
            business_date=self.today,
            member_id=(member or self.member).pk,
            settlement_id=settlement_id,
            payload=payload,
        )
