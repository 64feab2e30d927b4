"""Files of facts in the admin: looked at, taken in by a worker, told in words."""

from __future__ import annotations

import csv
from datetime import date
from io import BytesIO, StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import gettext, override
from openpyxl import Workbook, load_workbook

from metrics import import_jobs
from metrics.import_jobs import drive_import, forget_expired
from metrics.importers.kinds import KINDS
from metrics.importers.kinds.words import KIND_TITLES, titles_of
from metrics.models import DwsBuild, FileImport, IngestBatch, Member, MemberVersion, Settlement
from sandbox.context import live_context, use_build_context, use_context
from sandbox.models import AuditEntry
from sandbox.options import set_option
from tests.admin.pages import go_back, text_of
from tests.factories import bill, card_entry
from zqyy.durable.leases import claim
from zqyy.durable.models import Lease, Operation

LIST = reverse("admin:metrics_fileimport_changelist")
UPLOAD = reverse("admin:metrics_import_upload")
DAY = date(2026, 5, 2)
# A worker tells how far it is on a connection of its own.
by_a_worker = pytest.mark.django_db(transaction=True)
with override("zh-hans"):
    TITLES = titles_of(KINDS["settlements"])


@pytest.fixture(autouse=True)
def chinese(settings):
    with override("zh-hans"):
        yield


def csv_of(rows: list[dict], titles: dict[str, str] | None = None) -> bytes:
    text = StringIO()
    names = list(rows[0])
    csv.writer(text).writerows(
        [[(titles or {}).get(name, name) for name in names], *[list(row.values()) for row in rows]]
    )
    return text.getvalue().encode()


def upload(client, content: bytes, name="账单.csv", kind="settlements", **fields):
    sent = {"file": SimpleUploadedFile(name, content), "kind": kind, **fields}
    return client.post(UPLOAD, sent, follow=True)


def start(client, item, **fields):
    return client.post(reverse("admin:metrics_import_start", args=[item.pk]), fields, follow=True)


def page_of(item) -> str:
    return reverse("admin:metrics_fileimport_change", args=[item.pk])


def work(item) -> None:
    """What a worker does with the file."""
    drive_import(claim(item.lease_key), site=item.site, import_id=item.pk)


def stored(site, model=Settlement):
    with use_build_context(site):
        return list(model.objects.filter(site=site).order_by("pk"))


def stored_operations(site, lease_key: str) -> list[Operation]:
    with use_context(live_context(site)):
        return list(Operation.objects.filter(lease_key=lease_key))


def newest(site) -> FileImport:
    return stored(site, FileImport)[-1]


def batches(site) -> int:
    return len(stored(site, IngestBatch))


# --- Looking -----------------------------------------------------------------------------------


def test_a_good_file_is_shown_as_it_will_be_read_and_nothing_is_written(operator, east):
    before = len(stored(east)), batches(east)

    seen = upload(operator, csv_of([bill(DAY, 88, member="M1"), bill(DAY, 12)])).context["seen"]

    assert (seen["rows"], seen["accepted"], seen["unchanged"], seen["rejected"]) == (2, 2, 0, 0)
    assert seen["read_as"] == "UTF-8"
    assert [row[1] for row in seen["sample"]] == ["2026-05-02 20:00:00"] * 2
    assert (len(stored(east)), batches(east)) == before


def test_columns_may_be_called_by_the_words_of_the_screen(operator, east):
    seen = upload(operator, csv_of([bill(DAY, 88)], TITLES)).context["seen"]

    assert seen["accepted"] == 1
    assert ("实收", "实收", "paid") in seen["columns"]
    assert "台号" in seen["absent"]


def test_mistakes_are_named_and_counted_and_the_rows_can_be_downloaded(operator, east):
    rows = [bill(DAY, 88), {**bill(DAY, 9), "paid": "x"}, bill(DAY, 7, member="M9")]
    known_as = rows[2]["external_id"]

    answer = upload(operator, csv_of(rows))

    seen = answer.context["seen"]
    assert (seen["good"], seen["rejected"]) == (1, 2)
    assert [(one["index"], one["column"]) for one in seen["errors"]] == [
        (3, "实收"),
        (4, TITLES["member"]),
    ]
    download = operator.get(reverse("admin:metrics_import_rejects", args=[newest(east).pk]))
    lines = list(csv.DictReader(StringIO(download.content.decode("utf-8-sig"))))
    assert [(line["line"], line["column"]) for line in lines] == [("3", "paid"), ("4", "member")]
    assert lines[1]["external_id"] == known_as


