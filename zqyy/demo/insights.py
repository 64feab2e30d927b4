"""What AI says of those to be called today, so that whoever opens their pages first can read it."""

from __future__ import annotations

from aijobs.jobs import open_app_run, open_clue_refresh
from aijobs.targets import Target
from metrics.calls import calls_of_today
from sandbox.context import live_context, use_context
from sandbox.models import Site

OF_MEMBERS = ("app7_customer",)
OF_PAIRS = ("app4_analysis", "app5_tactics")


def ask_about_calls(*, site: Site) -> int:
    """Open the jobs whose results stand on the pages of those members; how many there are.

    In this order, for the workers take the oldest first: an app reads what the ones before it
    have written.
    """
    ctx = live_context(site)
    with use_context(ctx):
        calls = calls_of_today(ctx=ctx).calls
        for call in calls:
            open_clue_refresh(ctx=ctx, member_id=call.member_id, triggered_by="command")
        members = [Target(member_id=call.member_id) for call in calls]
        pairs = [
            Target(member_id=call.member_id, assistant_id=call.assistant_id)
            for call in calls
            if call.assistant_id is not None
        ]
        wanted = [(app, target) for app in OF_MEMBERS for target in members]
        wanted += [(app, target) for app in OF_PAIRS for target in pairs]
        for app, target in wanted:
            open_app_run(ctx=ctx, app=app, target=target.as_payload(), triggered_by="command")
    return len(calls) + len(wanted)
