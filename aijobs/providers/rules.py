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
        text = AI_APPS[request.app].rules(request.features).model_dump_json()
        return Completion(
            text=text,
            tokens_in=estimate_tokens(request.prompt),
            tokens_out=estimate_tokens(text),
            model=self.model_of(request.app),
            is_estimated=True,
        )
