"""How targets are written as ids, and what is refused as one."""

from __future__ import annotations

import pytest

from aijobs.registry import AI_APPS
from aijobs.targets import CELL, MEMBER, PAIR, Target, read_target
from sandbox.errors import BadRequest, NotFound

TARGETS = {
    "12": (MEMBER, Target(member_id=12)),
    "3_12": (PAIR, Target(assistant_id=3, member_id=12)),
    "this_month__all": (CELL, Target(range_key="this_month")),
    "last_6_months__hallA": (CELL, Target(range_key="last_6_months", area="hallA")),
}


@pytest.mark.parametrize("target_id", TARGETS)
def test_a_target_is_written_and_read_as_its_id(target_id):
    form, target = TARGETS[target_id]

    assert form.write(target) == target_id
    assert form.read(target_id) == target
    assert read_target(target_id) == target


@pytest.mark.parametrize(
    ("form", "target_id"),
    [
        (MEMBER, ""),
        (MEMBER, "0"),
        (MEMBER, "012"),
        (MEMBER, "１２"),
        (MEMBER, "-1"),
        (MEMBER, "9" * 19),
        (MEMBER, "3_12"),
        (PAIR, "12"),
        (PAIR, "3_"),
        (PAIR, "3_12_1"),
        (CELL, "this_month"),
        (CELL, "this_month__"),
        (CELL, "this_year__all"),
        (CELL, "all__this_month"),
        (CELL, f"this_month__{'x' * 33}"),
    ],
)
def test_what_is_written_otherwise_is_no_target(form, target_id):
    with pytest.raises(NotFound):
        form.read(target_id)


@pytest.mark.parametrize(
    ("app", "target_id"),
    [
        ("app1_chat", "12"),
        ("app2_finance", "this_week__all"),
        ("app2a_finance_area", "this_week__vip"),
        ("app3_clue", "12"),
        ("app4_analysis", "3_12"),
        ("app5_tactics", "3_12"),
        ("app6_note", "12"),
        ("app7_customer", "12"),
        ("app8_consolidate", "12"),
    ],
)
def test_every_app_files_its_results_under_its_own_kind_of_id(app, target_id):
    assert AI_APPS[app].target_id(AI_APPS[app].form.read(target_id)) == target_id


@pytest.mark.parametrize("target", [target for _form, target in TARGETS.values()])
def test_a_payload_says_what_is_given(target):
    assert Target.from_payload(target.as_payload()) == target
    assert None not in target.as_payload().values()


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"member_id": "x"}, "member_id"),
        ({"assistant_id": True}, "assistant_id"),
        ({"range_key": "this_year"}, "range_key"),
        ({"range_key": ["this_week"]}, "range_key"),
        ({"area": 7}, "area"),
        ({"source": "manual"}, "source"),
    ],
)
def test_what_cannot_be_a_target_is_refused_by_name(payload, field):
    with pytest.raises(BadRequest) as refusal:
        Target.from_payload(payload)

    assert list(refusal.value.fields) == [field]
