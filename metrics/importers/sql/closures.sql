-- resolve: a closed day begins like any other
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id,
       (g.day + %(day_starts)s::time) AT TIME ZONE %(zone)s AS occurred_at, g.day AS business_date,
       coalesce(g.reason, '') AS reason,
       NULL::text AS void_of
FROM staged g

-- check
SELECT line, 'day' AS col, 'future_date' AS code, business_date::text AS value
FROM resolved WHERE business_date > %(today)s
UNION ALL
SELECT r.line, 'day', 'already_closed', r.business_date::text
FROM resolved r
WHERE EXISTS (SELECT FROM resolved o WHERE o.business_date = r.business_date AND o.line < r.line)
   OR EXISTS (SELECT FROM site_closures c
              WHERE c.site_id = %(site)s AND c.business_date = r.business_date
                AND c.external_id <> r.external_id)
