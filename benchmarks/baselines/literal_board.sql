-- Baseline of row-level security on the board: the same rows by literal predicates alone, as a role
-- that row-level security does not bind.
SELECT m.id, coalesce(v.name, ''), coalesce(v.phone, ''), %(day)s::date - s.last_visit,
       coalesce(s.visits, 0), coalesce(s.transactions, 0),
       coalesce((s.principal + s.gift) * 0.01, 0.00), coalesce(s.principal * 0.01, 0.00),
       coalesce(s.gift * 0.01, 0.00), coalesce(s.paid_60d * 0.01, 0.00),
       coalesce(s.paid * 0.01, 0.00) AS total
FROM members m
LEFT JOIN member_versions v ON v.site_id = %(site)s AND v.member_id = m.id
                           AND v.business_date <= %(day)s AND v.valid_to > %(day)s
LEFT JOIN dws_member_consumption_summary s
       ON s.site_id = %(site)s AND s.version = 1 AND s.member_id = m.id
      AND s.stat_date <= %(day)s AND s.valid_to > %(day)s
WHERE m.site_id = %(site)s AND m.business_date <= %(day)s
ORDER BY total DESC, m.id
LIMIT 50
