from __future__ import annotations


class Unanswerable(Exception):
    """A figure that cannot be given; the text, in Chinese, tells the asker why."""
