"""app2_finance: what a range was like for the whole store, and what to do about it."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aijobs.ai_apps import finance_rules
from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.finance_features import describe_finance
from aijobs.ai_apps.outputs import FinanceInsight
from aijobs.targets import CELL, Target
from metrics.calculations.areas import ALL
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest


def check_area(ctx: RuntimeContext, target: Target) -> None:
    """The whole store only.

    Raises:
        BadRequest: the target names another area.
    """
    if target.area != ALL:
        message = _("app2_finance takes the area `all` only; app2a_finance_area takes the others.")
        raise BadRequest(message, code="target_incomplete", fields={"area": [message]})


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    return describe_finance(ctx, target)


APP = AIApp(
    key="app2_finance",
    title=gettext_lazy("Finance insight"),
    cache_type="app2_finance",
    form=CELL,
    needs=("range_key",),
    build_features=build_features,
    output=FinanceInsight,
    rules=finance_rules.describe,
    max_output_tokens=1500,
    check=check_area,
)
