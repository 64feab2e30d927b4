"""`rules`: the analyst of the first run. It computes, and says so in every record."""

from __future__ import annotations

from aijobs.providers.base import Completion, Request, estimate_tokens
from aijobs.registry import AI_APPS


class Rules:
    """Answers from the features that the prompt carries; the same features, the same answer."""

    name = "rules"

    def model_of(self, app: str) -> str:
        return "rules-1"

    def complete(self, request: Request) -> Completion:
        answer = AI_APPS[request.app].rules(request.features)
        text = answer if isinstance(answer, str) else answer.model_dump_json()
        if request.on_text is not None:
            for line in text.splitlines(keepends=True):
                request.on_text(line)
        return Completion(
            text=text,
            tokens_in=estimate_tokens(request.prompt),
            tokens_out=estimate_tokens(text),
            model=self.model_of(request.app),
            is_estimated=True,
        )
