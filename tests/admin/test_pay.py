"""Corrections of pay from files: looked at, taken in once, undone; every hard file in words."""

from __future__ import annotations

import csv
import re
from datetime import date
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.translation import gettext, override
from openpyxl import Workbook, load_workbook

from metrics.entries.pay import TITLES
from metrics.models import SalaryAdjustment, SalaryAdjustmentBatch
from metrics.pay_admin import MOST_BYTES
from sandbox.context import use_build_context
from sandbox.models import AuditEntry
from tests.admin.pages import CONTEXT, go_back, text_of
from tests.factories import push_assistant

LIST = reverse("admin:metrics_salaryadjustmentbatch_changelist")
UPLOAD = reverse("admin:metrics_pay_upload")
APPLY = reverse("admin:metrics_pay_apply")
with override("zh-hans"):
    TITLE = {name: str(title) for name, title in TITLES.items()}
HEADER = list(TITLE.values())
GOOD = [["A1", "2026-05-01", "奖励", 200, "全勤"], ["A2", "2026-05-02", "扣款", "50.50", ""]]


@pytest.fixture(autouse=True)
def chinese(settings):
    with override("zh-hans"):
        yield


@pytest.fixture(autouse=True)
def staff(east):
    push_assistant(east, "A1", name="小兰")
    push_assistant(east, "A2", name="小梅")


def xlsx(rows, header=HEADER, spoil=None) -> bytes:
    book = Workbook()
    for row in [header, *rows]:
        book.active.append(row)
    if spoil:
        spoil(book.active)
    written = BytesIO()
    book.save(written)
    return written.getvalue()


def csv_file(rows, encoding="utf-8", header=HEADER) -> bytes:
    text = StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode(encoding)


def upload(client, content: bytes, name="更正.xlsx"):
    return client.post(UPLOAD, {"file": SimpleUploadedFile(name, content)})


def take_in(client, seen):
    return client.post(APPLY, {"token": seen.context["token"]}, follow=True)


def stored(site, model=SalaryAdjustment):
    with use_build_context(site):
        return list(model.objects.filter(site=site).order_by("pk"))


def undo_url(batch) -> str:
    return reverse("admin:metrics_pay_undo", args=[batch.pk])


# --- Looking -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (xlsx(GOOD), "更正.xlsx"),
        (csv_file(GOOD), "更正.csv"),
        (csv_file(GOOD, "gbk"), "更正.CSV"),
        (xlsx([[*GOOD[0][:2], "reward", *GOOD[0][3:]], GOOD[1]]), "codes.xlsx"),
        (xlsx([[GOOD[0][0], date(2026, 5, 1), *GOOD[0][2:]], GOOD[1]]), "dates.xlsx"),
    ],
    ids=["xlsx", "utf-8", "gbk", "codes", "dates"],
)
def test_a_good_file_says_what_everybody_gets_and_writes_nothing(content, name, manager, east):
    seen = upload(manager, content, name)

    assert [(called, one.assistant, one.net) for called, one in seen.context["effects"]] == [
        ("小兰", "A1", 200),
        ("小梅", "A2", pytest.approx(-50.5)),
    ]
    assert stored(east) == []


def test_a_preview_says_when_it_takes_effect(manager):
    seen = text_of(upload(manager, xlsx(GOOD)))

    assert "2026-05-01" in seen
    assert "2026-05-02" in seen


def test_the_badge_of_a_preview_leads_back_to_the_list(manager):
    assert f'href="{CONTEXT}?next={LIST}"' in text_of(upload(manager, xlsx(GOOD)))


def test_the_badge_of_a_batch_that_is_not_undone_leads_back_to_it(manager, east):
    take_in(manager, upload(manager, xlsx(GOOD)))
    [batch] = stored(east, SalaryAdjustmentBatch)

    unsure = text_of(manager.post(undo_url(batch), {}))

    page = reverse("admin:metrics_salaryadjustmentbatch_change", args=[batch.pk])
    assert f'href="{CONTEXT}?next={page}"' in unsure


def test_a_file_is_taken_in_once_however_often_somebody_clicks(manager, east):
    seen = upload(manager, xlsx(GOOD))

    take_in(manager, seen)
    second = take_in(manager, seen)

    assert "已经导入过" in text_of(second)
    assert len(stored(east)) == 2


def test_the_same_rows_change_nothing_a_second_time_however_they_were_saved(manager, east):
    take_in(manager, upload(manager, xlsx(GOOD)))

    again = upload(manager, csv_file(GOOD), "另存.csv")

    assert again.status_code == 409
    assert "已经导入过" in text_of(again)
    assert len(stored(east)) == 2


def test_a_thousand_rows_are_taken_in_as_one_batch(manager, east):
    rows = [["A1", "2026-05-01", "收入", n, ""] for n in range(1, 1001)]

    take_in(manager, upload(manager, xlsx(rows)))

    assert len(stored(east)) == 1000
    [row] = manager.get(LIST).context["cl"].result_list
    assert (row.seen, row.comes_to) == (1000, 500500)


