"""What can go wrong with a step, each with the code its run records.

StepError
├── Refused            a guard said no: the run never started
├── NothingToSay       there is nothing to ask about: the run is skipped
├── PromptError        features or prompt could not be built
├── ProviderError      the provider failed, refused or took too long
│   ├── Throttled      too many requests; may be tried again
│   └── Unreachable    no answer; may be tried again
├── InvalidOutput      the answer is not what the app promises
│   └── Flagged        a check found something, and such answers are not to be kept
└── Stale              a newer result was stored meanwhile
StaleRun               (a lost lease) the row is not in the state this step starts from
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aijobs.storable import storable
from zqyy.durable.leases import LeaseLost

if TYPE_CHECKING:
    from aijobs.output_checks.findings import Review


class StaleRun(LeaseLost):
    """Somebody else moved the job or run: stop and write nothing."""


class StepError(Exception):
    """A step that ends without success. The text is kept on its run: no personal data, and of what
    a provider said only what can be stored.
    """

    code = "internal_error"

    def __init__(self, text: str = "", *, code: str = "") -> None:
        self.code = code or self.code
        super().__init__(storable(text) or self.code)


class Refused(StepError):
    """A guard said no; `details` are what its message was made of."""

    def __init__(self, text: str = "", *, code: str = "", details: dict[str, Any]) -> None:
        super().__init__(text, code=code)
        self.details = details


class NothingToSay(StepError):
    """The step has nothing to work on."""

    code = ""


class PromptError(StepError):
    code = "prompt_error"


class ProviderError(StepError):
    """The call ended without an answer; `code` says how (timeout, auth, bad_request, ...)."""

    code = "provider_error"
    # Seconds that the provider asked to wait; set on those that may be tried again.
    retry_after: float | None = None


class Throttled(ProviderError):
    code = "throttled"

    def __init__(self, text: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Unreachable(ProviderError):
    """The connection failed before an answer came."""


class InvalidOutput(StepError):
    code = "invalid_output"


class Flagged(InvalidOutput):
    """`review`: what was found. `details`: what the alert says of it."""

    def __init__(self, review: Review) -> None:
        self.review = review
        self.details = {"checks": review.checks}
        super().__init__(f"found by checks: {', '.join(review.checks)}")


class Stale(StepError):
    code = "stale"
