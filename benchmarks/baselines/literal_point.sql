-- Baseline of row-level security on one member's metrics: the same rows by literal predicates alone,
-- as a role that row-level security does not bind.
SELECT s.last_visit, s.transactions, s.paid, s.principal, s.gift, s.paid_60d,
       (SELECT l.stage
        FROM dws_member_lifecycle l
        WHERE l.site_id = %(site)s AND l.version = 1 AND l.member_id = %(member)s
          AND l.stat_date <= %(day)s AND l.valid_to > %(day)s
        LIMIT 1)
FROM dws_member_consumption_summary s
WHERE s.site_id = %(site)s AND s.version = 1 AND s.member_id = %(member)s
  AND s.stat_date <= %(day)s AND s.valid_to > %(day)s
LIMIT 1
