"""The newest bills, which are pushed as from the till instead of standing in a file."""

from __future__ import annotations

from zqyy.demo.bills import Bill
from zqyy.demo.files import bill_row, entry_row, service_rows
from zqyy.demo.history import StoreHistory
from zqyy.demo.parameters import LATE_BILLS_A_TABLE
from zqyy.demo.rows import Row


def choose_late_bills(history: StoreHistory) -> list[Bill]:
    """The newest bills of as many members, of today or yesterday, in the order of the clock."""
    wanted = max(1, round(history.store.table_count * LATE_BILLS_A_TABLE))
    voided = {id(bill.voids) for bill in history.bills if bill.voids}
    chosen: dict[int, Bill] = {}
    for bill in reversed(history.bills):
        if bill.day < history.days.last - 1 or len(chosen) == wanted:
            break
        is_plain = not bill.voids and id(bill) not in voided
        if bill.member is not None and is_plain and bill.member not in chosen:
            chosen[bill.member] = bill
    return list(reversed(chosen.values()))


def late_rows(history: StoreHistory, bills: list[Bill]) -> list[tuple[str, Row]]:
    """(kind, row): each bill, and what it took off a card; the bills are pushed first."""
    entries = {id(entry.bill): entry for entry in history.entries if entry.bill}
    rows: list[tuple[str, Row]] = []
    for bill in bills:
        services = list(service_rows(history, bill))
        rows.append(("settlements", {**bill_row(history, bill), "services": services}))
        if entry := entries.get(id(bill)):
            rows.append(("card_entries", entry_row(history, entry)))
    return rows
