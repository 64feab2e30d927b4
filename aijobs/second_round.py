"""The second question of an app that looks something up: for its answer, a text, somebody waits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from aijobs.ai_apps.base import Listener, SecondRound, as_data
from aijobs.errors import InvalidOutput, PromptError, StepError
from aijobs.gate import Gate, Purpose
from aijobs.inputs import Inputs
from aijobs.prompt_versions import newest_prompt
from sandbox.context import RuntimeContext, use_context
from zqyy.durable.leases import LeaseLost
from zqyy.durable.outages import OUTAGE, insist

logger = logging.getLogger(__name__)

_REPAIR = """{prompt}

上一次的回答不合格，原因：{error}
上一次的回答在 <answer> 与 </answer> 之间：
<answer>
{answer}
</answer>
请按要求重写，只输出给提问人看的文字。
"""
# Of a bad answer, as much as a repair needs to see.
_ANSWER_CHARACTERS = 2000


def ask_again(
    ctx: RuntimeContext,
    gate: Gate,
    first: Inputs,
    second_round: SecondRound,
    wanted: dict[str, Any],
) -> tuple[str, Callable[[str], dict[str, Any]]]:
    """Look up what the first answer wanted and ask with it, once more if the text is not good
    enough. The text, and what reads the result from it.

    Raises:
        PromptError: it cannot be looked up. And as Gate.ask.
    """
    inputs, listener = insist(lambda: _look_up(ctx, first, second_round, wanted))
    read = partial(second_round.read, inputs.features)
    text = gate.ask(inputs.prompt, Purpose.ANSWER, inputs=inputs, listener=listener).text
    try:
        read(text)
    except InvalidOutput as error:
        prompt = _REPAIR.format(
            prompt=inputs.prompt,
            answer=as_data(text[:_ANSWER_CHARACTERS]),
            error=as_data(str(error)),
        )
        text = gate.ask(prompt, Purpose.REPAIR, listener=listener).text
    return text, read


def _look_up(
    ctx: RuntimeContext, first: Inputs, second_round: SecondRound, wanted: dict[str, Any]
) -> tuple[Inputs, Listener]:
    """What the second question sends, and who reads its answer along."""
    try:
        with use_context(ctx):
            features = second_round.look_up(ctx, first.target, wanted)
            asked = newest_prompt(first.app)
            inputs = replace(
                first,
                prompt=first.app.prompt(features.values, asked.template),
                prompt_version=asked.version,
                features=features.values,
                references=features.references(),
            )
            return inputs, second_round.listen(ctx, first.target, features.values)
    except (StepError, LeaseLost, *OUTAGE):
        raise
    except Exception as error:
        logger.exception("nothing looked up for %s", first.app.key)
        raise PromptError(type(error).__name__) from error
