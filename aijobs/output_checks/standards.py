"""What an output model says of its fields beyond their type, and the texts that it finds by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Standard:
    """An annotation of a field of an output.

    Attributes:
        most: characters. most_entries: of a list.
        is_key: a key of ours, no text.
        is_figure: the field holds a number, as a number or as a text.
        is_needed: empty is a fault, though not one that makes the answer invalid.
        to_guest: these words are said to a guest.
        offers_nothing: discounts, prices, gifts, events and staff only as the features have them.
        gives_nothing: the same of what staff read, where a price or an event may be spoken of.
        reaches_out: may have somebody turn to a member, if consent and the hour allow it.
        is_deed, is_owner, is_due: what is to be done, by whom, by when.
        reckon: what the prompt has the field worked out to, from the features; `within`: how far a
            number may be from it.
        sheds: an entry of this list that touches a forbidden topic is left out.
    """

    most: int | None = None
    most_entries: int | None = None
    is_key: bool = False
    is_figure: bool = False
    is_needed: bool = False
    to_guest: bool = False
    offers_nothing: bool = False
    gives_nothing: bool = False
    reaches_out: bool = False
    is_deed: bool = False
    is_owner: bool = False
    is_due: bool = False
    reckon: Callable[[dict[str, Any]], Any] | None = None
    within: int = 0
    sheds: bool = False


PLAIN = Standard()


@dataclass(frozen=True)
class Said:
    """One field of an answer that holds text. `field`: its path, such as `clues.0.summary`."""

    field: str
    text: str
    standard: Standard


def texts_of(output: BaseModel) -> Iterator[Said]:
    """Every text of an answer, and every empty field that should not be."""
    for name, field in type(output).model_fields.items():
        yield from _texts_in(getattr(output, name), name, _standard_of(field.metadata))


def lists_of(output: BaseModel) -> Iterator[tuple[str, list[Any], Standard]]:
    """The lists that an answer consists of, by name."""
    for name, field in type(output).model_fields.items():
        if isinstance(value := getattr(output, name), list):
            yield name, value, _standard_of(field.metadata)


def reckoned_of(output: BaseModel) -> Iterator[tuple[str, Any, Standard]]:
    """What of an answer follows from the features alone, by name."""
    for name, field in type(output).model_fields.items():
        standard = _standard_of(field.metadata)
        if standard.reckon is not None:
            yield name, getattr(output, name), standard


def _standard_of(metadata: list[Any]) -> Standard:
    return next((mark for mark in metadata if isinstance(mark, Standard)), PLAIN)


def _texts_in(value: Any, field: str, standard: Standard) -> Iterator[Said]:
    if isinstance(value, BaseModel):
        for said in texts_of(value):
            yield Said(f"{field}.{said.field}", said.text, said.standard)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _texts_in(entry, f"{field}.{number}", standard)
    elif isinstance(value, str) or standard.is_needed or (standard.is_figure and value is not None):
        yield Said(field, "" if value is None else str(value), standard)
