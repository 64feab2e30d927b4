"""Small builders of valid rows: stores, members, bills, through the same path as the till's."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from metrics.importers import PushResult, create_site, push_rows
from metrics.models import Member
from sandbox.context import as_of_context, live_context, use_context
from sandbox.models import Site

_numbers = count(1)


def make_site(code: str = "", **fields: Any) -> Site:
    """A store with the nine areas; every call another one."""
    return create_site(code=code or f"site{next(_numbers)}", **fields)


def push_member(site: Site, external_id: str = "", **fields: Any) -> Member:
    """A member known to the till."""
    external_id = external_id or f"M{next(_numbers)}"
    row = {"external_id": external_id, "name": f"会员{external_id}", **fields}
    push_rows(site=site, kind="members", rows=[row])
    return member_of(site, external_id)


def member_of(site: Site, external_id: str) -> Member:
    with use_context(live_context(site)):
        return Member.objects.get(site=site, external_id=external_id)


def push_assistant(site: Site, external_id: str = "", **fields: Any) -> str:
    """An assistant; returns the external id."""
    external_id = external_id or f"A{next(_numbers)}"
    row = {"external_id": external_id, "name": f"助教{external_id}", **fields}
    push_rows(site=site, kind="assistants", rows=[row])
    return external_id


def bill(
    settled_at: date | datetime | str | None = None,
    paid: int | str = 100,
    *,
    member: str | Member | None = None,
    site: Site | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A settlement row, paid in cash in hallA, at 20:00 of a date (default: today's, of `site`)."""
    if settled_at is None:
        assert site is not None, "name a date or a site"
        settled_at = live_context(site).business_date
    if type(settled_at) is date:
        settled_at = f"{settled_at}T20:00:00"
    return {
        "external_id": f"B{next(_numbers)}",
        "settled_at": settled_at,
        "member": member.external_id if isinstance(member, Member) else member,
        "area": "hallA",
        "gross": paid,
        "discount": 0,
        "paid": paid,
        "card_paid": 0,
        "cash_paid": paid,
        "other_paid": 0,
        **fields,
    }


def push_bill(site: Site, settled_at: Any = None, paid: int | str = 100, **fields: Any) -> str:
    """Push one bill; returns its external id."""
    row = bill(settled_at, paid, site=site, **fields)
    push_rows(site=site, kind="settlements", rows=[row])
    return str(row["external_id"])


def push_bills(site: Site, rows: list[dict[str, Any]]) -> PushResult:
    return push_rows(site=site, kind="settlements", rows=rows)


def card_entry(
    member: str | Member,
    occurred_at: date | str,
    principal: int | str,
    gift: int | str = 0,
    **fields: Any,
) -> dict[str, Any]:
    """A card entry row: a recharge when positive, else a consume; at 20:00 of a date."""
    if type(occurred_at) is date:
        occurred_at = f"{occurred_at}T20:00:00"
    return {
        "external_id": f"C{next(_numbers)}",
        "member": member.external_id if isinstance(member, Member) else member,
        "occurred_at": occurred_at,
        "kind": "recharge" if float(principal) >= 0 else "consume",
        "principal": principal,
        "gift": gift,
        **fields,
    }


def at(site: Site, day: date) -> Any:
    """Enter the context of a store on a date."""
    return use_context(as_of_context(site, day))


def days_before(site: Site, days: int) -> date:
    """A business date counted back from the store's open day."""
    return live_context(site).business_date - timedelta(days=days)
