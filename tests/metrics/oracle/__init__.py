"""The slow honest answers: every metric from the facts alone, written from its definition.

`answers.expected` is plain SQL over the facts, one obvious statement a subject (sql/*.sql); it
reads no summary, no code of ours, and restricts site and date itself. `arithmetic.Oracle` knows not
even a database: it adds up rows as they were sent.
"""

from tests.metrics.oracle.answers import SUBJECTS, Answers, subject_of
from tests.metrics.oracle.arithmetic import Oracle, business_date

__all__ = ["SUBJECTS", "Answers", "Oracle", "business_date", "subject_of"]
