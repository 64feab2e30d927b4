from __future__ import annotations

import csv
import io

import pytest
from django.utils.translation import override

from metrics.importers import FileError, RowErrors, import_file, preview_file
from metrics.importers.kinds import find_kind
from metrics.importers.kinds.words import titles_of
from metrics.models import IngestBatch, Member, Settlement
from sandbox.context import use_build_context
from tests.factories import bill, days_before, make_site
from tests.metrics.histories import write_csv

pytestmark = pytest.mark.django_db

HEADER = "external_id,settled_at,member,area,gross,discount,paid,card_paid,cash_paid,other_paid"
ROW = "B1,2026-01-05 20:00:00,,hallA,100.00,0,100.00,0,100.00,0"


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def load(site, tmp_path):
    def load(content: str | bytes, **options):
        path = tmp_path / "bills.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_file(site=site, kind="settlements", path=path, **options)

    return load


def count(site, model=Settlement):
    with use_build_context(site):
        return model.objects.filter(site=site).count()


def test_it_takes_in_a_file(site, load):
    result = load(f"{HEADER}\n{ROW}\n")

    assert (result.accepted, result.rows, result.first_date.isoformat()) == (1, 1, "2026-01-05")
    assert count(site) == 1


def test_the_same_file_again_is_unchanged(site, load):
    load(f"{HEADER}\n{ROW}\n")

    again = load(f"{HEADER}\n{ROW}\n")

    assert (again.accepted, again.unchanged, again.batch, again.build) == (0, 1, None, None)


def test_columns_may_stand_in_any_order(site, load):
    rows = list(csv.reader([HEADER, ROW]))
    stream = io.StringIO()
    csv.writer(stream).writerows([list(reversed(row)) for row in rows])

    assert load(stream.getvalue()).accepted == 1


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_columns_may_be_called_by_the_words_of_the_screen(site, load, language):
    with override(language):
        titles = titles_of(find_kind("settlements"))
        header = ",".join(titles[name] for name in HEADER.split(","))

    assert load(f"{header}\n{ROW}\n").accepted == 1


def test_a_column_called_by_both_its_words_is_there_twice(site, load):
    with override("zh-hans"), pytest.raises(FileError, match="实收"):
        load(f"{HEADER},实收\n{ROW},1\n")


