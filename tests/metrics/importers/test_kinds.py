from __future__ import annotations

import re
from pathlib import Path

import pytest

from metrics.importers.kinds import KINDS, find_kind

DOCS = Path(__file__).parents[3] / "docs" / "import.md"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_documentation_names_the_columns_of_every_kind(kind):
    [row] = re.findall(
        rf"^\| {kind.name} \|(.*)\|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE
    )
    cells = [re.findall(r"[a-z_]+", re.sub(r"\(.*?\)", "", cell)) for cell in row.split("|")]

    required = [column.name for column in kind.columns if column.required]
    header = [name for name in kind.header if name not in required]
    optional = [column.name for column in kind.columns if column.name not in kind.header]
    assert cells == [required, header, optional]


def test_hyphens_are_accepted():
    assert find_kind("card-entries") is KINDS["card_entries"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_compared_column_is_named_as_the_sender_knows_it(kind):
    assert set(kind.content.values()) <= set(kind.by_name)
