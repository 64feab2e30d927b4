"""Figures that a question may ask for: the tools of app1, whatever provider answers.

A call names a figure by key, and whom and when it is about. It is worked out at D, as the asker:
whatever they may not see is not there.
"""

from aijobs.lookups.asker import Asker
from aijobs.lookups.calls import look_up
from aijobs.lookups.errors import Unanswerable
from aijobs.lookups.figures import FIGURES, Figure

__all__ = ["FIGURES", "Asker", "Figure", "Unanswerable", "look_up"]
