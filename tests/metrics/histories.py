"""Random histories of a store by seed, and the CSV files a till would export."""

from __future__ import annotations

import csv
import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

AREAS = ("hallA", "hallB", "hallC", "vip", "snooker", "mahjong", "ktv")


def make_history(
    *, seed: int, bills: int, members: int, last_day: date, days: int = 400
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Bills and card entries; the last day is the store's open day."""
    pick = random.Random(seed)
    settled: list[dict[str, Any]] = []
    cards: list[dict[str, Any]] = []
    for number in range(bills):
        moment = _moment(pick, last_day, days)
        member = f"M{pick.randrange(members)}" if pick.random() < 0.7 else ""
        row = _bill(pick, number, moment, member)
        settled.append(row)
        if settled[:-1] and pick.random() < 0.03:
            settled.append(_void(pick, settled, number, moment))
        if member and pick.random() < 0.3:
            cards.append(_entry(pick, len(cards), row, moment))
        if cards and pick.random() < 0.01:
            cards.append(_void_entry(pick, cards, moment))
    pick.shuffle(cards)
    return settled, [row for row in cards if row]


def write_csv(path: Path, rows: list[dict[str, Any]], encoding: str = "utf-8") -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding=encoding) as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def _moment(pick: random.Random, last_day: date, days: int) -> datetime:
    day = last_day - timedelta(days=1 + pick.randrange(days))
    # Many around the turn of the day.
    at = time(8) if pick.random() < 0.1 else time(pick.randrange(24), pick.randrange(60))
    return datetime.combine(day, at) - timedelta(minutes=pick.random() < 0.05)


def _bill(pick: random.Random, number: int, moment: datetime, member: str) -> dict[str, Any]:
    paid, discount = pick.randrange(0, 50000), pick.randrange(0, 5000)
    card = pick.randrange(paid + 1)
    return {
        "external_id": f"S{number}",
        "settled_at": moment.isoformat(),
        "member": member,
        "area": pick.choice(AREAS),
        "gross": _yuan(paid + discount),
        "discount": _yuan(discount),
        "paid": _yuan(paid),
        "card_paid": _yuan(card),
        "cash_paid": _yuan(paid - card),
        "other_paid": "0.00",
        "void_of": "",
    }


def _void(
    pick: random.Random, settled: list[dict[str, Any]], number: int, moment: datetime
) -> dict[str, Any]:
    voided = {row["void_of"] for row in settled}
    free = [r for r in settled if not r["void_of"] and r["external_id"] not in voided]
    target = pick.choice(free)
    return target | {"external_id": f"V{number}", "void_of": target["external_id"]}


def _entry(
    pick: random.Random, number: int, row: dict[str, Any], moment: datetime
) -> dict[str, Any]:
    kind = pick.choice(("recharge", "consume", "consume", "refund", "adjust"))
    sign = {"recharge": 1, "consume": -1, "refund": -1}.get(kind) or pick.choice((1, -1))
    return {
        "external_id": f"C{number}",
        "member": row["member"],
        "occurred_at": moment.isoformat(),
        "kind": kind,
        "principal": _yuan(sign * pick.randrange(100000)),
        "gift": _yuan(sign * pick.randrange(10000)),
        "settlement": row["external_id"] if kind == "consume" else "",
        "void_of": "",
    }


def _void_entry(
    pick: random.Random, cards: list[dict[str, Any]], moment: datetime
) -> dict[str, Any]:
    voided = {row["void_of"] for row in cards}
    free = [r for r in cards if not r["void_of"] and r["external_id"] not in voided]
    if not free:
        return {}
    target = pick.choice(free)
    return target | {"external_id": f"CV{len(cards)}", "void_of": target["external_id"]}


def _yuan(cents: int) -> str:
    return f"{Decimal(cents).scaleb(-2):.2f}"
