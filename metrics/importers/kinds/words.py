"""What people call the kinds and their columns, and what each column may hold, for the templates."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from metrics.importers.kinds.base import Kind


class Word(NamedTuple):
    """A column's heading in a template, and an example of a value."""

    title: Promise | str
    example: str


KIND_TITLES: dict[str, Promise | str] = {
    "areas": _("areas"),
    "closures": _("closed days"),
    "members": _("members"),
    "assistants": _("assistants"),
    "levels": _("levels of assistants"),
    "plans": _("pay plans"),
    "settlements": _("bills"),
    "service_lines": _("service lines"),
    "card_entries": _("card entries"),
    "assignments": _("members’ assistants"),
    "adjustments": _("pay corrections"),
    "tasks": _("tasks"),
    "task_events": _("what became of tasks"),
    "contacts": _("contacts"),
    "notes": _("notes"),
}

_WORDS = {
    "external_id": Word(_("external id"), "X-0001"),
    "void_of": Word(_("number that it voids"), ""),
    "name": Word(_("Name"), "张三"),
    "day": Word(_("Date"), "2026-04-20"),
    "kind": Word(_("Kind"), ""),
    "amount": Word(_("Amount"), "200.00"),
    "reason": Word(_("Reason"), ""),
    "occurred_at": Word(_("time"), "2026-04-20T20:41:00"),
    # What a row refers to
    "member": Word(_("Member number"), "M-0001"),
    "assistant": Word(_("Assistant number"), "A-01"),
    "settlement": Word(_("Bill number"), "B-0001"),
    "task": Word(_("Task number"), "T-0001"),
    "area": Word(_("Area code"), "hallA"),
    # Areas
    "parent": Word(_("part of area"), "hall"),
    "tables": Word(_("number of tables"), "12"),
    "hourly_price": Word(_("price an hour"), "39.00"),
    "minimum_charge": Word(_("minimum charge"), ""),
    # Members
    "phone": Word(_("phone"), "13800000000"),
    "joined_at": Word(_("joined at"), "2025-11-02"),
    "birthday": Word(_("birthday"), "1990-06-15"),
    "is_minor": Word(_("minor"), "否"),
    "do_not_contact": Word(_("do not contact"), "否"),
    # Assistants and their pay
    "level": Word(_("level"), "中级"),
    "hired_at": Word(_("hired at"), "2025-11-02"),
    "left_at": Word(_("left at"), ""),
    "hourly_rate": Word(_("pay an hour"), "60.00"),
    "commission_rate": Word(_("commission rate"), "0.05"),
    "month_rules": Word(_("month rules"), '{"guarantee": "5000.00"}'),
    # Bills
    "settled_at": Word(_("settled at"), "2026-04-20T20:41:00"),
    "gross": Word(_("gross"), "168.00"),
    "discount": Word(_("discount"), "18.00"),
    "paid": Word(_("paid"), "150.00"),
    "card_paid": Word(_("paid by card"), "100.00"),
    "cash_paid": Word(_("paid in cash"), "50.00"),
    "other_paid": Word(_("paid otherwise"), "0.00"),
    "started_at": Word(_("started at"), "2026-04-20T18:20:00"),
    "table": Word(_("table"), "A07"),
    "guests": Word(_("guests"), "2"),
    "table_fee": Word(_("table fee"), "108.00"),
    "assistant_fee": Word(_("assistant fee"), "0.00"),
    "goods_fee": Word(_("goods"), "60.00"),
    "other_fee": Word(_("other fee"), "0.00"),
    "groupbuy_paid": Word(_("paid by group-buy"), "0.00"),
    "coupon_discount": Word(_("coupon discount"), "0.00"),
    # Service lines and card entries
    "course_type": Word(_("course type"), "base"),
    "hours": Word(_("hours"), "1.50"),
    "ledger": Word(_("ledger amount"), "162.00"),
    "principal": Word(_("principal"), "1000.00"),
    "gift": Word(_("gift"), "150.00"),
    # Tasks, contacts, notes
    "assigned_at": Word(_("assigned at"), "2026-04-20T10:30:00"),
    "due_on": Word(_("due"), "2026-04-23"),
    "outcome": Word(_("outcome"), "reached"),
    "note": Word(_("note"), "周四晚上来"),
    "channel": Word(_("channel"), "phone"),
    "words": Word(_("words used"), "张哥，这周四晚老位置给您留着？"),
    "text": Word(_("text"), "喜欢靠窗的台"),
    "author": Word(_("author"), "前台"),
}
# Where a kind's column is something else than the others'.
_OWN = {
    ("areas", "external_id"): Word(_("Area code"), "hallA"),
    ("areas", "name"): Word(_("name"), "大厅A区"),
    ("members", "external_id"): Word(_("Member number"), "M-0001"),
    ("assistants", "external_id"): Word(_("Assistant number"), "A-01"),
    ("assistants", "name"): Word(_("Name"), "小兰"),
    ("settlements", "external_id"): Word(_("Bill number"), "B-0001"),
    ("tasks", "external_id"): Word(_("Task number"), "T-0001"),
    ("tasks", "kind"): Word(_("Kind"), "recall"),
    ("tasks", "reason"): Word(_("Reason"), "12天没来"),
    ("task_events", "kind"): Word(_("Kind"), "done"),
    ("card_entries", "kind"): Word(_("Kind"), "recharge"),
    ("adjustments", "kind"): Word(_("Kind"), "reward"),
    ("adjustments", "day"): Word(_("Effective date"), "2026-04-20"),
    ("plans", "day"): Word(_("Effective date"), "2026-04-01"),
    ("levels", "day"): Word(_("Effective date"), "2026-04-01"),
}


def word_of(kind: Kind, column: str) -> Word:
    """How a column of a kind is headed, and an example of it."""
    return _OWN.get((kind.name, column)) or _WORDS[column]


def titles_of(kind: Kind) -> dict[str, str]:
    """The headings of a kind's columns, by column, in the language of the moment."""
    return {name: str(word_of(kind, name).title) for name in kind.by_name}


def columns_by_writing(kind: Kind) -> dict[str, str]:
    """The kind's columns by everything that a header may call them: their names, and their
    headings in each language.
    """
    found = {name: name for name in kind.by_name}
    for language, _name in settings.LANGUAGES:
        with override(language):
            for name, title in titles_of(kind).items():
                found.setdefault(title, name)
    return found
