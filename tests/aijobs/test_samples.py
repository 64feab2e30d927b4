"""Examples for people to judge: every app's, the same each time, each sentence with its evidence."""

from __future__ import annotations

import re
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from aijobs.models import Run
from aijobs.registry import AI_APPS
from aijobs.samples.sample import Wanted
from aijobs.samples.series import SERIES
from aijobs.samples.targets import draw_members, draw_whole_stores
from metrics.builds import build_site
from metrics.models import Member, Note
from sandbox.context import use_context
from sandbox.models import SiteGrant
from sandbox.options import set_option
from tests.aijobs.askers import make_user
from tests.aijobs.store import Store

COUNT = 3


@pytest.fixture
def small(transactional_db) -> Store:
    """Three guests of different habits, two assistants' worth of history, a note about each; a
    manager who may ask."""
    store = Store()
    make_user(store, "manager")
    with use_context(store.live):
        for number, (name, every, paid) in enumerate(
            [("钱小满", 9, "260"), ("孙大海", 25, "75")], start=2
        ):
            guest = store.add_member(f"east-m{number}", name, f"1380000000{number}")
            for visit in range(1, 7):
                store.add_bill(store.day(2 + every * visit), member=guest, paid=paid)
        for number, text in enumerate(
            ["答应下次给他留三号台", "抱怨空调太冷，坐了半小时就走了", "习惯周五晚上来"], start=1
        ):
            note = store.add_note(text, ago=number)
            guest = Member.objects.get(external_id=f"east-m{number}")
            Note.objects.filter(pk=note.pk).update(member=guest)
    build_site(site=store.site, full=True)
    return store


def write(folder: Path, *arguments: str) -> dict[str, str]:
    """The pages by app."""
    call_command(
        "write_samples",
        "--site=east",
        f"--count={COUNT}",
        f"--to={folder}",
        *arguments,
        stdout=StringIO(),
    )
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.iterdir())}


def samples_of(page: str) -> list[str]:
    """The text of each sample, without its heading and sources."""
    parts = re.split(r"^## \d+\. .*$", page, flags=re.MULTILINE)[1:]
    return [re.sub(r"<sub>.*</sub>", "", part).strip() for part in parts]


@pytest.mark.slow
def test_every_app_has_its_page_and_a_second_call_writes_the_same(small, tmp_path):
    day = f"--as-of={small.day(1).isoformat()}"

    pages = write(tmp_path / "first", day)
    with use_context(small.live):
        runs = Run.objects.count()
    again = write(tmp_path / "second", day)

    assert set(pages) == {series.key for series in SERIES}
    assert again == pages
    with use_context(small.live):
        assert Run.objects.count() == runs


@pytest.mark.slow
def test_no_two_members_are_told_the_same(small, tmp_path):
    pages = write(tmp_path, f"--as-of={small.day(1).isoformat()}")

    for app in ("app3_clue", "app6_note", "app7_customer", "app8_consolidate"):
        texts = samples_of(pages[app])
        assert len(texts) == COUNT, app
        assert len(set(texts)) == COUNT, app


def test_ranges_of_the_same_days_are_one_example(small):
    # In the first month of a quarter the last quarter and the last three months are the same days.
    day = next(
        day
        for day in (small.day(ago) for ago in range(1, 120))
        if day.month in (1, 4, 7, 10) and day.day == 10
    )
    wanted = Wanted(sites=[small.site], dates=[day], count=99, seed=1)

    draws = draw_whole_stores(wanted)

    assert len({draw.days for draw in draws}) == len(draws)


@pytest.mark.slow
def test_each_sentence_has_its_evidence_within_or_beneath_it(small):
    wanted = Wanted(sites=[small.site], dates=[small.day(1)], count=COUNT, seed=1)

    said = [
        line
        for series in SERIES
        for sample in series.collect(wanted)
        for section in sample.sections
        for line in section.lines
        if section.heading != "备注原文" and not line.text.startswith("不要说")
    ]

    assert len(said) > 50
    assert [line.text for line in said if not line.evidence and "依据" not in line.text] == []


def test_a_sample_names_its_date_and_how_to_make_it(small, tmp_path):
    day = small.day(1).isoformat()

    page = write(tmp_path, f"--as-of={day}", "--app", "app3_clue")["app3_clue"]

    assert page.count(f"D = {day}") == COUNT
    assert (
        f"`manage.py run_app app3_clue --site east --member east-m1 --as-of {day} --wait`" in page
    )
    assert "欧阳文轩" in page


def test_what_is_there_is_shown_and_made_anew_only_when_asked(small, tmp_path):
    chosen = [f"--as-of={small.day(1).isoformat()}", "--app", "app2_finance"]
    write(tmp_path, *chosen)
    write(tmp_path, *chosen)
    with use_context(small.live):
        once = Run.objects.count()

    write(tmp_path, *chosen, "--again")

    with use_context(small.live):
        assert Run.objects.count() == 2 * once


def test_another_seed_draws_others(small):
    def drawn(seed: int) -> list[tuple[int | None, date]]:
        dates = [small.day(ago) for ago in range(1, 30)]
        wanted = Wanted(sites=[small.site], dates=dates, count=3, seed=seed)
        return [(draw.target.member_id, draw.ctx.business_date) for draw in draw_members(wanted)]

    assert drawn(1) == drawn(1)
    assert any(drawn(seed) != drawn(1) for seed in range(2, 5))


def test_a_store_that_pays_for_its_ai_gets_no_examples(small, tmp_path):
    with use_context(small.live):
        set_option(key="ai_provider", value="openai", site=small.site, actor_id=None)

    with pytest.raises(CommandError, match="openai"):
        write(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--app", "app9"], "app9"), (["--as-of", "2999-01-01"], "2999-01-01")]
)
def test_what_cannot_be_written_is_said(small, tmp_path, arguments, words):
    with pytest.raises(CommandError, match=words):
        write(tmp_path, *arguments)


def test_every_app_is_a_series():
    assert [series.key for series in SERIES] == list(AI_APPS)


def test_a_conversation_shows_beneath_each_answer_the_figures_it_cites(small, tmp_path):
    page = write(tmp_path, f"--as-of={small.day(1).isoformat()}", "--app", "app1_chat")["app1_chat"]

    assert "**昨天生意怎么样？**\n\n- 全店昨天" in page
    assert "  - *依据：〔1〕营业额（应收），全店，" in page
    assert "**那上周呢？**" in page
    # Nobody's number is left where a name belongs.
    assert not re.search(r"(会员|助教)#\d", page)
    assert "{" not in page


def test_without_anybody_who_may_ask_there_is_no_conversation(small, tmp_path):
    SiteGrant.objects.all().delete()

    with pytest.raises(CommandError, match="app1_chat: no account of a manager"):
        write(tmp_path, "--app", "app1_chat")
