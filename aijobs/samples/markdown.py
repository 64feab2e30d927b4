"""Examples as a page to read: docs/samples/<app>.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aijobs.samples.sample import Sample, Series, Wanted

_HEAD = """# {title}（{key}）：{count} 个样例

由 `manage.py write_samples` 写成：演示数据，随产品的规则分析员（rules），种子 {seed}；门店 {sites}；
D 取 {dates}。每段文字是店里的人在那一天看到的样子，下面缩进的是它的依据。
"""


def write_page(series: Series, samples: Sequence[Sample], wanted: Wanted) -> str:
    head = _HEAD.format(
        title=series.title,
        key=series.key,
        count=len(samples),
        seed=wanted.seed,
        sites="、".join(site.name for site in wanted.sites),
        dates="、".join(day.isoformat() for day in wanted.dates),
    )
    parts = ["\n".join(_write_sample(n, sample)) for n, sample in enumerate(samples, start=1)]
    return "\n".join([head, *parts])


def _write_sample(number: int, sample: Sample) -> Iterator[str]:
    yield f"## {number}. {_flat(sample.about)} · {sample.site.name} · D = {sample.as_of}"
    yield ""
    if sample.note:
        yield f"*{_flat(sample.note)}*"
        yield ""
    for section in sample.sections:
        if section.heading:
            yield f"**{_flat(section.heading)}**"
            yield ""
        for line in section.lines:
            yield f"- {_flat(line.text)}"
            if line.evidence:
                yield f"  - *{_labelled(line.evidence)}*"
        yield ""
    if sample.source:
        yield f"<sub>来源：{_flat(sample.source)}</sub>"
        yield ""
    if sample.command:
        yield f"<sub>`{sample.command}`</sub>"
        yield ""


def _labelled(evidence: str) -> str:
    text = _flat(evidence)
    return text if "依据" in text or text.startswith("看") else f"依据：{text}"


def _flat(text: str) -> str:
    """On one line, with nothing that Markdown would read as marks."""
    flat = " ".join(text.split())
    for mark in "*_<":
        flat = flat.replace(mark, f"\\{mark}")
    return flat
