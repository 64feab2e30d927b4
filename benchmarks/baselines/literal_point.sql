-- Baseline of row-level security on one member's metrics: the same row by literal predicates alone.
SELECT last_visit, transactions, paid, principal, gift, paid_60d
FROM dws_member_consumption_summary
WHERE site_id = %(site)s AND version = 1 AND member_id = %(member)s
  AND stat_date <= %(day)s AND valid_to > %(day)s
LIMIT 1
