"""Every metric says what its definition says, on days before something happens."""

from __future__ import annotations

import pytest

from metrics.catalog import METRICS
from tests.metrics.as_of.questions import ENTITIES, differences
from tests.metrics.oracle import SUBJECTS

pytestmark = pytest.mark.slow
KEYS = {key for keys in SUBJECTS.values() for key in keys}


@pytest.mark.parametrize("key", ENTITIES)
def test_it_agrees_with_the_oracle(machine, key):
    asked = machine.questions

    answers = [(question, machine.answer(key, question)) for question in asked]

    expected = [(question, machine.expected(key, question)) for question in asked]
    assert differences(answers, expected) == []


def test_every_metric_has_an_oracle_and_every_oracle_a_metric():
    assert {metric.key for metric in METRICS} == KEYS
