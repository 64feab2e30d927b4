"""Conversations as examples: what people of a store ask, and what they are answered."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

from django.contrib.auth.models import User as Account

from aijobs.ai_apps.chat_rules import evidence_of_figure
from aijobs.asking import APP, ask_question, runs_of
from aijobs.chat_log import conversation, people_of
from aijobs.jobs import job_progress
from aijobs.lookups import Asker
from aijobs.management.waiting import wait_for
from aijobs.models import ChatQuestion, TriggerJob
from aijobs.pseudonyms import assistant_token, member_token, names_of, put_names
from aijobs.samples.results import NoResult
from aijobs.samples.sample import Line, Sample, Section, Wanted
from aijobs.samples.targets import Draw, draw_pairs
from aijobs.wording import reason_of
from sandbox.access import Role, granted_sites
from sandbox.context import use_context
from sandbox.models import SiteGrant

_WITHIN = "依据："


@dataclass(frozen=True)
class _Script:
    """Questions one after the other; {member} and {assistant} are people of the store."""

    questions: tuple[str, ...]
    asker: Role = "manager"


_SCRIPTS = (
    _Script(("昨天生意怎么样？", "那上周呢？")),
    _Script(("{member}多久没来了？", "他平时多久来一次？", "卡里还有多少余额？")),
    _Script(("{assistant}这个月上钟多少小时？", "工资多少？")),
    _Script(("上个月各区营业额是多少？", "包厢的开台率呢？")),
    _Script(("现在最该联系谁？",)),
    _Script(("我这个月上钟多少小时？", "提成多少？"), asker="assistant"),
    _Script(("上周团购占比多少？", "上个月呢？")),
    _Script(("{member}和{assistant}的客情怎么样？",)),
    _Script(("最近30天客单价多少？", "大厅的呢？")),
    _Script(("这个月充值了多少？", "未消费储值还有多少？")),
    _Script(("前天实收多少？", "昨天呢？")),
    _Script(("{member}上次来是什么时候？", "店里昨天营业额多少？"), asker="assistant"),
    _Script(("这个月新增了多少会员？", "回流的呢？")),
    _Script(("上个月优惠率多少？", "反结账率呢？")),
    _Script(("{member}现在是什么阶段？", "累计消费多少？")),
    _Script(("{assistant}这个月提成多少？", "任务完成率呢？")),
    _Script(("上季度确认收入多少？", "退款有多少？")),
    _Script(("我有哪些好久没来的会员？",), asker="assistant"),
    _Script(("最近7天散客占比多少？", "最近90天呢？")),
    _Script(("{member}有没有女朋友？",)),
)


def collect_conversations(wanted: Wanted) -> Iterator[Sample]:
    """As many as wanted, of managers and assistants in turn.

    Raises:
        NoResult: a store has nobody who may ask, or a question was not answered.
    """
    of_assistants = [script for script in _SCRIPTS if script.asker == "assistant"]
    of_managers = cycle(script for script in _SCRIPTS if script.asker == "manager")
    for number, draw in enumerate(draw_pairs(wanted), start=1):
        # Each once, where an assistant has an account; a manager asks elsewhere.
        assistant = _find_assistant(draw) if of_assistants else None
        script = of_assistants.pop(0) if assistant else next(of_managers)
        session = uuid.uuid5(uuid.NAMESPACE_OID, f"sample {wanted.seed} {number}")
        if wanted.again:
            session = uuid.uuid4()
        yield _converse(script, draw, assistant or _find_manager(draw), session)


def _find_assistant(draw: Draw) -> Account | None:
    """An assistant of the store with an account."""
    grants = SiteGrant.objects.filter(
        site=draw.ctx.site, assistant_id__isnull=False, user__is_active=True
    )
    grant = grants.select_related("user").order_by("pk").first()
    return grant.user if grant else None


def _find_manager(draw: Draw) -> Account:
    """A manager of the store, else an operator.

    Raises:
        NoResult: there is neither.
    """
    site = draw.ctx.site
    accounts = Account.objects.filter(is_active=True, groups__name__in=("manager", "operator"))
    for account in accounts.order_by("groups__name", "pk"):
        if granted_sites(account).filter(pk=site.pk).exists():
            return account
    raise NoResult(f"{APP}: no account of a manager or an operator sees {site.code}")


def _converse(script: _Script, draw: Draw, account: Account, session: uuid.UUID) -> Sample:
    ctx = draw.ctx
    with use_context(ctx):
        asker = Asker.of(account, ctx=ctx)
        people = _people(draw, asker)
    asked = [question.format(**people) for question in script.questions]
    return Sample(
        site=ctx.site,
        about="助教问" if asker.is_assistant else "店长问",
        as_of=ctx.business_date,
        sections=[_turn(_answered(text, draw, account, session), draw) for text in asked],
    )


def _people(draw: Draw, asker: Asker) -> dict[str, str]:
    """The people drawn, as they are called at D; of an assistant one of their own customers."""
    member, assistant = draw.target.member, draw.target.assistant
    if asker.is_assistant and (own := asker.members().order_by("pk").first()):
        member = own.pk
    tokens = {"member": member_token(member), "assistant": assistant_token(assistant)}
    names = names_of(set(tokens.values()), ctx=draw.ctx)
    return {what: names[token] for what, token in tokens.items()}


def _answered(text: str, draw: Draw, account: Account, session: uuid.UUID) -> ChatQuestion:
    """The question with its answer: as it was given once, else asked now.

    Raises:
        NoResult: it was not answered.
    """
    ctx = draw.ctx
    with use_context(ctx):
        before = conversation(user_id=account.pk, ctx=ctx).filter(
            session_id=session, question=text, answered_at__isnull=False
        )
        if question := before.first():
            return question
        question = ask_question(ctx=ctx, user=account, text=text, session_id=session)
        job = TriggerJob.objects.get(site=ctx.site, pk=runs_of([question])[question.pk].job_id)
    job = wait_for(job, ctx)
    with use_context(ctx):
        question.refresh_from_db()
        if question.answered_at is None:
            reason = reason_of(job_progress(job)["steps"])
            raise NoResult(f"{APP}, job {job.pk}: {reason}")
    return question


def _turn(question: ChatQuestion, draw: Draw) -> Section:
    """Each sentence with the figures that it cites; the list of them at the end is left out."""
    with use_context(draw.ctx):
        names = names_of(people_of(question.citations), ctx=draw.ctx)
    lines = []
    for text in put_names(question.answer, names).split("\n"):
        if text.startswith(_WITHIN):
            continue
        cited = [one for one in question.citations if f"〔{one['n']}〕" in text]
        evidence = "；".join(put_names(evidence_of_figure(one), names) for one in cited)
        lines.append(Line(text, evidence))
    return Section(question.question, lines)
