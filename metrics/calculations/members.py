from decimal import Decimal
from datetime import timedelta
from metrics.models import Settlement, CardEntry
def member_metrics(member_id, *, ctx):
    bills = list(Settlement.objects.filter(site=ctx.site, member_id=member_id, void_of=None).order_by("business_date"))
    cards = list(CardEntry.objects.filter(site=ctx.site, member_id=member_id))
    p = sum((c.principal for c in cards), Decimal()); g = sum((c.gift for c in cards), Decimal())
    return {
        "last_visit_days": (ctx.business_date - bills[-1].business_date).days if bills else None,
        "card_balance": p+g, "card_principal": p, "card_gift": g,
        "consumption_60d": sum((b.paid for b in bills if b.business_date > ctx.business_date - timedelta(days=60)), Decimal()),
        "total_consumption": sum((b.paid for b in bills), Decimal()),
        "total_transactions": len(bills),
    }
