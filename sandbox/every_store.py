"""What is done for all stores in turn."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.models import Site
from zqyy.durable.outages import OUTAGE

logger = logging.getLogger(__name__)


def in_every_store(act: Callable[[RuntimeContext], None]) -> None:
    """Do something in the live context of each store, one transaction each; what one store raises
    is logged, and the others have their turn.

    Raises:
        OUTAGE: the database is away.
    """
    for site in Site.objects.all():
        try:
            with use_context(live_context(site)) as ctx:
                act(ctx)
        except OUTAGE:
            raise
        except Exception:
            # One store's trouble must not keep the others waiting.
            logger.exception("%s.%s failed in store %s", act.__module__, act.__name__, site.code)
