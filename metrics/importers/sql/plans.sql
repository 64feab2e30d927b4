-- resolve
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id,
       (g.day + %(day_starts)s::time) AT TIME ZONE %(zone)s AS occurred_at, g.day AS business_date,
       g.level, g.hourly_rate, g.commission_rate, coalesce(g.month_rules, '{}') AS month_rules,
       NULL::text AS void_of
FROM staged g

-- check
SELECT line, 'day' AS col, 'future_date' AS code, business_date::text AS value
FROM resolved WHERE business_date > %(today)s

-- touched: a plan may concern everybody
SELECT DISTINCT 'pay', NULL::bigint, p.business_date
FROM salary_plans p
JOIN resolved r ON r.external_id = p.external_id
WHERE p.site_id = %(site)s AND p.batch_id = %(batch)s
