from aijobs.models.alerts import Alert, AlertSequence
from aijobs.models.cache import CacheEntry
from aijobs.models.chat import ChatQuestion
from aijobs.models.clues import ClueFeedback, RetentionClue
from aijobs.models.guards import Breaker, Budget, GuardSite, KillSwitch
from aijobs.models.jobs import Claim, TriggerJob
from aijobs.models.prompts import Prompt
from aijobs.models.runs import ProviderCall, Run

__all__ = [
    "Alert",
    "AlertSequence",
    "Breaker",
    "Budget",
    "CacheEntry",
    "ChatQuestion",
    "Claim",
    "ClueFeedback",
    "GuardSite",
    "KillSwitch",
    "Prompt",
    "ProviderCall",
    "RetentionClue",
    "Run",
    "TriggerJob",
]
