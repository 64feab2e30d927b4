"""The stand-in under the names that tests had for it."""

from __future__ import annotations

from aijobs.standin.answers import ANSWERS
from aijobs.standin.server import KEY, StandIn
from aijobs.standin.shapes import DashScopeShape, Reply

__all__ = ["ANSWERS", "KEY", "ProviderServer", "answer_of", "error_of"]
ProviderServer = StandIn


def answer_of(text: str, *, prompt: str = "") -> dict:
    """DashScope's body around a text."""
    return DashScopeShape().answer(Reply(text, len(prompt), len(text), "r-1"))


def error_of(code: str) -> dict:
    return DashScopeShape().error(code, "r-1")
