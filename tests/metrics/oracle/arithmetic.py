"""The slow honest answer: plain arithmetic over rows as they were sent, knowing no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]


def business_date(moment: str) -> date:
    """Naive store time; the day turns over at 08:00."""
    return (datetime.fromisoformat(moment) - timedelta(hours=8)).date()


@dataclass
class Oracle:
    """Bills and card entries of one store, every value as text."""

    bills: list[Row]
    cards: list[Row]

    def __post_init__(self) -> None:
        self.live_bills = _without_voids(self.bills)
        self.live_cards = _without_voids(self.cards)

    def member(self, member: str, day: date) -> dict[str, Any]:
        bills = [
            (business_date(row["settled_at"]), Decimal(row["paid"]))
            for row in self.live_bills
            if row["member"] == member and business_date(row["settled_at"]) <= day
        ]
        cards = [
            (Decimal(row["principal"]), Decimal(row["gift"]))
            for row in self.live_cards
            if row["member"] == member and business_date(row["occurred_at"]) <= day
        ]
        principal = sum((p for p, _g in cards), Decimal("0.00"))
        gift = sum((g for _p, g in cards), Decimal("0.00"))
        recent = [paid for when, paid in bills if when > day - timedelta(days=60)]
        return {
            "last_visit_days": (day - max(when for when, _p in bills)).days if bills else None,
            "card_balance": principal + gift,
            "card_principal": principal,
            "card_gift": gift,
            "consumption_60d": sum(recent, Decimal("0.00")),
            "total_consumption": sum((paid for _w, paid in bills), Decimal("0.00")),
            "total_transactions": len(bills),
        }

    def store(self, start: date, end: date, areas: Iterable[str] | None) -> dict[str, Decimal]:
        """gmv, paid, cash_in and recognised_revenue of [start, end]; areas None: everything."""
        wanted = None if areas is None else set(areas)
        bills = [
            row
            for row in self.live_bills
            if start <= business_date(row["settled_at"]) <= end
            and (wanted is None or row["area"] in wanted)
        ]
        area_of = {row["external_id"]: row["area"] for row in self.bills}
        cards = [
            row for row in self.live_cards if start <= business_date(row["occurred_at"]) <= end
        ]

        def total(name: str, rows: Iterable[Row]) -> Decimal:
            return sum((Decimal(row[name]) for row in rows), Decimal("0.00"))

        whole = wanted is None
        recharged = [row for row in cards if whole and row["kind"] == "recharge"]
        refunded = [row for row in cards if whole and row["kind"] == "refund"]
        consumed = [
            row
            for row in cards
            if row["kind"] == "consume"
            and (whole or area_of.get(row.get("settlement") or "") in wanted)
        ]
        return {
            "gmv": total("gross", bills),
            "paid": total("paid", bills),
            "cash_in": total("cash_paid", bills)
            + total("other_paid", bills)
            + total("principal", recharged)
            + total("principal", refunded),
            "recognised_revenue": total("paid", bills) + total("gift", consumed),
        }


def _without_voids(rows: list[Row]) -> list[Row]:
    voided = {row["void_of"] for row in rows if row.get("void_of")}
    return [row for row in rows if not row.get("void_of") and row["external_id"] not in voided]
