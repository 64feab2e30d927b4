"""`@runtime_aware`: a metric function that answers for the context in force."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from sandbox.context import RuntimeContext, current_context

Result = TypeVar("Result", covariant=True)


class RuntimeAware(Protocol[Result]):
    """A decorated metric function: `ctx` may be left out inside a context."""

    metric: str

    def __call__(self, *args: Any, ctx: RuntimeContext | None = None, **kwargs: Any) -> Result: ...


_CTX = inspect.Parameter(
    "ctx", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=RuntimeContext | None
)


def runtime_aware(*, metric: str) -> Callable[[Callable[..., Result]], RuntimeAware[Result]]:
    """Give a function that takes keyword `ctx` the current context when the caller gave none.

    The wrapper publishes its own signature and no `__wrapped__`: decorators around it that bind
    arguments by `inspect.signature` must see `ctx` as optional, and a decorator below it may hide
    the original signature altogether.

    Raises (when called):
        NoContext: neither the caller nor the thread has a context.
    """

    def decorate(function: Callable[..., Result]) -> RuntimeAware[Result]:
        def wrapper(*args: Any, ctx: RuntimeContext | None = None, **kwargs: Any) -> Result:
            return function(*args, ctx=current_context() if ctx is None else ctx, **kwargs)

        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(wrapper, name, getattr(function, name))
        inner = inspect.signature(function)
        parameters = [p for p in inner.parameters.values() if p.name != "ctx"]
        before = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
        after = [p for p in parameters if p.kind is p.VAR_KEYWORD]
        published = cast(Any, wrapper)
        published.__signature__ = inner.replace(parameters=[*before, _CTX, *after])
        published.metric = metric
        return cast(RuntimeAware[Result], wrapper)

    return decorate
