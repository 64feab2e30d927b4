"""Who asks, and with it what may be asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.contrib.auth.models import User as Account
from django.db.models import QuerySet

from aijobs.lookups.figures import FIGURES, Figure
from aijobs.permissions import KEPT_FROM_ASSISTANTS, may_chat
from metrics.models import Assistant, Member
from metrics.permissions import visible_members
from sandbox.access import Role, assistant_of, role_of, site_for
from sandbox.context import RuntimeContext, User
from sandbox.errors import NotPermitted

# What an assistant is told: about own customers and about themselves, never about the store.
_OF_ASSISTANTS = frozenset({"member", "members", "assistant", "pair"})
# The reason, not the risk.
_CALLED_TO_ASSISTANTS = {"members_at_risk": "好久没来的会员"}


@dataclass(frozen=True)
class Asker:
    """A user at D, with the rights they have now.

    Attributes:
        assistant_id: which assistant of the store they are, if any.
    """

    user: User
    ctx: RuntimeContext
    role: Role
    assistant_id: int | None

    @classmethod
    def of(cls, user: User, *, ctx: RuntimeContext) -> Asker:
        """
        Raises:
            NotFound: not their store. NotPermitted: nobody to chat with.
        """
        site_for(user, ctx.site.pk)
        if not may_chat(user):
            raise NotPermitted
        return cls(user, ctx, role_of(user), assistant_of(user, ctx.site))

    @classmethod
    def by_id(cls, user_id: int, *, ctx: RuntimeContext) -> Asker:
        """
        Raises:
            DoesNotExist: the account is gone or closed. And as `of`.
        """
        return cls.of(Account.objects.get(pk=user_id, is_active=True), ctx=ctx)

    @property
    def is_assistant(self) -> bool:
        return self.role == "assistant"

    def figures(self) -> dict[str, Figure]:
        """What may be asked, by key, as it is called to them."""
        found = {key: figure for key, figure in FIGURES.items() if self.may_ask(figure)}
        if self.is_assistant:
            found |= {
                key: replace(found[key], title=title)
                for key, title in _CALLED_TO_ASSISTANTS.items()
            }
        return found

    def may_ask(self, figure: Figure) -> bool:
        if not self.is_assistant:
            return True
        return figure.entity in _OF_ASSISTANTS and figure.key not in KEPT_FROM_ASSISTANTS

    def members(self) -> QuerySet[Member]:
        return visible_members(user=self.user, ctx=self.ctx)

    def assistants(self) -> QuerySet[Assistant]:
        """All of the store; to an assistant only they themselves."""
        ctx = self.ctx
        found = Assistant.objects.filter(site=ctx.site, business_date__lte=ctx.business_date)
        return found.filter(pk__in=[self.assistant_id or 0]) if self.is_assistant else found
