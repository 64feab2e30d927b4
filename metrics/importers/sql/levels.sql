-- resolve: references by id
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id,
       (g.day + %(day_starts)s::time) AT TIME ZONE %(zone)s AS occurred_at, g.day AS business_date,
       g.assistant, a.id AS assistant_id, g.level,
       NULL::text AS void_of
FROM staged g
LEFT JOIN assistants a ON a.site_id = %(site)s AND a.external_id = g.assistant

-- check
SELECT line, 'assistant' AS col, 'unknown_assistant' AS code, assistant AS value
FROM resolved WHERE assistant_id IS NULL
UNION ALL
SELECT line, 'day', 'future_date', business_date::text
FROM resolved WHERE business_date > %(today)s

-- touched: what work from the day on is paid
SELECT DISTINCT 'service', c.assistant_id, c.business_date
FROM resolved r
JOIN assistant_level_changes c ON c.site_id = %(site)s AND c.external_id = r.external_id
WHERE c.batch_id = %(batch)s
