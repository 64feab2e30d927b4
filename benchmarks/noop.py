"""A chain of three steps that do nothing, and a bare task beside it: what the engine itself costs.

An application of the benchmark's settings, so that the workers know them as well.
"""

from __future__ import annotations

from itertools import pairwise

from django.apps import AppConfig
from pydantic import BaseModel

EVENT = "noop"
STEPS = ("noop1", "noop2", "noop3")


def do_nothing() -> None:
    """The bare task."""


class Nothing(BaseModel):
    """The output of a step that does nothing."""


class NoopConfig(AppConfig):
    name = "benchmarks"

    def ready(self) -> None:
        from aijobs.ai_apps.base import AIApp, Features
        from aijobs.chains import CHAINS, Chain, ChainStep, Group
        from aijobs.registry import AI_APPS
        from aijobs.targets import MEMBER

        class NoopApp(AIApp):
            def first_prompt(self) -> str:
                return ""

        for name in STEPS:
            AI_APPS[name] = NoopApp(
                key=name,
                title=name,
                cache_type=name,
                form=MEMBER,
                needs=("member_id",),
                build_features=lambda ctx, target, in_chain: Features(values={}),
                output=Nothing,
                rules=lambda features: Nothing(),
                max_output_tokens=1,
            )
        steps = [ChainStep(STEPS[0])]
        steps += [ChainStep(name, after=(before,)) for before, name in pairwise(STEPS)]
        CHAINS.append(
            Chain(
                event_type=EVENT,
                alias="ai_noop",
                needs=("member_id",),
                groups=(Group(key=EVENT, claimed_by=("member_id",), steps=tuple(steps)),),
            )
        )
