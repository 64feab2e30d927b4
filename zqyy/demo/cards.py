"""Stored-value cards: recharged, consumed, paid back. Balances never fall below zero."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from zqyy.demo.bills import Bill
from zqyy.demo.members import Member
from zqyy.demo.parameters import RECHARGES

_AMOUNTS = [(principal, gift) for principal, gift, _ in RECHARGES]
_WEIGHTS = [weight for _, _, weight in RECHARGES]


@dataclass(slots=True)
class CardEntry:
    """A signed change of a member's card, in cents."""

    day: int
    minute: int
    member: int
    kind: str
    principal: int
    gift: int
    bill: Bill | None = None
    number: str = ""


def open_balance(random: Random, member: Member) -> tuple[int, int]:
    """What the old till had left on a card."""
    principal, gift = random.choices(_AMOUNTS, _WEIGHTS)[0]
    left = random.uniform(0.1, 0.9)
    member.principal, member.gift = round(principal * left), round(gift * left)
    return member.principal, member.gift


def recharge(random: Random, member: Member) -> tuple[int, int]:
    """Put one of the usual amounts on the card."""
    principal, gift = random.choices(_AMOUNTS, _WEIGHTS)[0]
    member.principal += principal
    member.gift += gift
    return principal, gift


def consume(member: Member, amount: int) -> tuple[int, int]:
    """Take principal and gift in proportion to the balance; returns the two, negative.

    Raises:
        ValueError: there is less than that on the card.
    """
    if amount > member.balance:
        raise ValueError(f"{amount} of {member.balance}")
    gift = amount * member.gift // member.balance
    principal = amount - gift
    if principal > member.principal:
        # The gift was rounded down, and the last cent of principal is gone already.
        principal, gift = member.principal, amount - member.principal
    member.principal -= principal
    member.gift -= gift
    return -principal, -gift


def refund(member: Member) -> tuple[int, int]:
    """Pay the principal back; what came as a gift is forfeited."""
    principal, gift = member.principal, member.gift
    member.principal = member.gift = 0
    return -principal, -gift
