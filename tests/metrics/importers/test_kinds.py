from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core.management import call_command

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


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_command_prints_the_columns_of_every_kind(kind, capsys):
    call_command("import_facts", kind.name, "--columns")

    printed = json.loads(capsys.readouterr().out)
    assert [column["name"] for column in printed] == list(kind.by_name)
    assert [column["name"] for column in printed if column["in_every_file"]] == kind.header


def test_the_documentation_names_the_kinds_in_the_order_to_import_them():
    named = re.findall(r"^\| ([a-z_]+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)

    assert [name for name in named if name != "kind"] == list(KINDS)


def test_hyphens_are_accepted():
    assert find_kind("card-entries") is KINDS["card_entries"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_compared_column_is_named_as_the_sender_knows_it(kind):
    assert set(kind.content.values()) <= set(kind.by_name)
