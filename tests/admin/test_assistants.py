"""The list of assistants, their pages and downloads: at D, in any order, of one's own stores."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from urllib.parse import unquote

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from metrics.importers import push_rows
from metrics.models import Assistant
from sandbox.context import live_context, use_context
from tests.admin.pages import HOME, go_back, text_of
from tests.factories import member_of, push_assistant
from tests.metrics.staff import (
    correct_pay,
    give_task,
    push_services,
    set_level,
    set_plan,
    void_bill,
)

LIST = reverse("admin:metrics_assistant_changelist")
EXPORT = reverse("admin:metrics_assistant_export")
PAST = date(2026, 4, 20)


def assistant_of(site, external_id: str) -> Assistant:
    with use_context(live_context(site)):
        return Assistant.objects.get(site=site, external_id=external_id)


def url(name: str, assistant: Assistant, *more) -> str:
    return reverse(f"admin:metrics_assistant_{name}", args=[assistant.pk, *more])


@pytest.fixture
def lan(east) -> Assistant:
    """小兰, at 60 an hour and 10 %: 3 hours of 300 on April 10, 2 of 200 on the 28th, 1 on May 4."""
    push_assistant(east, "A1", name="小兰")
    lan = assistant_of(east, "A1")
    set_level(east, lan, date(2026, 4, 1), "中级")
    set_plan(east, date(2026, 4, 1), "中级", 60, "0.1")
    member = member_of(east, "M1")
    push_services(east, date(2026, 4, 10), (lan, 3, 300), member=member)
    push_services(east, date(2026, 4, 28), (lan, 2, 200), member=member)
    push_services(east, date(2026, 5, 4), (lan, 1, 100))
    correct_pay(east, lan, date(2026, 4, 10), "reward", 50)
    correct_pay(east, lan, date(2026, 4, 29), "deduction", 20)
    return lan


def sheets_of(response) -> dict[str, list[tuple]]:
    book = load_workbook(BytesIO(response.content))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def names_in(response) -> list[str]:
    return [one.name for one, _figures in response.context["rows"]]


def test_the_list_shows_what_everybody_did_this_month(manager, lan):
    page = text_of(manager.get(LIST))

    for shown in ("小兰", "中级", "1.00", "¥100.00", "¥70.00"):
        assert shown in page


def test_at_a_past_date_the_list_and_the_page_show_what_was_then(manager, lan):
    go_back(manager, PAST)

    for shown in (text_of(manager.get(LIST)), text_of(manager.get(url("change", lan)))):
        assert "3.00" in shown
        assert "¥260.00" in shown  # 3 × 60 + 30 + 50
        assert "¥100.00" not in shown
        assert "04-28" not in shown


def test_the_three_pages_of_the_staff_are_in_the_navigation(manager):
    home = text_of(manager.get(HOME))

    for model in ("assistant", "coachtask", "salaryadjustmentbatch"):
        assert f'href="{reverse(f"admin:metrics_{model}_changelist")}"' in home


def test_who_has_left_is_there_and_said_to_have_left(manager, east, lan):
    push_rows(
        site=east,
        kind="assistants",
        rows=[
            {
                "external_id": "A1",
                "name": "小兰",
                "level": "",
                "hired_at": None,
                "left_at": "2026-05-01",
            }
        ],
    )

    [(one, _figures)] = manager.get(LIST).context["rows"]

    assert not one.is_employed


@pytest.mark.parametrize(
    "column",
    [
        "month_hours",
        "month_billed",
        "customers_served",
        "month_salary",
        "assistant_level",
        "assistant_stars",
        "task_completion_rate",
    ],
)
def test_any_figure_sorts_the_list_and_the_unknown_comes_last(column, manager, east, lan):
    push_assistant(east, "A2", name="新来的")
    give_task(east, lan, date(2026, 5, 2), date(2026, 5, 3))

    up = names_in(manager.get(LIST, {"o": column}))
    down = names_in(manager.get(LIST, {"o": f"-{column}"}))

    assert sorted(up) == sorted(down) == ["小兰", "新来的"]
    if column in ("assistant_level", "task_completion_rate"):
        assert up == down == ["小兰", "新来的"]
    elif column != "assistant_stars":
        assert (up, down) == (["新来的", "小兰"], ["小兰", "新来的"])


def test_a_month_is_shown_day_by_day_with_its_running_sum(manager, lan):
    page = manager.get(url("change", lan), {"month": "2026-04"})

    sheet = page.context["sheet"]
    assert [(f"{line.pay.day:%m-%d}", line.pay.total, line.so_far) for line in sheet.lines] == [
        ("04-10", 260, 260),
        ("04-28", 140, 400),
        ("04-29", -20, 380),
    ]
    assert sheet.total == 380
    assert "张三" in text_of(page)


def test_what_the_month_itself_pays_stands_apart(manager, east, lan):
    set_plan(east, date(2026, 4, 30), "中级", 60, "0.1", guarantee=1000)

    sheet = manager.get(url("change", lan), {"month": "2026-04"}).context["sheet"]

    assert (sheet.days_total, sheet.items["guarantee"], sheet.total) == (380, 620, 1000)
    assert sheet.lines[-1].so_far == 380


def test_pay_that_no_plan_prices_is_unknown_from_that_day_on(manager, east, lan):
    set_level(east, lan, date(2026, 4, 28), "特级")

    sheet = manager.get(url("change", lan), {"month": "2026-04"}).context["sheet"]

    assert [line.so_far for line in sheet.lines] == [260, None, None]
    assert sheet.total is None


@pytest.mark.parametrize("month", ["2026-06", "2026-13", "x"])
def test_a_month_that_has_not_begun_or_is_none_is_not_found(month, manager, lan):
    assert manager.get(url("change", lan), {"month": month}).status_code == 404


def test_a_day_opens_its_bills_and_marks_what_does_not_count(manager, east, lan):
    void_bill(east, push_services(east, date(2026, 4, 10), (lan, 5, 500)))

    page = manager.get(url("day", lan, "2026-04-10"))

    assert [(line.hours, line.is_voided) for line in page.context["lines"]] == [
        (3, False),
        (5, True),
    ]
    [line, _voided] = page.context["lines"]
    assert reverse("admin:metrics_settlement_change", args=[line.settlement_id]) in text_of(page)
    assert [one.amount for one in page.context["corrections"]] == [50]


def test_a_day_after_the_date_in_sight_is_not_found(manager, lan):
    go_back(manager, PAST)

    assert manager.get(url("day", lan, "2026-04-28")).status_code == 404


def test_a_correction_that_takes_effect_later_is_nowhere(manager, east, lan):
    correct_pay(east, lan, date(2026, 5, 20), "income", 777)

    assert "777" not in text_of(manager.get(url("change", lan)))


def test_tasks_of_the_month_stand_as_they_stood(manager, east, lan):
    task = give_task(east, lan, date(2026, 4, 12), date(2026, 4, 18), member_of(east, "M1"))
    done = {"external_id": "E1", "task": task, "occurred_at": "2026-04-27T12:00:00"}
    push_rows(site=east, kind="task_events", rows=[done | {"kind": "done", "outcome": "reached"}])

    states = []
    for day in (date(2026, 4, 26), date(2026, 4, 27)):
        go_back(manager, day)
        [(one, _back)] = manager.get(url("change", lan), {"month": "2026-04"}).context["tasks"]
        states.append(one.state)

    assert states == ["overdue", "done"]


def test_the_list_is_exported_with_numbers_as_numbers(manager, lan):
    answer = manager.get(EXPORT)

    [rows] = sheets_of(answer).values()
    assert rows[1][:2] == ("A1", "小兰")
    assert rows[1][5:7] == (1, 100)
    assert rows[1][-1] == 70
    assert "东店_2026-05-05.xlsx" in unquote(answer["Content-Disposition"])


def test_a_months_pay_is_exported_day_by_day(manager, lan):
    answer = manager.get(url("pay", lan), {"month": "2026-04"})

    pay, corrections = sheets_of(answer).values()
    assert [row[-2] for row in pay[1:4]] == [260, 140, -20]
    assert pay[-1][-2] == 380
    assert [row[2] for row in corrections[1:]] == [50, 20]
    assert "东店_小兰_2026-04_2026-05-05.xlsx" in unquote(answer["Content-Disposition"])


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")'])
def test_a_name_that_looks_like_a_formula_is_exported_as_text(name, manager, east):
    push_assistant(east, "A9", name=name)

    book = load_workbook(BytesIO(manager.get(EXPORT).content))

    cell = book.worksheets[0].cell(2, 2)
    assert (cell.value, cell.data_type, cell.quotePrefix) == (name, "s", True)


def test_the_figures_open_what_they_are_made_of(manager, east, lan):
    page = manager.get(url("change", lan))
    behind = {str(metric.title): metric.address for metric in page.context["metrics"]}
    customers = f"{reverse('admin:metrics_member_changelist')}?served_by={lan.pk}"

    opened = manager.get(customers).context["cl"]

    assert [member.name for member in opened.result_list] == ["张三"]
    assert "小兰" in opened.chips[0].title
    assert {customers, url("day", lan, "2026-05-05"), f"{url('change', lan)}#pay"} <= {
        *behind.values()
    }
    for part in {address.partition("#")[2] for address in behind.values()} - {""}:
        assert f'id="{part}"' in text_of(page)


def test_customers_are_those_served_by_d(manager, east, lan):
    go_back(manager, date(2026, 4, 9))

    page = manager.get(reverse("admin:metrics_member_changelist"), {"served_by": lan.pk})

    assert list(page.context["cl"].result_list) == []


def test_another_stores_assistant_is_not_found_by_any_page(sign_in, west, lan):
    stranger = sign_in("manager", west)

    assert "小兰" not in text_of(stranger.get(LIST))
    assert len(sheets_of(stranger.get(EXPORT)).popitem()[1]) == 1
    for page in (url("change", lan), url("pay", lan), url("day", lan, "2026-04-10")):
        assert stranger.get(page).status_code == 404


def test_without_a_role_nobody_sees_pay(sign_in, east, lan):
    outsider = sign_in("assistant", east)

    for page in (LIST, EXPORT, url("change", lan), url("pay", lan)):
        assert outsider.get(page).status_code == 403
