-- resolve: references by id; without an assistant the member is nobody's
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id,
       (g.day + %(day_starts)s::time) AT TIME ZONE %(zone)s AS occurred_at, g.day AS business_date,
       g.member, m.id AS member_id,
       g.assistant, a.id AS assistant_id,
       NULL::text AS void_of
FROM staged g
LEFT JOIN members m ON m.site_id = %(site)s AND m.external_id = g.member
LEFT JOIN assistants a ON a.site_id = %(site)s AND a.external_id = g.assistant

-- check
SELECT line, 'member' AS col, 'unknown_member' AS code, member AS value
FROM resolved WHERE member_id IS NULL
UNION ALL
SELECT line, 'assistant', 'unknown_assistant', assistant
FROM resolved WHERE assistant IS NOT NULL AND assistant_id IS NULL
UNION ALL
SELECT line, 'day', 'future_date', business_date::text
FROM resolved WHERE business_date > %(today)s
