-- resolve: dated by the bill
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id, b.occurred_at, b.business_date, b.member_id,
       g.settlement, b.id AS settlement_id,
       g.assistant, a.id AS assistant_id,
       g.course_type, g.hours, g.ledger,
       g.void_of, NULL::bigint AS void_of_id
FROM staged g
LEFT JOIN settlements b ON b.site_id = %(site)s AND b.external_id = g.settlement
LEFT JOIN assistants a ON a.site_id = %(site)s AND a.external_id = g.assistant

-- check
SELECT line, 'settlement' AS col, 'unknown_settlement' AS code, settlement AS value
FROM resolved WHERE settlement_id IS NULL
UNION ALL
SELECT line, 'assistant', 'unknown_assistant', assistant
FROM resolved WHERE assistant_id IS NULL
UNION ALL
SELECT r.line, v.col, 'negative', v.amount::text
FROM resolved r
CROSS JOIN LATERAL (VALUES ('hours', hours), ('ledger', ledger)) AS v (col, amount)
WHERE r.void_of IS NULL AND v.amount < 0

-- touched: whose summaries the new lines, and the lines they void, change
SELECT DISTINCT 'service', s.assistant_id, s.business_date
FROM resolved r
JOIN service_lines n ON n.site_id = %(site)s AND n.external_id = r.external_id
JOIN service_lines s ON s.site_id = %(site)s AND s.id IN (n.id, n.void_of_id)
WHERE n.batch_id = %(batch)s

-- fired: new lines on members' bills of today or the day before
SELECT s.settlement_id, s.member_id, array_agg(DISTINCT s.assistant_id ORDER BY s.assistant_id)
FROM resolved r
JOIN service_lines s ON s.site_id = %(site)s AND s.external_id = r.external_id
WHERE s.batch_id = %(batch)s AND s.member_id IS NOT NULL AND s.void_of_id IS NULL
  AND s.business_date >= %(today)s - 1
  AND NOT EXISTS (
      SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = s.settlement_id)
  AND NOT EXISTS (
      SELECT FROM service_lines v WHERE v.site_id = %(site)s AND v.void_of_id = s.id)
GROUP BY s.settlement_id, s.member_id
ORDER BY min(r.line)
