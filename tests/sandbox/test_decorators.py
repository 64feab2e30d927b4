"""`@runtime_aware` under and over other decorators: once a production bug."""

from __future__ import annotations

import functools
import inspect
from datetime import date

import pytest

from sandbox.context import RuntimeContext, _current
from sandbox.decorators import runtime_aware
from sandbox.errors import NoContext
from sandbox.models import Mode, Site

CTX = RuntimeContext(Site(pk=1, code="a"), Mode.LIVE, date(2026, 5, 5))
OTHER = RuntimeContext(Site(pk=2, code="b"), Mode.SANDBOX, date(2026, 4, 20))


class Tracer:
    """Binds every call against the published signature while a trace is active."""

    def __init__(self) -> None:
        self.active = True
        self.seen: list[dict] = []

    def __call__(self, function):
        def traced(*args, **kwargs):
            if self.active:
                bound = inspect.signature(function).bind(*args, **kwargs)
                self.seen.append(dict(bound.arguments))
            return function(*args, **kwargs)

        return traced

    def wrapping(self, function):
        return functools.wraps(function)(self(function))


def answer(member_id: int, *, ctx: RuntimeContext) -> tuple[int, RuntimeContext]:
    """Who was asked about, and in which context."""
    return member_id, ctx


@pytest.fixture
def in_context():
    token = _current.set(CTX)
    yield
    _current.reset(token)


@pytest.fixture(params=["plain", "functools.wraps"])
def trace(request):
    tracer = Tracer()
    return tracer, (tracer if request.param == "plain" else tracer.wrapping)


@pytest.mark.parametrize("active", [True, False], ids=["trace active", "trace inactive"])
@pytest.mark.parametrize("given", [OTHER, None], ids=["ctx given", "ctx left out"])
@pytest.mark.parametrize("order", ["trace above", "trace below", "both"])
def test_it_works_under_and_over_a_tracing_decorator(trace, order, given, active, in_context):
    tracer, decorate = trace
    tracer.active = active
    function = answer
    if order in ("trace below", "both"):
        function = decorate(function)
    function = runtime_aware(metric="answer")(function)
    if order in ("trace above", "both"):
        function = decorate(function)
    kwargs = {} if given is None else {"ctx": given}

    assert function(7, **kwargs) == (7, given or CTX)
    assert bool(tracer.seen) is active


def test_it_raises_without_a_context():
    with pytest.raises(NoContext):
        runtime_aware(metric="answer")(answer)(7)


def test_it_publishes_its_own_signature():
    aware = runtime_aware(metric="answer")(answer)

    parameter = inspect.signature(aware).parameters["ctx"]
    assert not hasattr(aware, "__wrapped__")
    assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
    assert parameter.default is None
    assert aware.metric == "answer"
    assert (aware.__name__, aware.__doc__) == (answer.__name__, answer.__doc__)
