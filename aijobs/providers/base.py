"""What every provider is asked and answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from aijobs.storable import storable
from zqyy.durable.loss import Loss

# More than any model reads or writes in a call: whoever counts more has not counted. The sums of a
# run's calls fit their columns.
MOST_TOKENS = 10_000_000


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


def completion_of(
    request: Request,
    *,
    text: str,
    tokens_in: Sequence[Any],
    tokens_out: Sequence[Any],
    model: Any,
    request_id: Any,
    session_id: Any = "",
) -> Completion:
    """The answer of a provider elsewhere as it can be kept, whatever came with its text.

    Args:
        tokens_in, tokens_out: the parts of each count as they came; estimated where one is none.
    """
    text = storable(text)
    counted_in, counted_out = _count(tokens_in), _count(tokens_out)
    return Completion(
        text=text,
        tokens_in=counted_in or estimate_tokens(request.prompt),
        tokens_out=counted_out or estimate_tokens(text),
        model=storable(str(model or "")),
        request_id=storable(str(request_id or "")),
        session_id=storable(str(session_id or "")),
        is_estimated=not (counted_in and counted_out),
    )


def _count(parts: Sequence[Any]) -> int:
    """The tokens of a provider's count; 0: it did not count, or those are no numbers of tokens."""
    # Not isinstance: true is no number.
    if not all(type(part) is int and part >= 0 for part in parts):
        return 0
    total: int = sum(parts)
    return total if total <= MOST_TOKENS else 0


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
