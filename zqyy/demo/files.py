"""The demo's history as a till would send it: CSV files, and rows of a push."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from zqyy.demo.bills import Bill
from zqyy.demo.books import Books
from zqyy.demo.cards import CardEntry
from zqyy.demo.days import Days
from zqyy.demo.history import StoreHistory
from zqyy.demo.members import Member
from zqyy.demo.rows import Row, yuan
from zqyy.demo.staff import Assistant
from zqyy.demo.staff_files import book_contents, level_rows, plan_rows


def write_files(
    history: StoreHistory, books: Books, *, folder: Path, but: Sequence[Bill] = ()
) -> list[tuple[str, Path]]:
    """The store's files, (kind, path) in the order to import them, without the bills `but`.

    What pay is reckoned with comes before the bills, so that no summary is made twice.
    """
    left_out = {id(bill) for bill in but}
    bills = [bill for bill in history.bills if id(bill) not in left_out]
    entries = (entry for entry in history.entries if id(entry.bill) not in left_out)
    contents: dict[str, Iterable[Row]] = {
        "closures": closure_rows(history.days),
        "members": (member_row(history.days, member) for member in history.members),
        "assistants": (assistant_row(history.days, person) for person in history.assistants),
        "levels": level_rows(history),
        "plans": plan_rows(history.days),
        **book_contents(history, books),
        "settlements": (bill_row(history, bill) for bill in bills),
        "service_lines": (
            {"settlement": bill.number, **line}
            for bill in bills
            for line in service_rows(history, bill)
        ),
        "card_entries": (entry_row(history, entry) for entry in entries),
    }
    return [(kind, _write(folder / f"{kind}.csv", rows)) for kind, rows in contents.items()]


def closure_rows(days: Days) -> Iterator[Row]:
    for day in days.closed_days():
        date = days.date_of(day).isoformat()
        yield {"external_id": f"closed-{date}", "day": date, "reason": "除夕"}


def member_row(days: Days, member: Member) -> Row:
    joined = days.moment(member.joined_day, member.start)
    return {
        "external_id": member.number,
        "name": member.name,
        "phone": member.phone,
        "joined_at": min(joined, days.until).isoformat(),
        "birthday": member.birthday.isoformat() if member.birthday else "",
        "is_minor": "true" if member.is_minor else "false",
        "do_not_contact": "true" if member.do_not_contact else "false",
    }


def assistant_row(days: Days, assistant: Assistant) -> Row:
    left = assistant.left_day
    return {
        "external_id": assistant.number,
        "name": assistant.name,
        # The file of levels has them all with their dates.
        "level": "",
        "hired_at": days.date_of(assistant.hired_day).isoformat(),
        "left_at": "" if left is None else days.date_of(left).isoformat(),
    }


def bill_row(history: StoreHistory, bill: Bill) -> Row:
    """A void takes back what it voids."""
    moment, sign = history.days.moment, -1 if bill.voids else 1
    return {
        "external_id": bill.number,
        "settled_at": moment(bill.day, bill.end).isoformat(),
        "member": "" if bill.member is None else history.members[bill.member].number,
        "area": bill.area,
        "gross": yuan(sign * bill.gross),
        "discount": yuan(sign * bill.discount),
        "paid": yuan(sign * bill.paid),
        "card_paid": yuan(sign * bill.card_paid),
        "cash_paid": yuan(sign * bill.cash_paid),
        "other_paid": yuan(sign * bill.groupbuy_paid),
        "void_of": bill.voids.number if bill.voids else "",
        "started_at": moment(bill.day, bill.start).isoformat(),
        "table": bill.table,
        "guests": str(bill.guests),
        "table_fee": yuan(sign * bill.table_fee),
        "assistant_fee": yuan(sign * bill.assistant_fee),
        "goods_fee": yuan(sign * bill.goods_fee),
        "other_fee": "0.00",
        "groupbuy_paid": yuan(sign * bill.groupbuy_paid),
        "coupon_discount": yuan(sign * bill.coupon_discount),
    }


def service_rows(history: StoreHistory, bill: Bill) -> Iterator[Row]:
    """A bill's services, as nested in a pushed bill."""
    for number, service in enumerate(bill.services, start=1):
        yield {
            "external_id": f"{bill.number}-{number}",
            "assistant": history.assistants[service.assistant].number,
            "course_type": service.course,
            "hours": yuan(service.quarter_hours * 25),
            "ledger": yuan(service.ledger),
        }


def entry_row(history: StoreHistory, entry: CardEntry) -> Row:
    return {
        "external_id": entry.number,
        "member": history.members[entry.member].number,
        "occurred_at": history.days.moment(entry.day, entry.minute).isoformat(),
        "kind": entry.kind,
        "principal": yuan(entry.principal),
        "gift": yuan(entry.gift),
        "settlement": entry.bill.number if entry.bill else "",
    }


def _write(path: Path, rows: Iterable[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for number, row in enumerate(rows):
            if not number:
                writer.writerow(row)
            writer.writerow(row.values())
    return path
