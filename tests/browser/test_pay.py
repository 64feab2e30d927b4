"""A month's end in a real Chromium: a bad file, a good one, the pay it changes, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook
from playwright.sync_api import Page, expect

from metrics.entries.pay import TITLES
from metrics.models import Assistant
from sandbox.context import live_context, use_context
from tests.browser.conftest import Shop, Watched, sign_in
from tests.factories import days_before, push_assistant
from tests.metrics.staff import push_services, set_level, set_plan

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def write_file(path: Path, *rows: list[object]) -> Path:
    book = Workbook()
    for row in (list(TITLES), *rows):
        book.active.append(row)
    book.save(path)
    return path


def upload(page: Page, shop: Shop, file: Path) -> None:
    page.goto(f"{shop.url}/admin/metrics/salaryadjustmentbatch/")
    page.set_input_files("[name=file]", file)
    page.click("#upload button")
    page.wait_for_selector("#preview")


def test_a_manager_corrects_pay_from_a_file_and_takes_it_back(
    shop: Shop, page: Page, watched: Watched, tmp_path: Path
) -> None:
    today = live_context(shop.site).business_date
    push_assistant(shop.site, "A1", name="小兰")
    with use_context(live_context(shop.site)):
        lan = Assistant.objects.get(external_id="A1")
    set_level(shop.site, lan, days_before(shop.site, 60), "中级")
    set_plan(shop.site, days_before(shop.site, 60), "中级", 60)
    push_services(shop.site, today, (lan, 2, 200))
    pay_page = f"{shop.url}/admin/metrics/assistant/{lan.pk}/change/"
    sign_in(page, shop, shop.manager)

    upload(page, shop, write_file(tmp_path / "bad.xlsx", ["A1", f"{today}", "reward", "二百", ""]))
    expect(page.locator("#mistakes tbody tr")).to_have_count(1)
    expect(page.locator("#mistakes")).to_contain_text("「二百」不是数字")
    expect(page.locator("#apply")).to_have_count(0)

    upload(page, shop, write_file(tmp_path / "good.xlsx", ["A1", f"{today}", "reward", 200, ""]))
    expect(page.locator("#effects")).to_contain_text("小兰")
    page.click("#apply")
    page.wait_for_selector("#result_list")
    page.goto(pay_page)
    expect(page.locator("#month-pay")).to_have_text("¥320.00")

    page.goto(f"{shop.url}/admin/metrics/salaryadjustmentbatch/")
    page.click("#result_list tbody a")
    page.check("[name=sure]")
    page.click("#undo button")
    page.wait_for_selector("#result_list")
    page.goto(pay_page)
    expect(page.locator("#month-pay")).to_have_text("¥120.00")
    assert watched.errors == watched.outside == []
