"""Text from outside as PostgreSQL keeps it."""

from __future__ import annotations


def storable(text: str) -> str:
    """The text with U+FFFD for NUL and for half a surrogate pair; two halves become their one
    character, as in an answer whose pieces broke it apart.
    """
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\0", "\ufffd")
