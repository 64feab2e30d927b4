-- resolve: references by id, the business date by the store's cut-off hour
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id, g.occurred_at,
       ((g.occurred_at AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date AS business_date,
       g.member, m.id AS member_id,
       g.text, coalesce(g.author, '') AS author_name, %(author)s::bigint AS author_id,
       NULL::text AS void_of
FROM staged g
LEFT JOIN members m ON m.site_id = %(site)s AND m.external_id = g.member

-- check
SELECT line, 'member' AS col, 'unknown_member' AS code, member AS value
FROM resolved WHERE member_id IS NULL
UNION ALL
SELECT line, 'occurred_at', 'future_date', business_date::text
FROM resolved WHERE business_date > %(today)s

-- fired: new notes of today or the day before
SELECT n.id, n.member_id, '{}'::bigint[]
FROM resolved r
JOIN notes n ON n.site_id = %(site)s AND n.external_id = r.external_id
WHERE n.batch_id = %(batch)s AND n.business_date >= %(today)s - 1
ORDER BY r.line
