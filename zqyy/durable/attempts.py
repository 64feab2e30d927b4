"""What a task has to say when it fails for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zqyy.durable.leases import Held, LeaseLost, is_last_attempt
from zqyy.durable.outages import insist


@contextmanager
def telling_when_given_up(held: Held, tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with the reason when the block raises and will not be tried again.

    The error goes on to the lease, which counts the attempts. A lost lease is no failure.
    """
    try:
        yield
    except LeaseLost:
        raise
    except Exception as error:
        if insist(lambda: is_last_attempt(held)):
            reason = f"{type(error).__name__}: {error}"
            insist(lambda: tell(reason))
        raise
