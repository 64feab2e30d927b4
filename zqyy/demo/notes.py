"""Notes about members, as staff write them down after a visit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from zqyy.demo import note_phrases as phrases
from zqyy.demo.bills import Bill
from zqyy.demo.days import Days
from zqyy.demo.members import Member
from zqyy.demo.staff import Assistant
from zqyy.demo.words import (
    AREA_WORDS,
    CUE_AREAS,
    count_words,
    hour_words,
    table_words,
    weekday_words,
)

# How often a visit, and a new member's first one, leaves a note.
_SHARE = 0.036
_FIRST_SHARE = 0.4
_SENTENCES = ((1, 2, 3), (35, 45, 20))
# Said only of those who played pool or snooker.
_AT_THE_TABLE = re.compile(
    "台呢|台子|球友|学球|很久没碰|体验课|陪打|打完|打得|别的店打|先打|打到|打一"
)
_DESK_NAMES = "小陈 小吴 小林 小何 小郭 小罗 小高 小梁".split()


@dataclass(slots=True)
class Note:
    """What somebody wrote down about a member; `complaint` names what they complained about."""

    day: int
    minute: int
    member: int
    text: str
    author: str
    complaint: str = ""
    number: str = ""


@dataclass(frozen=True)
class Traits:
    """What is true of a guest whoever writes it down, so that no two notes contradict."""

    drink: str
    cue: str
    has_own_cue: bool
    is_skilled: bool
    is_thrifty: bool
    drives: bool
    travel: str
    temper: str
    pals: tuple[str, str]
    friend: str
    table: str


def write_notes(
    random: Random,
    *,
    days: Days,
    members: list[Member],
    assistants: list[Assistant],
    visits: list[list[Bill]],
    recharges: dict[tuple[int, int], int],
) -> list[Note]:
    """The notes of a store in the order of the clock.

    Args:
        visits: each member's bills.
        recharges: principal in cents by (member, day).
    """
    desk = [f"前台{name}" for name in random.sample(_DESK_NAMES, 3)] + ["店长"]
    notes: list[Note] = []
    for index, member in enumerate(members):
        traits, told = _draw_traits(random, member, visits[index]), set[str]()
        for bill in visits[index]:
            share = _FIRST_SHARE if bill.day == member.joined_day else _SHARE
            if random.random() >= share:
                continue
            minute = bill.end + random.randint(2, 25)
            served = [assistants[service.assistant].name for service in bill.services]
            scene = _Scene(
                date=days.date_of(bill.day),
                member=member,
                traits=traits,
                bill=bill,
                is_first=bill.day == member.joined_day,
                coach=served[0] if served else "",
                recharged=recharges.get((index, bill.day), 0),
            )
            text, complaint = scene.describe(random, told)
            author = served[0] if served and random.random() < 0.6 else random.choice(desk)
            if days.has_passed(bill.day, minute):
                notes.append(Note(bill.day, minute, index, text, author, complaint))
    notes.sort(key=lambda note: (note.day, note.minute))
    for number, note in enumerate(notes, start=1):
        note.number = f"N{number:05d}"
    return notes


def _draw_traits(random: Random, member: Member, bills: list[Bill]) -> Traits:
    drives = random.random() < 0.35
    travel = [*phrases.TRAVEL, *([phrases.LAST_TRAIN] if member.start < 21 * 60 else [])]
    usual = [bill.table for bill in bills if bill.area == member.area]
    first, second = random.sample(phrases.PALS, 2)
    return Traits(
        drink=random.choice(phrases.DRINKS),
        cue=random.choice(phrases.CUES),
        has_own_cue=random.random() < 0.3,
        is_skilled=random.random() < 0.45,
        is_thrifty=random.random() < 0.6,
        drives=drives,
        travel=random.choice(phrases.DRIVING if drives else travel),
        temper=random.choice(phrases.TEMPERS),
        pals=(first, second),
        friend=random.choice(phrases.FRIENDS),
        table=random.choice(usual) if usual else "",
    )


@dataclass(frozen=True)
class _Scene:
    """A visit, and what may be written about it."""

    date: date
    member: Member
    traits: Traits
    bill: Bill
    is_first: bool
    coach: str
    recharged: int

    def describe(self, random: Random, told: set[str]) -> tuple[str, str]:
        """One to three sentences of different subjects, and what was complained about.

        Phrases in `told` are not used again; those used are added.
        """
        subjects = dict(self._first_subjects() if self.is_first else self._subjects())
        wanted = random.choices(*_SENTENCES)[0]
        chosen: list[str] = []
        complaint = ""
        if self.is_first:
            chosen.append(random.choice([*filter(self._fits, phrases.FIRST_VISIT)]))
        while len(chosen) < wanted and subjects and not complaint:
            weights = [len(texts) for texts in subjects.values()]
            subject = random.choices(list(subjects), weights)[0]
            texts = subjects.pop(subject)
            fresh = [text for text in texts if text not in told and self._fits(text)]
            if fresh:
                chosen.append(random.choice(fresh))
                complaint = phrases.TOPICS.get(chosen[-1], "")
        told.update(chosen)
        return "".join(self._fill(text) for text in chosen), complaint

    def _fits(self, text: str) -> bool:
        if self.bill.area not in CUE_AREAS and _AT_THE_TABLE.search(text):
            return False
        if "停车券" in text:
            return self.traits.drives
        return "{table}" not in text or bool(self.traits.table)

    def _fill(self, text: str) -> str:
        member, birthday = self.member, self.member.birthday
        return text.format(
            he="她" if member.is_woman else "他",
            area=AREA_WORDS[member.area],
            table=table_words(self.traits.table),
            here=table_words(self.bill.table),
            hour=hour_words(member.start),
            weekday=weekday_words(member.weekday),
            coach=self.coach,
            drink=self.traits.drink,
            cue=self.traits.cue,
            pal=self.traits.pals[self.bill.day % 2],
            friend=self.traits.friend,
            others=count_words(self.bill.guests - 1),
            amount=f"{self.recharged // 100}元",
            birthday=f"{birthday.month}月{birthday.day}日" if birthday else "",
        )

    def _first_subjects(self) -> Iterator[tuple[str, Sequence[str]]]:
        """The same of somebody whom nobody knows yet."""
        yield "impression", phrases.FIRST_IMPRESSION
        yield "wish", [*phrases.FIRST_WISH, *(() if self.coach else phrases.FIRST_COACHING)]
        if self.bill.guests > 1:
            yield "company", phrases.FRIENDS_ALONG[:2]

    def _subjects(self) -> Iterator[tuple[str, Sequence[str]]]:
        """Phrases by subject; a subject with more of them is written about more often."""
        plays = self.bill.area in CUE_AREAS
        yield "habit", [*phrases.HABIT, self.traits.travel, self.traits.temper]
        yield "times", [*phrases.TIMES, *self._of_the_hour(), *self._of_the_season()]
        if plays:
            yield (
                "table",
                [
                    *phrases.CUE_TABLE,
                    *(phrases.OWN_CUE if self.traits.has_own_cue else phrases.HOUSE_CUE),
                ],
            )
            yield (
                "play",
                [
                    *phrases.PLAY,
                    *(phrases.SKILLED if self.traits.is_skilled else phrases.BEGINNER),
                    *(phrases.SNOOKER if self.bill.area == "snooker" else ()),
                ],
            )
            yield (
                "events",
                [
                    *phrases.EVENTS,
                    *(phrases.RESULTS if self.traits.is_skilled else ()),
                    *phrases.PARTIES,
                ],
            )
        else:
            yield "play", phrases.MAHJONG if self.bill.area == "mahjong" else phrases.KTV
            yield "events", phrases.PARTIES
        if plays and self.coach:
            yield "coach", phrases.COACH
        if self.bill.guests > 1:
            yield "company", [*phrases.FRIENDS_ALONG, *phrases.CIRCLE]
        else:
            yield "company", phrases.ALONE
        yield (
            "promise",
            [
                *phrases.PROMISES,
                *(phrases.CUE_PROMISES if plays else ()),
                *(phrases.COACH_PROMISES if plays and self.coach else ()),
            ],
        )
        yield (
            "complaint",
            [
                *phrases.COMPLAINTS,
                *(phrases.CUE_COMPLAINTS if plays else ()),
                *(phrases.COACH_COMPLAINTS if plays and self.coach else ()),
            ],
        )
        yield "birthday", self._of_the_birthday()
        yield (
            "money",
            [
                *(phrases.THRIFTY if self.traits.is_thrifty else phrases.CAREFREE),
                # What happened today is worth more than what is always so.
                *(phrases.RECHARGED * 3 if self.recharged else ()),
                *(phrases.GROUP_BUY * 2 if self.bill.groupbuy_paid else ()),
            ],
        )
        yield "private", phrases.PRIVATE[: self.bill.day % 5]

    def _of_the_hour(self) -> Iterator[str]:
        yield from phrases.WEEKEND if self.member.weekday > 4 else phrases.WORKDAYS
        if self.member.start >= 23 * 60:
            yield from phrases.LATE
        elif self.member.start < 17 * 60:
            yield from phrases.EARLY

    def _of_the_season(self) -> Sequence[str]:
        if self.date.month in (6, 7, 8):
            return phrases.SUMMER
        return phrases.WINTER if self.date.month in (12, 1, 2) else ()

    def _of_the_birthday(self) -> Sequence[str]:
        birthday = self.member.birthday
        if birthday is None:
            return ()
        # In 2000, a leap year, so that 29 February has its place; the turn of the year may pass.
        ahead = (birthday.replace(year=2000) - self.date.replace(year=2000)).days
        if not ahead:
            return phrases.BIRTHDAY_TODAY * 20
        return phrases.BIRTHDAY_SOON * 5 if 0 < ahead <= 14 else ()
