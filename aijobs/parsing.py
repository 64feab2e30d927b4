"""From a provider's text to an app's output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from aijobs.ai_apps.base import AIApp, as_data
from aijobs.errors import InvalidOutput

_REPAIR = """{prompt}

上一次的回答不合格，原因：{error}
上一次的回答在 <answer> 与 </answer> 之间：
<answer>
{answer}
</answer>
请只输出一个符合要求的 JSON 对象，不要任何其他文字。
"""
# Of a bad answer, as much as a repair needs to see.
_ANSWER_CHARACTERS = 4000


def parse_output(app: AIApp, text: str) -> dict[str, Any]:
    """The app's output, whatever fences or prose the provider put around it: the last object that is
    one, since a model that thinks aloud ends with its answer.

    Raises:
        InvalidOutput: no JSON object in the text is one; says what is wrong with the best.
    """
    reason = ""
    for found in reversed([*_objects_in(text)]):
        try:
            output = app.output.model_validate(found).model_dump(mode="json")
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            reason = reason or f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
            continue
        _require_storable(output)
        return output
    raise InvalidOutput(reason[:300] or "no JSON object")


def repair_prompt(*, prompt: str, answer: str, error: InvalidOutput) -> str:
    """The question again, with what was wrong with the answer."""
    return _REPAIR.format(prompt=prompt, answer=as_data(answer[:_ANSWER_CHARACTERS]), error=error)


def _objects_in(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects in a text, those within one that was found left out."""
    # Models break lines within texts.
    decoder = json.JSONDecoder(parse_constant=_refuse_constant, strict=False)
    start = text.find("{")
    while start != -1:
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield found
        start = text.find("{", end)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _require_storable(output: dict[str, Any]) -> None:
    """PostgreSQL keeps neither NUL nor half a surrogate pair."""
    text = json.dumps(output, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidOutput("half a surrogate pair") from error
    if "\\u0000" in text:
        raise InvalidOutput("a NUL character")
