"""The till: it pushes bills until they are taken, whatever happens to the system meanwhile."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, connection

from metrics.importers import push_rows
from sandbox.context import live_context, use_context
from sandbox.models import Site
from sandbox.options import set_option
from tests.factories import bill, make_site, push_assistant

PAUSE_SECONDS = 0.3


@dataclass
class Shop:
    """A store, its members, and today's bills that are still to be pushed.

    Every fourth member has two, each with another assistant.
    """

    site: Site
    members: list[str]
    bills: list[dict] = field(default_factory=list)


def open_shop(code: str, *, members: int, options: dict[str, object]) -> Shop:
    """A store whose members have been there before."""
    site = make_site(code)
    with use_context(live_context(site)):
        for key, value in options.items():
            set_option(key=key, value=value, site=site, actor_id=None)
    assistants = [push_assistant(site, name) for name in ("A1", "A2")]
    names = [f"M{number}" for number in range(members)]
    rows = [{"external_id": name, "name": f"会员{name}"} for name in names]
    push_rows(site=site, kind="members", rows=rows)
    today = live_context(site).business_date
    old = today.replace(year=today.year - 1, day=1)
    push_rows(
        site=site,
        kind="settlements",
        rows=[bill(old, site=site, member=name, external_id=f"{name}-old") for name in names],
    )
    shop = Shop(site, names)
    for number, name in enumerate(names):
        for nth in range(2 if number % 4 == 0 else 1):
            row = bill(today, site=site, member=name, external_id=f"{name}-{nth}")
            service = {
                "external_id": f"{name}-{nth}-1",
                "assistant": assistants[nth],
                "course_type": "base",
                "hours": "1.0",
                "ledger": "80",
            }
            shop.bills.append({**row, "services": [service]})
    return shop


class Till(threading.Thread):
    """Pushes every bill of all shops, evenly over `seconds`, each until it is accepted.

    `has_finished`: the last one was.
    """

    def __init__(self, shops: list[Shop], *, seconds: float) -> None:
        super().__init__(name="till", daemon=True)
        longest = max(len(shop.bills) for shop in shops)
        self._bills = [
            (shop.site, shop.bills[nth])
            for nth in range(longest)
            for shop in shops
            if nth < len(shop.bills)
        ]
        self._pause = seconds / len(self._bills)
        self.has_finished = False

    def run(self) -> None:
        started = time.monotonic()
        try:
            for number, (site, row) in enumerate(self._bills, start=1):
                while not self._push(site, row):
                    time.sleep(PAUSE_SECONDS)
                time.sleep(max(0.0, started + number * self._pause - time.monotonic()))
            self.has_finished = True
        finally:
            connection.close()

    def _push(self, site: Site, row: dict) -> bool:
        """False: the database is away. A bill that was taken after all is unchanged next time."""
        try:
            push_rows(site=site, kind="settlements", rows=[row])
        except (OperationalError, InterfaceError):
            connection.close()
            return False
        return True
