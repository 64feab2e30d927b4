"""Orders from another process: what a soak test or a person with curl tells a running stand-in.

GET  /calls               every call so far; ?after=N only those that came later
POST /orders              {"app": "app3_clue" or "*", ...fields of Order}
POST /orders/clear        no order any more
POST /behaviour           {"latency": seconds, "schedule": {"seed": 1, "shares": {...}} or null}
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from aijobs.standin.faults import Schedule

if TYPE_CHECKING:
    from aijobs.standin.server import StandIn


def control(
    stand_in: StandIn, method: str, path: str, body: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    """Status and answer of a request that is no call."""
    parts = urlsplit(path)
    try:
        match method, parts.path:
            case "GET", "/calls":
                after = int(parse_qs(parts.query).get("after", ["0"])[0])
                calls = list(stand_in.calls)
                return 200, {"calls": [asdict(call) for call in calls if call.n > after]}
            case "POST", "/orders":
                order = {"app": "*", **body}
                stand_in.order(order.pop("app"), **order)
            case "POST", "/orders/clear":
                stand_in.clear_orders()
            case "POST", "/behaviour":
                _behave(stand_in, **body)
            case _:
                return 404, {"error": f"no {method} {parts.path}"}
    except (TypeError, ValueError) as error:
        return 400, {"error": str(error)}
    return 200, {}


def _behave(stand_in: StandIn, **behaviour: Any) -> None:
    if "latency" in behaviour:
        stand_in.latency = float(behaviour["latency"])
    if "schedule" in behaviour:
        wanted = behaviour["schedule"]
        stand_in.schedule = Schedule(**wanted) if wanted else None