def test_more_mistakes_than_are_shown_are_counted(operator, east):
    rows = [{**bill(DAY, 9), "paid": "x"} for _ in range(150)]

    answer = upload(operator, csv_of(rows))

    assert answer.context["seen"]["rejected"] == 150
    assert gettext("The first %(n)s are shown.") % {"n": 100} in text_of(answer)
    assert 'id="start"' not in text_of(answer)


HARD = {
    "empty": (b"", "账单.csv", ["文件是空的"]),
    "renamed xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "账单.xlsx",
        ["另存为 .xlsx"],
    ),
    "broken gbk": ("结账单号,区域\nB1,大厅".encode("gbk") + b"\xff\xff", "a.csv", ["UTF-8", "GBK"]),
    "another kind": (
        csv_of([card_entry("M1", DAY, 5)]),
        "储值.csv",
        ["occurred_at", "储值流水"],
    ),
    "a column less": (
        csv_of([{k: v for k, v in bill(DAY, 5).items() if k != "paid"}]),
        "账单.csv",
        ["缺少列", "实收 (paid)"],
    ),
    "workbook as csv": (b"PK\3\4" + bytes(50), "账单.csv", [".xlsx"]),
}


@pytest.mark.parametrize("case", HARD)
def test_a_file_that_cannot_be_read_is_refused_in_words(case, operator, east):
    content, name, words = HARD[case]

    answer = upload(operator, content, name)

    page = text_of(answer)
    assert 'role="alert"' in page
    for word in [*words, gettext("Nothing was written.")]:
        assert word in page
    assert 'id="start"' not in page


def test_half_a_row_and_an_emoji_are_rows_like_others(operator, east):
    whole = csv_of([bill(DAY, 5, table="🎱1"), bill(DAY, 6, table="2")])

    seen = upload(operator, whole[:-30]).context["seen"]

    assert seen["sample"][0][-1] == "🎱1"
    assert (seen["accepted"], [one["index"] for one in seen["errors"]]) == (1, [3])


def test_a_file_over_the_limit_is_not_kept(operator, east):
    with use_context(live_context(east)):
        set_option(key="import_max_mb", value=1, site=east, actor_id=None)

    answer = upload(operator, b"x" * (1024 * 1024 + 1))

    assert answer.status_code == 413
    assert "1 MB" in text_of(answer)
    assert stored(east, FileImport) == []


def test_no_file_and_no_kind_are_said(operator, east):
    nothing = operator.post(UPLOAD, {"kind": "settlements"})
    no_kind = upload(operator, b"x", kind="adjustments")

    assert gettext("Choose a file.") in text_of(nothing)
    assert gettext("Pay corrections have a page of their own.") in text_of(no_kind)
    assert stored(east, FileImport) == []


@by_a_worker
def test_a_large_file_is_looked_at_by_a_worker(operator, east, monkeypatch):
    monkeypatch.setattr(import_jobs, "LOOKED_AT_ONCE", 100)
    rows = [bill(DAY, n) for n in range(1, 51)]

    waiting = upload(operator, csv_of(rows))
    work(newest(east))

    assert "data-busy" in text_of(waiting)
    page = operator.get(page_of(newest(east)))
    assert page.context["seen"]["accepted"] == len(rows)
    assert "data-busy" not in text_of(page)


# --- Taking in ---------------------------------------------------------------------------------


