"""XLSX files."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, time
from decimal import Decimal

import pytest
from openpyxl import Workbook

from metrics.importers import FileError, RowErrors, import_file
from metrics.models import Member, MemberVersion, Settlement
from sandbox.context import use_build_context
from tests.factories import make_site
from tests.metrics.importers.test_files import HEADER

pytestmark = pytest.mark.django_db

COLUMNS = HEADER.split(",")
AT = datetime(2026, 1, 5, 20, 41, 7)  # noqa: DTZ001 (the store's own time)


def bill(**fields):
    row = dict.fromkeys(COLUMNS, 0) | {"external_id": "B1", "settled_at": AT, "member": None}
    return list(
        (row | {"area": "hallA", "gross": 100, "paid": 100, "cash_paid": 100} | fields).values()
    )


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def book():
    return Workbook()


@pytest.fixture
def load(site, book, tmp_path):
    def load(*rows, header=COLUMNS, kind="settlements", name="bills.xlsx", **options):
        sheet = book.active
        for row in (header, *rows):
            sheet.append(row)
        path = tmp_path / name
        book.save(path)
        return import_file(site=site, kind=kind, path=path, **options)

    return load


def stored(site, model=Settlement):
    with use_build_context(site):
        return model.objects.get(site=site)


def rewrite(path, change):
    """The workbook with the XML of its sheet changed."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts["xl/worksheets/sheet1.xml"] = change(parts["xl/worksheets/sheet1.xml"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)


# --- Values ------------------------------------------------------------------------------------


def test_it_takes_in_a_workbook(site, load):
    result = load(bill(paid=0.1 + 0.2, gross=0.3, cash_paid="0.30"))

    fact = stored(site)
    assert (result.accepted, result.rows, result.warnings_total) == (1, 1, 0)
    assert (fact.paid, fact.cash_paid, fact.discount) == (Decimal("0.30"), Decimal("0.30"), 0)
    assert fact.occurred_at.astimezone(site.zone).replace(tzinfo=None) == AT


def test_numbers_are_good_names(site, load):
    header = ["external_id", "name", "phone", "joined_at", "birthday"]

    load(
        [1001, "王五", 13800000000.0, date(2026, 1, 5), datetime(1990, 2, 28)],  # noqa: DTZ001
        header=header,
        kind="members",
    )

    member, version = stored(site, Member), stored(site, MemberVersion)
    assert (member.external_id, version.phone) == ("1001", "13800000000")
    assert (member.business_date, version.birthday) == (date(2026, 1, 5), date(1990, 2, 28))


def test_a_day_may_be_a_date_of_the_spreadsheet(site, load):
    result = load(["C1", date(2026, 1, 5)], header=["external_id", "day"], kind="closures")

    assert result.first_date == date(2026, 1, 5)


def test_blank_rows_and_columns_are_passed_over(site, load):
    assert load([], [None] * 12, [*bill(), None, None], []).rows == 1


def test_another_sheet_is_found_by_name(site, book, load):
    book.create_sheet("说明").append(["nothing"])

    assert load(bill(), sheet="Sheet").accepted == 1
    with pytest.raises(FileError, match="说明"):
        load(bill(), sheet="流水")


def test_the_header_need_not_be_the_first_row(site, book, load):
    book.active.append([])

    assert load(bill()).accepted == 1


# --- What cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "column", "code", "words"),
    [
        ({"paid": "=50+50"}, "paid", "formula_without_value", "G2"),
        ({"member": "=A1"}, "member", "formula_without_value", "C2"),
        ({"paid": "#DIV/0!"}, "paid", "cell_error", "#DIV/0!"),
        ({"external_id": 202601051234567890}, "external_id", "digits_lost", "text"),
        ({"paid": 100.005}, "paid", "too_precise", "100.005"),
        ({"paid": "many"}, "paid", "invalid_number", "many"),
        ({"settled_at": 46027.5}, "settled_at", "invalid_time", "46027.5"),
        ({"settled_at": time(20, 41)}, "settled_at", "invalid_time", "20:41"),
        ({"member": True}, "member", "unknown_member", "true"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_cell_that_cannot_be_is_named(site, load, fields, column, code, words):
    with pytest.raises(RowErrors) as refused:
        load(bill(**fields))

    [error] = refused.value.errors
    assert (error.index, error.column, error.code) == (2, column, code)
    assert words in error.message or words == "text"


def test_a_formula_with_its_value_is_the_value(site, load, tmp_path):
    with pytest.raises(RowErrors):
        load(bill(paid="=50+50"))
    path = tmp_path / "bills.xlsx"
    rewrite(path, lambda xml: re.sub(rb"<v ?/>|<v></v>", b"<v>100</v>", xml))

    import_file(site=site, kind="settlements", path=path)

    assert stored(site).paid == 100


def test_a_row_of_nothing_but_formulas_without_values_is_not_overlooked(site, load):
    with pytest.raises(RowErrors) as refused:
        load(bill(), ["=A2", "=B2"], bill(external_id="B2"))

    assert {error.index for error in refused.value.errors} == {3}


def test_a_gap_in_the_header_is_named(load):
    with pytest.raises(FileError, match="B1"):
        load(bill(), header=["external_id", None, *COLUMNS[2:]])


def test_merged_cells_are_named(book, load):
    book.active.merge_cells("C3:C5")

    with pytest.raises(FileError, match="C3:C5"):
        load(bill())


def test_an_old_workbook_under_a_new_name_is_refused(site, tmp_path):
    path = tmp_path / "bills.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096))

    with pytest.raises(FileError, match="XLSX"):
        import_file(site=site, kind="settlements", path=path)


def test_a_workbook_under_the_name_of_a_csv_file_is_refused(load, tmp_path):
    load(bill())
    path = (tmp_path / "bills.xlsx").rename(tmp_path / "bills.csv")

    with pytest.raises(FileError, match=r"\.xlsx"):
        import_file(site=make_site(), kind="settlements", path=path)


@pytest.mark.parametrize("damage", ["text", "cut", "xml", "number"])
def test_a_broken_workbook_is_refused(site, load, tmp_path, damage):
    load(bill())
    path = tmp_path / "bills.xlsx"
    if damage == "text":
        path.write_text(HEADER, encoding="utf-8")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "xml":
        rewrite(path, lambda xml: xml[: len(xml) // 2])
    else:
        rewrite(path, lambda xml: xml.replace(b"<v>0</v>", b"<v>none</v>", 1))

    with pytest.raises(FileError):
        import_file(site=make_site(), kind="settlements", path=path)


def test_what_unpacks_to_absurdly_much_is_refused_before_it_is_unpacked(site, load, tmp_path):
    load(bill())
    path = tmp_path / "bills.xlsx"
    rewrite(path, lambda xml: xml + b" " * (80 << 20))

    with pytest.raises(FileError, match=r"unpacks|解压"):
        import_file(site=make_site(), kind="settlements", path=path)


def test_a_row_further_down_than_there_can_be_is_refused(site, load, tmp_path):
    load(bill())
    path = tmp_path / "bills.xlsx"
    rewrite(path, lambda xml: xml.replace(b'<row r="2"', b'<row r="99999999"'))

    with pytest.raises(FileError):
        import_file(site=make_site(), kind="settlements", path=path)
