"""A file of bills in a real Chromium: a bad one, a good one, its progress, its rows."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Page, expect

from tests.browser.conftest import Shop, Watched, make_manager, sign_in
from tests.durable.clusters import WorkerCluster
from tests.factories import bill, days_before

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def write_file(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", encoding="gbk", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def upload(page: Page, shop: Shop, file: Path) -> None:
    page.goto(f"{shop.url}/admin/metrics/fileimport/")
    page.set_input_files("[name=file]", file)
    page.click("#upload button")
    page.wait_for_selector("#preview")


def test_an_operator_imports_bills_and_finds_them(
    shop: Shop,
    page: Page,
    watched: Watched,
    tmp_path: Path,
    worker_cluster: Callable[[str], WorkerCluster],
) -> None:
    worker_cluster("batch")
    operator = make_manager("operator", shop.site)
    operator.groups.set([Group.objects.get(name="operator")])
    good = bill(days_before(shop.site, 2), 4321, table="七号台")
    bad = {**bill(days_before(shop.site, 2), 5, table="八号台"), "paid": "五元"}
    sign_in(page, shop, operator)

    upload(page, shop, write_file(tmp_path / "bad.csv", good, bad))
    expect(page.locator("#mistakes tbody tr")).to_have_count(1)
    expect(page.locator("#mistakes")).to_contain_text("「五元」不是数字")
    expect(page.locator("#preview")).to_contain_text("GBK")

    upload(page, shop, write_file(tmp_path / "good.csv", good))
    expect(page.locator("#columns tbody")).to_contain_text("七号台")
    page.click("#start")
    expect(page.locator("#zqyy-import:not([data-busy])")).to_be_visible()
    expect(page.locator("#zqyy-import .zq-tag-good")).to_be_visible()
    page.click("#zqyy-import .zq-card a.zq-link")
    expect(page.locator("#result_list")).to_contain_text("4,321.00")
    assert watched.errors == watched.outside == []
