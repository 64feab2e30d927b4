"""What one example consists of, whatever it is an example of: an analysis or a conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from django.utils.functional import Promise

from sandbox.models import Site


@dataclass(frozen=True)
class Line:
    """A sentence as somebody reads it, and what it rests on where that does not stand in it."""

    text: str
    evidence: str = ""


@dataclass(frozen=True)
class Section:
    """Lines under a heading, such as 要当心, or a question of a conversation; "" has none."""

    heading: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Sample:
    """One example.

    Attributes:
        about: whom or what, such as a member or a range and area.
        as_of: D.
        note: what makes it different from others: a stage, a number of services.
        source: where all of it comes from, once for the whole. command: how to make it oneself.
    """

    site: Site
    about: str
    as_of: date
    sections: Sequence[Section]
    note: str = ""
    source: str = ""
    command: str = ""

    @property
    def text(self) -> str:
        """The sentences alone."""
        return "\n".join(line.text for section in self.sections for line in section.lines)


@dataclass(frozen=True)
class Wanted:
    """Examples of which stores and dates, and how many; the same seed draws the same.

    Attributes:
        again: made anew, even where a result is there for the date.
    """

    sites: Sequence[Site]
    dates: Sequence[date]
    count: int
    seed: int
    again: bool = False

    def random(self, what: str) -> Random:
        """The same draws for the same purpose."""
        return Random(f"{self.seed} {what}")  # noqa: S311  examples, no secret


@dataclass(frozen=True)
class Series:
    """The examples of one app, one file.

    Attributes:
        collect: makes them; an app that talks makes conversations in it.
    """

    key: str
    title: Promise | str
    collect: Callable[[Wanted], Iterable[Sample]]