def merged_header(sheet):
    sheet.merge_cells("A1:B1")


def formula(sheet):
    sheet["D2"] = "=100+100"


HARD = {
    "bad cell": (
        xlsx([*GOOD, ["A1", "2026-05-03", "奖励", "二百", ""]]),
        "更正.xlsx",
        ["4", TITLE["amount"], "「二百」不是数字"],
    ),
    "bad kind": (
        xlsx([["A1", "2026-05-03", "奖金", 1, ""]]),
        "更正.xlsx",
        [TITLE["kind"], "奖金", "奖励, 收入, 扣款, 支出"],
    ),
    "bad date": (
        xlsx([["A1", "2026/5/3", "奖励", 1, ""]]),
        "更正.xlsx",
        [TITLE["day"], "2026/5/3"],
    ),
    "negative": (
        xlsx([["A1", "2026-05-03", "奖励", -5, ""]]),
        "更正.xlsx",
        [TITLE["amount"], "-5"],
    ),
    "empty cell": (xlsx([["A1", None, "奖励", 5, ""]]), "更正.xlsx", ["2", TITLE["day"], "必填"]),
    "renamed xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "更正.xlsx",
        ["另存为 .xlsx"],
    ),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "更正.xls", [".xlsx"]),
    "formula never computed": (
        xlsx(GOOD, spoil=formula),
        "更正.xlsx",
        ["2", TITLE["amount"], "D2"],
    ),
    "merged header": (xlsx(GOOD, spoil=merged_header), "更正.xlsx", ["A1:B1", "合并"]),
    "empty csv": (b"", "更正.csv", ["文件是空的"]),
    "empty xlsx": (b"", "更正.xlsx", ["文件是空的"]),
    "header only": (xlsx([]), "更正.xlsx", ["1 到 5000 行"]),
    "missing column": (
        xlsx([row[:3] for row in GOOD], HEADER[:3]),
        "更正.xlsx",
        ["缺少", TITLE["amount"]],
    ),
    "unknown column": (
        xlsx([[*row, 1] for row in GOOD], [*HEADER, "姓名"]),
        "更正.xlsx",
        ["姓名", TITLE["assistant"]],
    ),
    "unknown assistant": (
        xlsx([["A9", "2026-05-01", "奖励", 1, ""]]),
        "更正.xlsx",
        [TITLE["assistant"], "没有助教「A9」"],
    ),
    "not text": (bytes(range(128, 256)), "更正.csv", ["UTF-8", "GBK"]),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "../../etc/x.png", ["CSV"]),
}


@pytest.mark.parametrize("case", HARD)
def test_a_bad_file_is_refused_in_words_and_nothing_is_written(case, manager, east):
    content, name, words = HARD[case]

    answer = upload(manager, content, name)

    page = text_of(answer)
    assert 'role="alert"' in page
    for word in words:
        assert word in page
    assert 'name="token"' not in page
    assert stored(east) == stored(east, SalaryAdjustmentBatch) == []


def test_one_bad_row_of_a_thousand_keeps_all_out(manager, east):
    rows = [["A1", "2026-05-01", "收入", n, ""] for n in range(1, 1001)]
    rows[499][3] = "x"

    answer = upload(manager, xlsx(rows))

    [mistake] = answer.context["mistakes"]
    assert (mistake.line, mistake.column) == (501, TITLE["amount"])
    assert stored(east) == []


def test_a_formula_with_a_saved_result_counts_as_its_result(manager):
    # As a spreadsheet program saves it: the formula and its value.
    content = xlsx(GOOD, spoil=formula)
    source, target = ZipFile(BytesIO(content)), BytesIO()
    with ZipFile(target, "w") as written:
        for member in source.namelist():
            body = source.read(member)
            if member.endswith("sheet1.xml"):
                body = re.sub(rb"(</f>)<v ?/>|(</f>)<v></v>", b"</f><v>200</v>", body)
                assert b"<v>200</v>" in body
            written.writestr(member, body)

    seen = upload(manager, target.getvalue())

    assert next(one.net for _name, one in seen.context["effects"]) == 200


def test_a_file_of_20_mb_is_not_even_opened(manager, east):
    answer = upload(manager, b"x" * (20 * 1024 * 1024))

    assert answer.status_code == 413
    assert f"{MOST_BYTES // 1024**2} MB" in text_of(answer)
    assert stored(east) == []


def test_another_stores_assistant_is_as_unknown_as_nobody(manager, east, west):
    push_assistant(west, "W1")

    answer = upload(manager, xlsx([["W1", "2026-05-01", "奖励", 1, ""]]))

    assert "没有助教「W1」" in text_of(answer)


