-- resolve: references by id, the business date by the store's cut-off hour
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id, g.assigned_at AS occurred_at,
       ((g.assigned_at AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date AS business_date,
       g.assistant, a.id AS assistant_id,
       g.member, m.id AS member_id,
       g.kind, g.due_on, coalesce(g.reason, '') AS reason,
       NULL::text AS void_of
FROM staged g
LEFT JOIN assistants a ON a.site_id = %(site)s AND a.external_id = g.assistant
LEFT JOIN members m ON m.site_id = %(site)s AND m.external_id = g.member

-- check
SELECT line, 'assistant' AS col, 'unknown_assistant' AS code, assistant AS value
FROM resolved WHERE assistant_id IS NULL
UNION ALL
SELECT line, 'member', 'unknown_member', member
FROM resolved WHERE member IS NOT NULL AND member_id IS NULL
UNION ALL
SELECT line, 'assigned_at', 'future_date', business_date::text
FROM resolved WHERE business_date > %(today)s

-- touched: whose tasks there are more of
SELECT DISTINCT 'task', t.assistant_id, t.business_date
FROM resolved r
JOIN coach_tasks t ON t.site_id = %(site)s AND t.external_id = r.external_id
WHERE t.batch_id = %(batch)s

-- fired: new tasks about a member, of today or the day before
SELECT t.id, t.member_id, ARRAY[t.assistant_id]
FROM resolved r
JOIN coach_tasks t ON t.site_id = %(site)s AND t.external_id = r.external_id
WHERE t.batch_id = %(batch)s AND t.member_id IS NOT NULL AND t.business_date >= %(today)s - 1
ORDER BY r.line