@by_a_worker
def test_a_file_is_taken_in_by_a_worker_and_then_summed_up(operator, east):
    upload(operator, csv_of([bill(DAY, 88, member="M1"), bill(DAY, 12)]))
    item = newest(east)

    waiting = start(operator, item)
    before = len(stored(east))
    work(item)

    assert gettext("Waiting for its turn") in text_of(waiting)
    assert (before, len(stored(east))) == (4, 6)
    done = newest(east)
    assert (done.state, done.result["accepted"], done.content) == ("done", 2, None)
    batch = stored(east, IngestBatch)[-1]
    assert (batch.pk, batch.actor, batch.source) == (
        done.batch_id,
        operator.user,
        "file:账单.csv",
    )
    [operation] = stored_operations(east, item.lease_key)
    assert operation.result == done.result
    assert Lease.objects.filter(key=f"build:{east.pk}", closed_at=None).exists()
    assert gettext("Summing up") in text_of(operator.get(page_of(item)))
    DwsBuild.objects.update(status="done", finished_at="2026-05-05T04:00Z")
    assert "data-busy" not in text_of(operator.get(page_of(item)))


@by_a_worker
def test_the_same_file_again_changes_nothing_and_says_so(operator, east):
    content = csv_of([bill(DAY, 88)])
    upload(operator, content)
    start(operator, newest(east))
    work(newest(east))
    before = batches(east)

    again = upload(operator, content, "另存.csv")

    said = (
        "Everything that is good in this file is known already: taking it in would change nothing."
    )
    assert gettext(said) in text_of(again)
    assert 'id="start"' not in text_of(again)
    assert batches(east) == before


@by_a_worker
def test_bad_rows_are_left_out_only_when_somebody_says_so(operator, east):
    upload(operator, csv_of([bill(DAY, 88), {**bill(DAY, 9), "paid": "x"}]))
    item = newest(east)

    refused = start(operator, item)
    start(operator, item, skip_bad="1")
    work(item)

    assert refused.status_code == 400
    assert gettext("The file has bad rows: correct them, or leave them out.") in text_of(refused)
    assert len(stored(east)) == 5
    assert newest(east).result["rejected"] == 1
    rejects = operator.get(reverse("admin:metrics_import_rejects", args=[item.pk]))
    assert len(rejects.content.splitlines()) == 2


@by_a_worker
def test_what_came_in_after_the_preview_is_noticed_and_nothing_is_written(operator, east):
    row = bill(DAY, 88)
    upload(operator, csv_of([row]))
    first = newest(east)
    upload(operator, csv_of([{**row, "area": "vip"}]))
    second = newest(east)
    start(operator, first)
    work(first)

    start(operator, second)
    work(second)

    assert newest(east).state == "refused"
    assert len(stored(east)) == 5
    assert gettext("Nothing was written.") in text_of(operator.get(page_of(second)))


def test_a_second_click_is_told_that_it_is_under_way(operator, east):
    upload(operator, csv_of([bill(DAY, 88)]))
    item = newest(east)
    start(operator, item)

    second = start(operator, item)

    assert second.status_code == 409
    assert gettext("This file is being taken in already, or has been.") in text_of(second)


@by_a_worker
def test_members_are_made_when_asked(operator, east):
    content = csv_of([bill(DAY, 88, member="M77")])

    without = upload(operator, content).context["seen"]
    upload(operator, content, create_members="1")
    start(operator, newest(east))
    work(newest(east))

    assert without["rejected"] == 1
    assert [member.external_id for member in stored(east, Member)] == ["M1", "M77"]


@by_a_worker
def test_a_workbook_of_members_changes_their_names_from_today(operator, east):
    book, written = Workbook(), BytesIO()
    book.active.append([titles_of(KINDS["members"])["external_id"], "姓名", "电话", "入会时间"])
    book.active.append(["M1", "张三丰", "13912345678", "2025-01-01"])
    book.save(written)

    answer = upload(operator, written.getvalue(), "会员.xlsx", kind="members")
    start(operator, newest(east))
    work(newest(east))

    assert answer.context["seen"]["read_as"] == "XLSX · Sheet"
    assert stored(east, MemberVersion)[-1].name == "张三丰"


@by_a_worker
def test_an_import_is_in_the_audit_log(operator, east):
    upload(operator, csv_of([bill(DAY, 88)]))
    start(operator, newest(east))
    work(newest(east))

    [entry] = stored(east, AuditEntry)

    assert (entry.action, entry.actor) == ("facts_imported", operator.user)
    assert (entry.after["file_name"], entry.after["accepted"]) == ("账单.csv", 1)


