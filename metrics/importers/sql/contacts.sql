-- resolve: references by id, the business date by the store's cut-off hour
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id, g.occurred_at,
       ((g.occurred_at AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date AS business_date,
       g.member, m.id AS member_id,
       g.assistant, a.id AS assistant_id,
       g.channel, g.outcome, coalesce(g.words, '') AS words,
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
SELECT line, 'occurred_at', 'future_date', business_date::text
FROM resolved WHERE business_date > %(today)s
