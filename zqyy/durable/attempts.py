"""What a task has to say when it fails for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zqyy.durable.leases import MAX_DEATHS, Held, LeaseLost, is_last_attempt
from zqyy.durable.outages import insist


class KillsItsWorkers(Exception):
    """The work is given up: whoever took it in hand died."""

    def __init__(self, deaths: int) -> None:
        super().__init__(f"its worker died {deaths} times")


@contextmanager
def telling_when_given_up(held: Held, tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with the reason when the block raises and will not be tried again.

    The error goes on to the lease, which counts the attempts. A lost lease is no failure. Work
    that killed its workers gets one more delivery, in which the block is not entered.
    """
    try:
        if held.deaths >= MAX_DEATHS:
            raise KillsItsWorkers(held.deaths)
        yield
    except LeaseLost:
        raise
    except Exception as error:
        if insist(lambda: is_last_attempt(held)):
            reason = f"{type(error).__name__}: {error}"
            insist(lambda: tell(reason))
        raise