def test_in_the_past_nothing_is_imported(operator, east):
    upload(operator, csv_of([bill(DAY, 88)]))
    item = newest(east)
    go_back(operator, date(2026, 4, 20))

    answers = upload(operator, csv_of([bill(DAY, 8)])), start(operator, item)

    assert answers[0].status_code == 409
    assert "历史视图中不能登记。" in text_of(answers[0])
    # It was uploaded later than the date in sight.
    assert answers[1].status_code == 404
    assert newest(east).state == "ready"


# --- Who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["manager", "auditor"])
def test_managers_and_auditors_see_what_was_imported_and_not_what_it_says(
    role, operator, sign_in, east
):
    upload(operator, csv_of([{**bill(DAY, 9), "paid": "x"}]))
    item = newest(east)
    reader = sign_in(role, east)

    listed, page = reader.get(LIST), reader.get(page_of(item))

    assert "账单.csv" in text_of(listed)
    assert gettext("You may look at imports, not make them.") in text_of(listed)
    assert page.status_code == 200
    assert 'id="preview"' not in text_of(page)
    for answer in (
        upload(reader, b"x"),
        start(reader, item),
        reader.get(reverse("admin:metrics_import_rejects", args=[item.pk])),
        reader.get(reverse("admin:metrics_import_template", args=["members"])),
    ):
        assert answer.status_code == 403


def test_another_stores_import_is_not_found(operator, sign_in, east, west):
    upload(operator, csv_of([{**bill(DAY, 9), "paid": "x"}]))
    item = newest(east)
    stranger = sign_in("manager", west)
    stranger.user.groups.set(operator.user.groups.all())
    session = stranger.session
    session["site_id"] = west.pk
    session.save()

    assert stranger.get(page_of(item)).status_code == 404
    assert start(stranger, item, skip_bad="1").status_code == 404
    rejects = stranger.get(reverse("admin:metrics_import_rejects", args=[item.pk]))
    assert rejects.status_code == 404
    assert newest(east).state == "ready"


# --- Templates, the list, forgetting -----------------------------------------------------------


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "adjustments"])
def test_a_template_has_every_column_and_an_example_that_can_be_read(kind, operator, east):
    answer = operator.get(reverse("admin:metrics_import_template", args=[kind]))

    book = load_workbook(BytesIO(answer.content))
    assert [cell.value for cell in book.worksheets[0][1]] == list(titles_of(KINDS[kind]).values())
    seen = upload(operator, answer.content, "模板.xlsx", kind=kind).context["seen"]
    # Whom and what it names, this store does not have.
    assert {one["code"][:8] for one in seen["errors"]} <= {"unknown_"}
    assert seen["rows"] == 1


def test_every_kind_and_column_has_a_word():
    assert list(KIND_TITLES) == list(KINDS)
    for kind in KINDS.values():
        titles = titles_of(kind)
        assert len(set(titles.values())) == len(titles)


def test_the_list_costs_as_many_queries_for_two_hundred_imports_as_for_one(operator, east):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert operator.get(LIST).status_code == 200
        return len(queries)

    upload(operator, csv_of([bill(DAY, 88)]))
    cost()
    one = cost()
    with use_build_context(east) as ctx:
        FileImport.objects.bulk_create(
            FileImport(
                site=east,
                file_name="x.csv",
                kind="members",
                size=1,
                business_date=ctx.business_date,
                actor=operator.user,
            )
            for _ in range(200)
        )

    assert cost() == one


@by_a_worker
def test_what_nobody_took_in_is_forgotten_and_of_what_was_only_the_bad_rows(operator, east):
    rows = [bill(DAY, 88), {**bill(DAY, 9), "paid": "x"}]
    upload(operator, csv_of(rows))
    start(operator, newest(east), skip_bad="1")
    work(newest(east))
    upload(operator, csv_of(rows))
    forget_expired()
    kept = len(stored(east, FileImport))
    with use_context(live_context(east)):
        FileImport.objects.update(expires_at="2026-05-01T00:00Z")

    forget_expired()

    [left] = stored(east, FileImport)
    assert (kept, left.state, left.rejects) == (2, "done", None)