def test_in_the_past_nothing_is_corrected(manager, east):
    seen = upload(manager, xlsx(GOOD))
    go_back(manager, date(2026, 4, 20))

    answers = upload(manager, xlsx(GOOD)), take_in(manager, seen)

    for answer in answers:
        assert "历史视图中不能登记。" in text_of(answer)
    assert answers[0].status_code == 409
    assert stored(east) == []


def test_a_preview_is_nobody_elses_and_no_other_stores(manager, sign_in, east, west):
    seen = upload(manager, xlsx(GOOD))

    answer = take_in(sign_in("manager", east), seen)

    assert gettext("This preview is too old; upload the file again.") in text_of(answer)
    assert stored(east) == []


# --- Batches -----------------------------------------------------------------------------------


def test_the_list_says_who_when_and_what_it_comes_to(manager, east):
    take_in(manager, upload(manager, xlsx(GOOD)))

    page = text_of(manager.get(LIST))

    for shown in (manager.user.username, "更正.xlsx", "¥149.50", gettext("in force")):
        assert shown in page


def test_a_batch_is_undone_after_a_tick_and_only_once(manager, east):
    take_in(manager, upload(manager, xlsx(GOOD)))
    [batch] = stored(east, SalaryAdjustmentBatch)

    unsure = manager.post(undo_url(batch))
    done = manager.post(undo_url(batch), {"sure": "1"}, follow=True)
    twice = manager.post(undo_url(batch), {"sure": "1"})

    assert gettext("Tick that you are sure.") in text_of(unsure)
    assert gettext("Batch #%(batch)d is undone.") % {"batch": batch.pk} in text_of(done)
    assert twice.status_code == 409
    assert len(stored(east)) == 4


def test_both_ways_are_audited_with_before_and_after(manager, east):
    take_in(manager, upload(manager, xlsx(GOOD)))
    manager.post(undo_url(stored(east, SalaryAdjustmentBatch)[0]), {"sure": "1"})

    said = [(e.action, e.before, e.after["rows"], e.after["net"]) for e in stored(east, AuditEntry)]

    none, all_of_it = {"rows": 0, "net": "0.00"}, {"rows": 2, "net": "149.50"}
    assert said == [
        ("adjustments_applied", none, 2, "149.50"),
        ("adjustments_undone", all_of_it, 0, "0.00"),
    ]


def test_what_takes_effect_later_is_counted_but_not_shown(manager, east):
    take_in(manager, upload(manager, xlsx([*GOOD, ["A1", "2026-05-20", "奖励", 777, "下月"]])))
    [batch] = stored(east, SalaryAdjustmentBatch)

    listed = text_of(manager.get(LIST))
    page = text_of(
        manager.get(reverse("admin:metrics_salaryadjustmentbatch_change", args=[batch.pk]))
    )

    said = gettext("%(count)d, %(later)d of them still to come") % {"count": 3, "later": 1}
    assert said in listed
    assert "777" not in listed + page


def test_before_it_was_taken_in_a_batch_does_not_exist(manager, east):
    take_in(manager, upload(manager, xlsx(GOOD)))
    [batch] = stored(east, SalaryAdjustmentBatch)
    go_back(manager, date(2026, 5, 4))

    page = manager.get(reverse("admin:metrics_salaryadjustmentbatch_change", args=[batch.pk]))

    assert page.status_code == 404
    assert list(manager.get(LIST).context["cl"].result_list) == []


def test_the_template_can_be_filled_in_and_uploaded(manager, east):
    answer = manager.get(reverse("admin:metrics_pay_template"))

    book = load_workbook(BytesIO(answer.content))
    assert [cell.value for cell in book.worksheets[0][1]] == HEADER
    assert ("A1", "小兰") in list(book.worksheets[1].values)
    book.worksheets[0].append(GOOD[0])
    filled = BytesIO()
    book.save(filled)
    assert upload(manager, filled.getvalue()).context["count"] == 1


def test_another_stores_batch_is_not_found_and_not_undone(manager, sign_in, east, west):
    take_in(manager, upload(manager, xlsx(GOOD)))
    [batch] = stored(east, SalaryAdjustmentBatch)
    stranger = sign_in("manager", west)

    page = reverse("admin:metrics_salaryadjustmentbatch_change", args=[batch.pk])
    assert stranger.get(page).status_code == 404
    assert stranger.post(undo_url(batch), {"sure": "1"}).status_code == 404
    assert len(stored(east)) == 2


def test_who_may_only_look_can_neither_upload_nor_undo(manager, sign_in, east):
    take_in(manager, upload(manager, xlsx(GOOD)))
    [batch] = stored(east, SalaryAdjustmentBatch)
    auditor = sign_in("auditor", east)

    assert auditor.get(LIST).status_code == 200
    assert upload(auditor, xlsx(GOOD)).status_code == 403
    assert auditor.post(APPLY, {"token": "x"}).status_code == 403
    assert auditor.post(undo_url(batch), {"sure": "1"}).status_code == 403
