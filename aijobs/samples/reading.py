"""A result as its reader sees it: sentence by sentence, each with what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aijobs.samples.evidence import evidence_of, metric_title
from aijobs.samples.sample import Line, Section

Result = Mapping[str, Any]
Reader = Callable[[Result, Mapping[str, Any]], Iterator[Section]]
_SEVERITY = {"low": "低", "medium": "中", "high": "高"}


def read_finance(result: Result, references: Mapping[str, Any]) -> Iterator[Section]:
    yield Section("", [_plain(result["headline"], references)])
    yield Section(
        "发现",
        [
            Line(one["text"], _shown_figure(one) or evidence_of(one["text"], references))
            for one in result["findings"]
        ],
    )
    yield Section(
        "要当心",
        [
            Line(
                f"〔{_SEVERITY[one['severity']]}〕{one['text']}",
                evidence_of(one["text"], references),
            )
            for one in result["risks"]
        ],
    )
    yield Section(
        "接下来",
        [
            Line(one["text"], f"看{metric_title(one['metric'])}：{one['expected']}")
            for one in result["actions"]
        ],
    )


def read_clues(result: Result, references: Mapping[str, Any]) -> Iterator[Section]:
    yield Section(
        "",
        [
            Line(
                f"{one['emoji']} {one['summary']}（{one['category']}，把握 {one['confidence']}）".strip(),
                one["detail"] or evidence_of(one["summary"], references),
            )
            for one in result["clues"]
        ],
    )


def read_note(result: Result, references: Mapping[str, Any]) -> Iterator[Section]:
    yield from read_clues(result, references)
    yield Section("有用程度", [_plain(f"{result['score']} 分", references)])


def read_analysis(result: Result, references: Mapping[str, Any]) -> Iterator[Section]:
    standing = f"{result['stage']}，客情 {result['strength']}/100"
    yield Section("", [_plain(f"{standing}。{result['summary']}", references)])
    risks = (one if isinstance(one, str) else one["text"] for one in result["risks"])
    yield Section("要当心", [_plain(text, references) for text in risks])
    yield Section("机会", [_plain(text, references) for text in result["opportunities"]])


def read_tactics(result: Result, references: Mapping[str, Any]) -> Iterator[Section]:
    for one in result["talking_points"]:
        aim = "；".join(filter(None, (one["aim"], evidence_of(one["aim"], references))))
        said = Line(f"「{one['words']}」", aim)
        yield Section(one["scene"], [said, Line(f"不要说：{one['avoid']}")])


def read_customer(result: Result, references: Mapping[str, Any]) -> Iterator[Section]:
    tier = f"价值 {result['value_tier']}，流失风险 {result['churn_risk']}/100"
    yield Section("", [_plain(f"{result['profile']}（{tier}）", references)])
    yield Section("为什么", [_plain(text, references) for text in result["reasons"]])
    yield Section("接下来", [_plain(result["next_best_action"], references)])


def _plain(text: str, references: Mapping[str, Any]) -> Line:
    return Line(text, evidence_of(text, references))


def _shown_figure(finding: Result) -> str:
    title = metric_title(finding["metric"])
    if not title:
        return ""
    return title if finding["figure"] is None else f"{title} {finding['figure']}"
