-- Baseline of windowed columns (docs/decisions/0010): what a store's members paid in (D-60, D] as
-- the difference of two rows, the one in force at D and the one in force at D-60.
SELECT a.member_id, a.paid - coalesce(b.paid, 0) AS paid_60d
FROM dws_member_consumption_summary a
LEFT JOIN dws_member_consumption_summary b
       ON b.site_id = %(site)s AND b.version = 1 AND b.member_id = a.member_id
      AND b.stat_date <= %(day)s::date - 60 AND b.valid_to > %(day)s::date - 60
WHERE a.site_id = %(site)s AND a.version = 1
  AND a.stat_date <= %(day)s AND a.valid_to > %(day)s
ORDER BY 2 DESC, 1
LIMIT 50
