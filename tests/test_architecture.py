"""The shape of the house: imports point one way, each table has one writer, no clock elsewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ["zqyy.durable", "sandbox", "metrics", "aijobs", "ops"]
SOURCES = sorted(
    path
    for package in ("zqyy", "sandbox", "metrics", "aijobs", "ops")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> str | None:
    for layer in LAYERS:
        if module == layer or module.startswith(f"{layer}."):
            return layer
    return None


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def callers_of(pattern: str) -> set[str]:
    """Modules whose code (not comments or docstrings alone) matches the pattern."""
    return {
        module_of(path)
        for path in SOURCES
        if re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_point_one_way(path: Path) -> None:
    layer = layer_of(module_of(path))
    if layer is None:
        return  # the rest of zqyy wires everything
    allowed = set(LAYERS[: LAYERS.index(layer) + 1])

    upward = {
        name
        for name in imports_of(path)
        if name.split(".")[0] in {"zqyy", "sandbox", "metrics", "aijobs", "ops"}
        and layer_of(name) not in allowed
    }

    # settings, roles and checks are read through Django, never imported from below
    assert upward == set()


def test_only_the_context_reads_todays_date() -> None:
    readers = callers_of(r"date\.today\(|localdate\(|datetime\.now\(\)|live_business_date\(")

    assert readers <= {
        "sandbox.context",
        "sandbox.audit",  # which date was live when somebody looked at the past
    }


def test_only_builds_and_importers_see_every_date() -> None:
    users = callers_of(r"\buse_build_context\(")

    allowed = re.compile(r"sandbox\.context|metrics\.(builds|importers|entries)(\..*)?")
    assert {name for name in users if not allowed.fullmatch(name)} == set()


def test_only_the_gate_calls_a_provider() -> None:
    callers = callers_of(r"\.complete\(")

    allowed = re.compile(r"aijobs\.(gate|providers)(\..*)?")
    assert {name for name in callers if not allowed.fullmatch(name)} == set()


@pytest.mark.parametrize(
    ("pattern", "writer"),
    [
        (r"AuditEntry\.objects\.(bulk_)?create", "sandbox.audit"),
        (r"Option\.objects\.(bulk_)?create", "sandbox.options"),
        (r"async_task\(", "zqyy.durable.entries"),
        (r"group_send", "aijobs.broadcast"),
        (r"import broadcast$", "aijobs.events"),
        (r"TriggerJob\.objects\.(bulk_)?create", "aijobs.job_states"),
        (r"Alert\.objects\.(bulk_)?create", "aijobs.alerts"),
        (r"ClueFeedback\.objects\.(bulk_)?create", "aijobs.feedback"),
        (r"Prompt\.objects\.(bulk_)?create", "aijobs.prompt_versions"),
    ],
    ids=[
        *("audit", "options", "queue", "channel layer", "live messages"),
        *("jobs", "alerts", "feedback", "prompts"),
    ],
)
def test_each_table_has_one_writer(pattern: str, writer: str) -> None:
    assert callers_of(pattern) <= {writer}


def test_released_sql_has_both_directions() -> None:
    ups = {path.name.removesuffix(".up.sql") for path in ROOT.glob("*/sql/*.up.sql")}
    downs = {path.name.removesuffix(".down.sql") for path in ROOT.glob("*/sql/*.down.sql")}

    assert ups == downs
