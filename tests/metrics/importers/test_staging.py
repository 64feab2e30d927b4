"""Rows that are handed on as they were sent, and rows that are looked at value by value."""

from __future__ import annotations

from datetime import time

import pytest

from metrics.importers import import_file, push_rows
from metrics.importers.kinds import SETTLEMENTS
from metrics.importers.ordinary import OrdinaryRows
from metrics.models import Member, Note, Settlement
from sandbox.models import Site
from tests.factories import bill, make_site, push_bills, push_member
from tests.metrics.histories import write_csv
from tests.metrics.importers.test_push import facts, refused

pytestmark = pytest.mark.django_db


def as_text(row):
    return {name: "" if value is None else str(value) for name, value in row.items()}


def find(row, timezone="Asia/Shanghai"):
    columns = [SETTLEMENTS.by_name[name] for name in row]
    site = Site(timezone=timezone, day_starts_at=time(8))
    return OrdinaryRows(columns=columns, site=site).find(list(row.values()))


@pytest.mark.parametrize(
    ("fields", "is_ordinary"),
    [
        ({}, True),
        ({"table": "大厅 七号🎱"}, True),
        ({"table": ""}, True),
        ({"table": "x" * 32}, True),
        ({"table": "x" * 33}, False),
        ({"table": " x"}, False),
        ({"table": "x\u3000"}, False),
        ({"table": "a\tb"}, False),
        ({"table": "a\nb"}, False),
        ({"table": "a\\b"}, False),
        ({"table": "a\0b"}, False),
        ({"table": "\ud800"}, False),
        ({"area": ""}, False),
        ({"paid": "1.234"}, False),
        ({"paid": "-1"}, False),
        ({"paid": "１"}, False),
        ({"paid": 100}, False),
        ({"paid": None}, False),
        ({"settled_at": "2026-02-30T20:00:00"}, False),
        ({"settled_at": "2026-01-05T24:00:00"}, False),
        ({"settled_at": "2026-01-05"}, False),
        ({"settled_at": "2026-01-05T20:00:00+08:00"}, False),
        ({"settled_at": "1969-01-05T20:00:00"}, False),
        ({"settled_at": "2026-01-05 20:00"}, True),
    ],
    ids=ascii,
)
def test_only_what_needs_no_look_is_handed_on(fields, is_ordinary):
    row = as_text(bill("2026-01-05T20:00:00", table="7")) | fields

    assert (find(row) is not None) is is_ordinary


def test_a_day_on_which_the_clock_is_changed_is_looked_at():
    before, change = (as_text(bill(f"2026-03-{day:02}T20:00:00")) for day in (7, 8))

    assert find(before, "America/New_York") is not None
    assert find(change, "America/New_York") is None


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Asia/Kathmandu"])
def test_both_ways_give_the_same_bill(zone):
    site = make_site(timezone=zone)
    days = ("2026-01-05", "2026-03-07", "2026-03-08", "2026-03-09", "2026-11-01")
    rows = [bill(f"{day}T0{hour}:30:00") for day in days for hour in (1, 2, 7, 8)]

    push_bills(site, rows)
    again = push_bills(site, [as_text(row) for row in rows])

    assert (again.accepted, again.unchanged) == (0, len(rows))


def test_text_with_what_copy_reads_otherwise_arrives_as_it_was_sent():
    site = make_site()
    push_member(site, "M1")
    texts = ["a\\b", "a\tb", "a\nb", "a\r\nb", "\\N", "\\.", "'\"", "a\\tb"]

    rows = [
        {"external_id": f"N{n}", "member": "M1", "occurred_at": "2026-01-05T20:00:00", "text": text}
        for n, text in enumerate(texts)
    ]
    push_rows(site=site, kind="notes", rows=rows)

    assert [note.text for note in facts(site, Note)] == texts


def test_a_lone_surrogate_in_a_row_of_text_is_refused():
    site = make_site()

    assert refused(site, "settlements", [as_text(bill(site=site)) | {"table": "\ud800"}]) == [
        (0, "table", "invalid_text")
    ]


@pytest.mark.parametrize("column", ["external_id", "member", "area", "table"])
def test_every_text_of_a_bill_may_be_gbk(tmp_path, column):
    site = make_site()
    row = bill("2026-01-05T20:00:00", external_id="B1", table="7") | {column: "大厅甲"}
    path = write_csv(tmp_path / "b.csv", [row], "gbk")

    import_file(site=site, kind="settlements", path=path, create_members=True)

    [stored] = facts(site, Settlement)
    members = [member.external_id for member in facts(site, Member)]
    assert "大厅甲" in (stored.external_id, stored.area_code, stored.table, *members)


TEXTS = {
    "areas": {"external_id": "露台", "name": "露台区"},
    "members": {"external_id": "王五", "name": "王五", "phone": "无", "joined_at": ""},
    "assistants": {"external_id": "小林", "name": "林", "level": "高级", "hired_at": ""},
    "levels": {"external_id": "升级一", "assistant": "A甲", "day": "2026-01-05", "level": "特级"},
    "plans": {
        "external_id": "方案一",
        "day": "2026-01-05",
        "level": "特级",
        "hourly_rate": "80",
        "commission_rate": "0.05",
    },
    "closures": {"external_id": "除夕", "day": "2026-01-05", "reason": "除夕放假"},
    "adjustments": {
        "external_id": "奖一",
        "assistant": "A甲",
        "day": "2026-01-05",
        "kind": "reward",
        "amount": "1",
        "reason": "全勤",
    },
    "tasks": {
        "external_id": "召回一",
        "assistant": "A甲",
        "member": "M甲",
        "kind": "recall",
        "assigned_at": "2026-01-05T20:00:00",
        "reason": "三周没来",
    },
    "assignments": {
        "external_id": "归属一",
        "member": "M甲",
        "assistant": "A甲",
        "day": "2026-01-05",
    },
    "contacts": {
        "external_id": "回访一",
        "member": "M甲",
        "channel": "电话",
        "occurred_at": "2026-01-05T20:00:00",
        "outcome": "booked",
        "words": "周四晚老位置",
    },
    "notes": {
        "external_id": "备注一",
        "member": "M甲",
        "occurred_at": "2026-01-05T20:00:00",
        "text": "爱打斯诺克",
        "author": "前台小张",
    },
}


@pytest.mark.parametrize("kind", TEXTS)
def test_gbk_is_the_same_as_utf8(tmp_path, kind):
    site = make_site()
    push_member(site, "M甲")
    push_rows(site=site, kind="assistants", rows=[{"external_id": "A甲", "name": "甲"}])

    first, again = (
        import_file(
            site=site, kind=kind, path=write_csv(tmp_path / f"{name}.csv", [TEXTS[kind]], name)
        )
        for name in ("gbk", "utf-8")
    )

    assert (first.accepted, again.unchanged) == (1, 1)
