"""Rows of the demo's files, as text."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def yuan(hundredths: int) -> str:
    """Cents as yuan with two places."""
    whole, rest = divmod(abs(hundredths), 100)
    return f"{'-' if hundredths < 0 else ''}{whole}.{rest:02d}"
