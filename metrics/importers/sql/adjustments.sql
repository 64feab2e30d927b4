-- resolve: dated by the day they take effect, which may be to come
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id,
       (g.day + %(day_starts)s::time) AT TIME ZONE %(zone)s AS occurred_at, g.day AS business_date,
       g.assistant, a.id AS assistant_id,
       g.kind, g.amount, coalesce(g.reason, '') AS reason,
       %(adjustment_batch)s::bigint AS adjustment_batch_id,
       g.void_of, NULL::bigint AS void_of_id
FROM staged g
LEFT JOIN assistants a ON a.site_id = %(site)s AND a.external_id = g.assistant

-- check
SELECT line, 'assistant' AS col, 'unknown_assistant' AS code, assistant AS value
FROM resolved WHERE assistant_id IS NULL

-- touched: whose pay the new corrections, and those they void, change
SELECT DISTINCT 'pay', s.assistant_id, s.business_date
FROM resolved r
JOIN salary_adjustments n ON n.site_id = %(site)s AND n.external_id = r.external_id
JOIN salary_adjustments s ON s.site_id = %(site)s AND s.id IN (n.id, n.void_of_id)
WHERE n.batch_id = %(batch)s
