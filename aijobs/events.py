"""What open pages are told: the shape of every live message. ONLY sender to the channel layer.

A message is a hint: one that is lost costs freshness, never data. Announce after commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from django.db import transaction

from aijobs.broadcast import broadcast

VERSION = 1


def site_group(site_id: int) -> str:
    """Everybody who looks at a store."""
    return f"site.{site_id}"


def user_group(user_id: int) -> str:
    """One person's pages, in every store."""
    return f"user.{user_id}"


def alert_group(site_id: int) -> str:
    """Everybody who may read a store's alerts."""
    return f"alerts.{site_id}"


def after_commit(announce: Callable[[], None]) -> None:
    """Announce once the transaction has committed; a hint that cannot be sent must not end the
    work that has been."""
    # A function of its own: Django asks a failed hook for its name, which a partial has not.
    transaction.on_commit(lambda: announce(), robust=True)


def announce_alert(*, site_id: int, seq: int, payloads: dict[str, dict[str, Any]]) -> None:
    """An alert was raised, or happened again; `payloads` are its shape by language."""
    texts = {
        language: encode_message("alert_created", site_id, payload)
        for language, payload in payloads.items()
    }
    broadcast(alert_group(site_id), {"type": "alert", "seq": seq, "texts": texts})


def announce_acknowledgement(*, site_id: int, alert_ids: list[int]) -> None:
    """Somebody has seen alerts: nobody else need look."""
    _hint(alert_group(site_id), "alert_acknowledged", site_id, {"ids": alert_ids})


def announce_job_progress(
    *, site_id: int, mode: str, business_date: date, job: dict[str, Any]
) -> None:
    """A job moved on; `job` is its shape as of that commit."""
    payload = {**job, "mode": mode, "business_date": business_date.isoformat()}
    _hint(site_group(site_id), "job_progress", site_id, payload)


def announce_cache_update(
    *,
    site_id: int,
    mode: str,
    business_date: date,
    cache_type: str,
    target_id: str,
    triggered_by: str,
) -> None:
    """A new result can be read."""
    payload = {
        "cache_type": cache_type,
        "target_id": target_id,
        "triggered_by": triggered_by,
        "mode": mode,
        "business_date": business_date.isoformat(),
    }
    _hint(site_group(site_id), "cache_updated", site_id, payload)


def announce_context_change(
    *, site_id: int, user_id: int | None, mode: str, business_date: date | None
) -> None:
    """A store (user_id None), or one user's own view of it, is on another business date."""
    payload = {
        "scope": "site" if user_id is None else "me",
        "mode": mode,
        "business_date": business_date.isoformat() if business_date else None,
    }
    group = site_group(site_id) if user_id is None else user_group(user_id)
    _hint(group, "context_changed", site_id, payload)


def announce_chat_delta(
    *,
    site_id: int,
    user_id: int,
    mode: str,
    business_date: date,
    question_id: int,
    number: int | None,
    text: str,
) -> None:
    """A piece of an answer being written; number 0 starts it anew, None says that the answer can be
    read.
    """
    payload = {
        "question": question_id,
        "number": number,
        "text": text,
        "done": number is None,
        "mode": mode,
        "business_date": business_date.isoformat(),
    }
    _hint(user_group(user_id), "chat_delta", site_id, payload)


def encode_message(kind: str, site_id: int, payload: dict[str, Any]) -> str:
    """A message as a client receives it."""
    message = {"v": VERSION, "type": kind, "site_id": site_id, "payload": payload}
    return json.dumps(message, ensure_ascii=False)


def _hint(group: str, kind: str, site_id: int, payload: dict[str, Any]) -> None:
    text = encode_message(kind, site_id, payload)
    broadcast(group, {"type": "hint", "site_id": site_id, "text": text})
