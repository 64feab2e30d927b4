from metrics.models.facts import (
    CardEntry,
    Contact,
    Note,
    ServiceLine,
    Settlement,
    SiteClosure,
)
from metrics.models.identities import (
    Area,
    AreaVersion,
    Assistant,
    AssistantVersion,
    Member,
    MemberVersion,
)
from metrics.models.ingest import DwsBuild, IngestBatch
from metrics.models.staff import (
    AssistantLevelChange,
    CoachTask,
    CoachTaskEvent,
    MemberAssignment,
    SalaryAdjustment,
    SalaryAdjustmentBatch,
    SalaryPlan,
)
from metrics.models.summaries import FinanceDaily, MemberConsumption

__all__ = [
    "Area",
    "AreaVersion",
    "Assistant",
    "AssistantLevelChange",
    "AssistantVersion",
    "CardEntry",
    "CoachTask",
    "CoachTaskEvent",
    "Contact",
    "DwsBuild",
    "FinanceDaily",
    "IngestBatch",
    "Member",
    "MemberAssignment",
    "MemberConsumption",
    "MemberVersion",
    "Note",
    "SalaryAdjustment",
    "SalaryAdjustmentBatch",
    "SalaryPlan",
    "ServiceLine",
    "Settlement",
    "SiteClosure",
]
