"""Phone numbers as everybody may see them."""

from __future__ import annotations


def mask_phone(phone: str) -> str:
    """The first 3 and last 4 digits (138****5678); shorter numbers show their last 2 at most."""
    if len(phone) >= 11:
        return f"{phone[:-8]}****{phone[-4:]}"
    return "*" * (len(phone) - 2) + phone[-2:] if len(phone) > 4 else "*" * len(phone)
