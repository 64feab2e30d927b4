"""What every provider is asked and answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from zqyy.durable.loss import Loss


@dataclass(frozen=True)
class Request:
    """One call.

    Attributes:
        seconds: of wall clock, whatever the socket does; then ProviderError `timeout`.
        features: what the prompt carries, for a provider that computes.
        loss: of the lease; it cuts the call at once.
        on_text: told each piece of the answer as it comes, in the call's thread; what it was told
            is worth nothing unless the call returns. None: nobody listens, it comes as a whole.
    """

    app: str
    prompt: str
    features: dict[str, Any]
    seconds: float
    max_output_tokens: int
    loss: Loss = field(repr=False)
    session_id: str = ""
    on_text: Callable[[str], None] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Completion:
    """The answer and what it cost, in yuan. `is_estimated`: the provider did not count."""

    text: str
    tokens_in: int
    tokens_out: int
    model: str
    request_id: str = ""
    session_id: str = ""
    is_estimated: bool = False
    cost: Decimal = Decimal(0)


class Provider(Protocol):
    name: str

    def model_of(self, app: str) -> str:
        """What will answer for an app, as the run records it before the call."""
        ...

    def complete(self, request: Request) -> Completion:
        """The answer.

        Raises:
            ProviderError: with the code that the run records.
            LeaseLost: the lease went while the call was out.
        """
        ...


def estimate_tokens(text: str) -> int:
    """Tokens of a text that nobody counted: one for 3 bytes of UTF-8, a Chinese character each."""
    return math.ceil(len(text.encode()) / 3)