def test_a_file_of_another_kind_is_told_for_what_it_looks_like(site, load):
    with override("zh-hans"), pytest.raises(FileError, match="储值流水"):
        load("external_id,member,occurred_at,kind,principal,gift\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_the_encoding_is_detected(site, load, encoding):
    content = f"{HEADER},table\n{ROW},大厅七号台\n".encode(encoding)

    load(content)

    with use_build_context(site):
        assert Settlement.objects.get(site=site).table == "大厅七号台"


def test_a_bad_row_keeps_the_whole_file_out_and_is_named_by_line_column_and_reason(site, load):
    with pytest.raises(RowErrors) as refused:
        load(f"{HEADER}\n{ROW}\n\n{ROW.replace('B1', 'B2').replace('0,100.00,0,', '0,x,0,', 1)}\n")

    [error] = refused.value.errors
    assert (error.index, error.column, error.code) == (4, "paid", "invalid_number")
    assert "x" in error.message
    assert count(site) == 0


def test_a_preview_is_what_would_come_of_the_good_rows_and_leaves_nothing(site, tmp_path):
    rows = [bill(days_before(site, 3), 5), bill(days_before(site, 3), 7, member="M9")]
    path = write_csv(tmp_path / "b.csv", [*rows, {**rows[0], "external_id": "X", "paid": "x"}])
    import_file(site=site, kind="settlements", path=write_csv(tmp_path / "a.csv", rows[:1]))
    batches = count(site, IngestBatch)

    seen = preview_file(site=site, kind="settlements", path=path, create_members=True)

    assert (seen.rows, seen.accepted, seen.unchanged, seen.rejected) == (3, 1, 1, 1)
    assert [(error.index, error.column) for error in seen.errors] == [(4, "paid")]
    assert seen.rejects == tmp_path / "b.rejects.csv"
    assert seen.rejects.read_text(encoding="utf-8-sig").count("\n") == 2
    assert seen.created_members == 1
    assert (count(site), count(site, Member), count(site, IngestBatch)) == (1, 0, batches)


def test_a_ragged_row_is_named(site, load):
    with pytest.raises(RowErrors) as refused:
        load(f"{HEADER}\n{ROW}\n{ROW},7\nB3\n")

    assert [(e.index, e.code) for e in refused.value.errors] == [(3, "ragged"), (4, "ragged")]


def test_lines_are_counted_across_quoted_line_breaks(site, load):
    quoted = ROW.replace("B1", '"B\n1"')
    with pytest.raises(RowErrors) as refused:
        load(f"{HEADER}\n{quoted}\n{ROW},7\n")

    assert refused.value.errors[0].index == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty|空"),
        (f"{HEADER},colour\n".encode(), "colour"),
        (HEADER.replace(",paid", "").encode(), "paid"),
        (f"{HEADER},paid\n".encode(), "paid"),
        (f"{HEADER}\n{ROW}\nB2\0\n".encode(), "3"),
        (f"{HEADER}\nB1\xff\xff\xff\n".encode("latin-1"), "GBK"),
        (f'{HEADER}\n{ROW}\n"B2" x,1\n'.encode(), "3"),
        (HEADER.encode("utf-16"), "1"),
    ],
    ids=["empty", "unknown", "missing", "twice", "nul", "encoding", "quotes", "utf16"],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(site, load, content, words):
    with pytest.raises(FileError, match=words):
        load(content)

    assert count(site) == 0


def test_unknown_members_are_refused_unless_they_may_be_made(site, load):
    content = f"{HEADER}\n{ROW.replace(',,', ',M9,')}\n"

    with pytest.raises(RowErrors) as refused:
        load(content)
    result = load(content, create_members=True)

    assert refused.value.errors[0].code == "unknown_member"
    assert result.created_members == count(site, Member) == 1


def test_a_made_member_is_as_old_as_the_first_bill(site, tmp_path):
    rows = [bill(days_before(site, n), member="M9") for n in (3, 30, 7)]
    path = write_csv(tmp_path / "b.csv", rows)

    import_file(site=site, kind="settlements", path=path, create_members=True)

    with use_build_context(site):
        assert Member.objects.get(site=site).business_date == days_before(site, 30)


def test_a_file_fires_events_only_when_asked(site, tmp_path, events):
    rows = [bill(days_before(site, n), member="M9") for n in (0, 1, 2)]
    path = write_csv(tmp_path / "b.csv", rows)
    import_file(site=site, kind="settlements", path=path, create_members=True)
    assert events == []

    other = make_site()
    result = import_file(
        site=other, kind="settlements", path=path, create_members=True, events=True
    )

    assert len(events) == len(result.events) == 2
    assert result.build is None


def test_progress_is_reported(site, load):
    seen = []
    rows = [ROW.replace("B1", f"B{n}") for n in range(2500)]

    load("\n".join([HEADER, *rows]), progress=lambda done, total: seen.append((done, total)))

    assert [done for done, _total in seen] == [1000, 2000, 2500]


@pytest.mark.slow
def test_seventy_thousand_bills_of_twenty_three_thousand_new_members(site, tmp_path):
    rows = [
        bill(days_before(site, n % 700), member=f"M{n % 23000}" if n < 60000 else "")
        for n in range(70000)
    ]
    path = write_csv(tmp_path / "big.csv", rows)

    result = import_file(site=site, kind="settlements", path=path, create_members=True)
    again = import_file(site=site, kind="settlements", path=path, create_members=True)

    assert (result.accepted, result.created_members) == (70000, 23000)
    assert (again.accepted, again.unchanged) == (0, 70000)
