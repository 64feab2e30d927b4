-- Baseline of the members page: its fifty rows in one of its orders, as somebody would write it who
-- knows which: whom to show first, then what is shown of them. As a role that row-level security does
-- not bind. The key, what it needs beside the sums, and the direction are put in.
WITH page AS MATERIALIZED (
    SELECT m.*, s.last_visit, s.visits, s.transactions, s.principal + s.gift AS balance, s.paid_60d,
           s.paid, {key} AS key
    FROM members m
    LEFT JOIN dws_member_consumption_summary s
           ON s.site_id = %(site)s AND s.version = 1 AND s.member_id = m.id
          AND s.stat_date <= %(day)s AND s.valid_to > %(day)s
    {join}
    WHERE m.site_id = %(site)s AND m.business_date <= %(day)s
    ORDER BY key {direction} NULLS LAST, m.id DESC
    LIMIT 50
)
SELECT p.id, p.site_id, p.external_id, p.business_date, p.recorded_at, p.batch_id,
       coalesce(v.name, ''), coalesce(v.phone, ''), v.joined_at,
       p.last_visit, %(day)s::date - p.last_visit AS last_visit_days,
       coalesce(p.visits, 0), coalesce(p.transactions, 0),
       coalesce(p.balance * 0.01, 0.00), coalesce(p.paid_60d * 0.01, 0.00),
       coalesce(p.paid * 0.01, 0.00), l.stage,
       round((%(day)s::date - p.last_visit) / r.usual, 2)
FROM page p
LEFT JOIN member_versions v ON v.site_id = %(site)s AND v.member_id = p.id
                           AND v.business_date <= %(day)s AND v.valid_to > %(day)s
LEFT JOIN dws_member_lifecycle l ON l.site_id = %(site)s AND l.version = 1 AND l.member_id = p.id
                                AND l.stat_date <= %(day)s AND l.valid_to > %(day)s
LEFT JOIN LATERAL (
    SELECT CASE WHEN count(gap) >= 3
                THEN round((percentile_cont(0.5) WITHIN GROUP (ORDER BY gap))::numeric, 1) END AS usual
    FROM (
        SELECT stat_date - lag(stat_date) OVER (ORDER BY stat_date) AS gap
        FROM dws_member_consumption_summary
        WHERE site_id = %(site)s AND version = 1 AND member_id = p.id AND stat_date = last_visit
          AND stat_date > %(day)s::date - 180 AND stat_date <= %(day)s
    ) gaps
) r ON true
ORDER BY p.key {direction} NULLS LAST, p.id DESC
