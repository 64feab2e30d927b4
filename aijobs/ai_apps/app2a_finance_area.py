"""app2a_finance_area: what a range was like for one area of the store, and its share."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps import finance_rules
from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.finance_features import describe_finance
from aijobs.ai_apps.outputs import FinanceInsight
from aijobs.errors import NothingToSay
from aijobs.targets import CELL, Target
from metrics.calculations.areas import AreaTree
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound


def check_area(ctx: RuntimeContext, target: Target) -> None:
    """An area that the store has at D.

    Raises:
        NotFound: it has none of this code.
    """
    AreaTree(ctx=ctx).parts(target.area)


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    """The area's finances.

    Raises:
        NothingToSay: the store has no such area.
    """
    try:
        return describe_finance(ctx, target)
    except NotFound as error:
        raise NothingToSay from error


APP = AIApp(
    key="app2a_finance_area",
    title=_("Finance insight of an area"),
    cache_type="app2a_finance_area",
    form=CELL,
    needs=("range_key", "area"),
    build_features=build_features,
    output=FinanceInsight,
    rules=finance_rules.describe,
    max_output_tokens=1500,
    check=check_area,
)
