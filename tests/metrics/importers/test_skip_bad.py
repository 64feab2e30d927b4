"""Taking in the good rows of a file and writing the others beside it."""

from __future__ import annotations

import csv

import pytest

from metrics.importers import RowErrors, import_file
from metrics.models import Member, Settlement
from sandbox.context import use_build_context
from tests.factories import bill, days_before, make_site, push_bills, push_member
from tests.metrics.histories import write_csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    site = make_site()
    push_member(site, "M1")
    return site


@pytest.fixture
def load(site, tmp_path):
    def load(*rows, **options):
        path = write_csv(tmp_path / "bills.csv", list(rows))
        return import_file(site=site, kind="settlements", path=path, skip_bad=True, **options)

    return load


@pytest.fixture
def rejects(tmp_path):
    def rejects():
        """(line, column) of every rejected row."""
        with (tmp_path / "bills.rejects.csv").open(encoding="utf-8-sig", newline="") as stream:
            return [(int(row["line"]), row["column"]) for row in csv.DictReader(stream)]

    return rejects


def names(site, model=Settlement):
    with use_build_context(site):
        return sorted(model.objects.filter(site=site).values_list("external_id", flat=True))


def row(external_id, site, **fields):
    return bill(days_before(site, 5), external_id=external_id, void_of="", **fields)


def void(target, external_id):
    return target | {"external_id": external_id, "void_of": target["external_id"]}


def test_the_good_rows_go_in_and_the_others_are_written_beside(site, load, rejects, tmp_path):
    result = load(
        row("B1", site),
        row("B2", site, table_fee="much"),
        row("B3", site, member="M9"),
        row("B4", site, member="M1"),
    )

    assert names(site) == ["B1", "B4"]
    assert (result.rows, result.accepted, result.rejected) == (4, 2, 2)
    assert result.rejects == tmp_path / "bills.rejects.csv"
    assert rejects() == [(3, "table_fee"), (4, "member")]


def test_a_rejected_row_keeps_its_columns_and_says_why(site, load, tmp_path):
    load(row("B1", site), row("B2", site, table_fee="much"))

    with (tmp_path / "bills.rejects.csv").open(encoding="utf-8-sig", newline="") as stream:
        [found] = csv.DictReader(stream)
    assert (found["external_id"], found["table_fee"]) == ("B2", "much")
    assert "much" in found["reason"]


def test_conflicts_and_repeated_names_are_left_out(site, load, rejects):
    known = row("B1", site)
    push_bills(site, [known])

    result = load(known, row("B2", site), row("B2", site, table="9"), row("B3", site))
    again = load(known | {"table": "9"}, row("B4", site))

    assert (result.accepted, result.unchanged, result.rejected) == (2, 1, 1)
    assert (again.accepted, again.unchanged, again.rejected) == (1, 0, 1)
    assert rejects() == [(2, "table")]


@pytest.mark.parametrize(
    "wrong", [{"table_fee": "x"}, {"member": "M9"}], ids=["staging", "merging"]
)
def test_a_void_of_a_rejected_row_is_rejected_too(site, load, rejects, wrong):
    good, bad = row("B1", site), row("B2", site, **wrong)

    load(void(good, "V1"), good, void(bad, "V2") | {"table_fee": "", "member": ""}, bad)

    assert names(site) == ["B1", "V1"]
    assert rejects() == [(4, "void_of"), (5, next(iter(wrong)))]


def test_a_void_of_a_conflicting_row_does_not_void_the_known_one(site, load, rejects):
    known = row("B1", site)
    push_bills(site, [known])
    other = known | {"table": "9"}

    load(other, void(other, "V1"), row("B2", site))

    assert names(site) == ["B1", "B2"]
    assert rejects() == [(2, "table"), (3, "void_of")]


def test_a_second_void_is_left_out(site, load, rejects):
    good = row("B1", site)

    load(good, void(good, "V1"), void(good, "V2"))

    assert names(site) == ["B1", "V1"]
    assert rejects() == [(4, "void_of")]


def test_members_of_rejected_rows_are_not_made(site, load):
    load(
        row("B1", site, member="M7"),
        row("B2", site, member="M8", gross=-1),
        row("B3", site, member="M7", gross=-1) | {"settled_at": "2020-01-01T10:00:00"},
        create_members=True,
    )

    assert names(site, Member) == ["M1", "M7"]
    with use_build_context(site):
        assert Member.objects.get(external_id="M7").business_date == days_before(site, 5)


def test_ragged_rows_are_left_out(site, tmp_path, load, rejects):
    path = write_csv(tmp_path / "bills.csv", [row("B1", site)])
    with path.open("a", encoding="utf-8") as stream:
        stream.write("B2,too,short\n" + ",".join(["x"] * 20) + "\n")

    result = import_file(site=site, kind="settlements", path=path, skip_bad=True)

    assert (result.accepted, result.rejected) == (1, 2)
    assert rejects() == [(3, ""), (4, "")]


def test_every_mistake_of_a_row_is_named(site, load, rejects):
    load(row("B1", site), row("B2", site, guests="x", table_fee="y"))

    assert rejects() == [(3, "guests, table_fee")]


def test_a_file_of_bad_rows_only_is_refused(site, load, tmp_path):
    with pytest.raises(RowErrors) as refused:
        load(row("B1", site, guests="x"), row("B2", site, member="M9"))

    assert [error.index for error in refused.value.errors] == [2, 3]
    assert not (tmp_path / "bills.rejects.csv").exists()


def test_a_file_without_mistakes_leaves_no_rejects(site, load, tmp_path):
    result = load(row("B1", site))

    assert (result.rejected, result.rejects) == (0, None)
    assert not (tmp_path / "bills.rejects.csv").exists()


def test_more_mistakes_than_are_shown_are_all_left_out(site, load, rejects):
    bad = [row(f"X{n}", site, member="M9") for n in range(60)]

    result = load(row("B1", site), *bad, *[row(f"Y{n}", site, paid="x") for n in range(60)])

    assert (result.accepted, result.rejected, len(rejects())) == (1, 120, 120)
