"""app1_chat: a question of a user about the store, answered from the figures they may see.

First round: which figures are needed. They are worked out in between, as the asker. Second round:
the text, which cites them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aijobs import chat_log
from aijobs.ai_apps import chat_rules
from aijobs.ai_apps.base import AIApp, Features, InChain, SecondRound
from aijobs.ai_apps.chat_answers import read_answer
from aijobs.ai_apps.member_features import WEEKDAYS
from aijobs.ai_apps.outputs import LookupList
from aijobs.chat_deltas import ChatListener, announce_answer
from aijobs.errors import NothingToSay
from aijobs.events import after_commit
from aijobs.lookups import Asker, look_up
from aijobs.lookups.people import hide_people
from aijobs.lookups.periods import PERIODS
from aijobs.models import ChatQuestion, Run
from aijobs.pseudonyms import assistant_token, member_token, names_of, put_names
from aijobs.targets import QUESTION, Target
from metrics.calculations.areas import AreaTree
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest
from sandbox.models import Mode

# Of an answer before, as much as one needs to follow.
REMEMBERED_CHARACTERS = 400
# Of each kind; a list of sixty helps nobody.
EXAMPLES = 8
_ENTITIES = {
    "site": "门店",
    "site_area": "门店",
    "members": "会员",
    "member": "会员",
    "assistant": "助教",
    "pair": "助教与会员",
}


def refuse(ctx: RuntimeContext, target: Target) -> None:
    """
    Raises:
        BadRequest: always: a question is somebody's, and opened by them (aijobs.asking).
    """
    message = _("A question is asked through the chat, by whoever wants to know.")
    raise BadRequest(message, code="target_incomplete", fields={"app": [message]})


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    """The question, what was said before, and what may be asked for.

    Raises:
        NothingToSay: the question is gone.
    """
    question, asker = _question(ctx, target)
    figures = asker.figures().values()
    day = ctx.business_date
    values = {
        "step": "look_up",
        "as_of": day.isoformat(),
        "weekday": WEEKDAYS[day.weekday()],
        "asker": "助教" if asker.is_assistant else "店长",
        "question": hide_people(question.question, asker=asker).text,
        "conversation": [
            _exchange(one, asker) for one in chat_log.remembered(question, asker=asker)
        ],
        "can_ask": {
            one.key: {"title": one.name, "of": one.entity, "by": one.span} for one in figures
        },
        "periods": PERIODS,
        "areas": {} if asker.is_assistant else AreaTree(ctx=ctx).names,
    }
    return Features(values=values, dates=(day.isoformat(),))


def look_up_figures(ctx: RuntimeContext, target: Target, wanted: dict[str, Any]) -> Features:
    """The question again, with the figures that are wanted, as far as the asker may see them."""
    question, asker = _question(ctx, target)
    found = look_up(wanted["calls"], asker=asker)
    answered = [one for one in found if "error" not in one]
    values = {
        "step": "answer",
        "as_of": ctx.business_date.isoformat(),
        "question": hide_people(question.question, asker=asker).text,
        "figures": found,
        # Who was given nothing is told what there is.
        "can_ask": {} if answered else _examples(asker),
    }
    days = {one[name] for one in answered for name in ("start", "end", "as_of") if name in one}
    return Features(
        values=values,
        metrics=tuple(dict.fromkeys(one["key"] for one in answered)),
        dates=tuple(sorted(days)),
    )


def listen(ctx: RuntimeContext, target: Target, values: dict[str, Any]) -> ChatListener:
    """The asker's pages, which are told the answer as it comes, people by their names."""
    question, asker = _question(ctx, target)
    people = chat_log.people_of(one for one in values["figures"] if "error" not in one)
    written = hide_people(question.question, asker=asker).written
    return ChatListener(question, names={**written, **names_of(people, ctx=ctx)})


def keep_answer(run: Run, target: Target, result: dict[str, Any]) -> dict[str, Any]:
    """Answer the question; the asker's pages are told that it can be read."""
    question = ChatQuestion.objects.get(site=run.site_id, pk=target.question)
    asker = Asker.by_id(question.user_id, ctx=_context_of(run))
    # Whom no figure is about stays as the asker wrote them.
    cited = chat_log.people_of(result["citations"])
    written = hide_people(question.question, asker=asker).written
    kept = {token: word for token, word in written.items() if token not in cited}
    chat_log.store_answer(
        question, answer=put_names(result["answer"], kept), citations=result["citations"]
    )
    after_commit(partial(announce_answer, question))
    return result


def _question(ctx: RuntimeContext, target: Target) -> tuple[ChatQuestion, Asker]:
    question = ChatQuestion.objects.filter(site=ctx.site, pk=target.question).first()
    if question is None:
        raise NothingToSay
    return question, Asker.by_id(question.user_id, ctx=ctx)


def _context_of(run: Run) -> RuntimeContext:
    return RuntimeContext(run.site, Mode(run.mode), run.business_date)


def _exchange(question: ChatQuestion, asker: Asker) -> dict[str, Any]:
    """What was asked and answered before, as a prompt may carry it."""
    return {
        "date": question.business_date.isoformat(),
        "question": hide_people(question.question, asker=asker).text,
        "answer": hide_people(question.answer, asker=asker).text[:REMEMBERED_CHARACTERS],
        "asked": [_asked(one) for one in question.citations],
    }


def _asked(citation: dict[str, Any]) -> dict[str, str]:
    """The call that a figure came of. Of a list it says nobody."""
    members = [] if "rows" in citation else citation["member_ids"]
    assistant = citation["assistant_id"]
    return {
        "metric": citation["key"],
        "period": f"{citation['start']}..{citation['end']}" if "start" in citation else "",
        "area": citation["area"],
        "member": member_token(members[0]) if members else "",
        "assistant": assistant_token(assistant) if assistant else "",
    }


def _examples(asker: Asker) -> dict[str, list[str]]:
    """Some of what may be asked, by whom it is about."""
    examples: dict[str, list[str]] = {}
    for figure in asker.figures().values():
        titles = examples.setdefault(_ENTITIES[figure.entity], [])
        if len(titles) < EXAMPLES:
            titles.append(figure.name)
    return examples


APP = AIApp(
    key="app1_chat",
    title=gettext_lazy("Chat"),
    cache_type="",
    form=QUESTION,
    needs=("question_id",),
    build_features=build_features,
    output=LookupList,
    rules=chat_rules.describe,
    max_output_tokens=1000,
    check=refuse,
    after_write=keep_answer,
    second_round=SecondRound(look_up=look_up_figures, read=read_answer, listen=listen),
)
