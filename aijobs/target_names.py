"""What the targets of runs are called at D: people by their names, ranges and areas in words."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from aijobs.models import Run
from aijobs.pseudonyms import assistant_token, member_token, names_of
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.calculations.areas import ALL, AreaTree
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound


def put_target_names(runs: Collection[Run], *, ctx: RuntimeContext) -> None:
    """As `target_called` on each, in as many queries for many as for one."""
    targets = {run.pk: target_of_run(run) for run in runs}
    known = [target for target in targets.values() if target]
    tokens = {member_token(one.member_id) for one in known if one.member_id}
    tokens |= {assistant_token(one.assistant_id) for one in known if one.assistant_id}
    names = names_of(tokens, ctx=ctx) if tokens else {}
    areas = AreaTree(ctx=ctx).names if any(one.range_key for one in known) else {}
    for run in runs:
        target = targets[run.pk]
        run.target_called = (  # type: ignore[attr-defined]
            target_title(target, names, areas) if target else run.target_id
        )


def target_of_run(run: Run) -> Target | None:
    """None: its app is gone, or writes its targets differently by now."""
    app = AI_APPS.get(run.app)
    try:
        return app.form.read(run.target_id) if app else None
    except NotFound:
        return None


def target_title(target: Target, names: dict[str, str], areas: dict[str, str]) -> str:
    if target.question_id is not None:
        return _("question #%(id)d") % {"id": target.question_id}
    if target.range_key is not None:
        area = _("the whole store") if target.area == ALL else areas.get(target.area, target.area)
        return f"{capfirst(RANGES[target.range_key])} · {area}"
    tokens = []
    if target.assistant_id is not None:
        tokens.append(assistant_token(target.assistant_id))
    if target.member_id is not None:
        tokens.append(member_token(target.member_id))
    return " · ".join(names.get(token, token) for token in tokens)


def finance_page(target: Target) -> str:
    """Where the finance insight of a range and area is read."""
    query = urlencode({"range": target.range, "area": target.area})
    return f"{reverse('admin:index')}?{query}#finance"
