-- check
SELECT g.line, '{since}' AS col, 'future_date' AS code, g.{since}::text AS value
FROM staged g
WHERE ((g.{since} AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date > %(today)s

-- identify: an identity dates from its first day in the store, at the latest from today
INSERT INTO {table} (site_id, external_id, business_date, batch_id)
SELECT %(site)s, g.external_id,
       coalesce(((g.{since} AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date, %(today)s),
       %(batch)s
FROM staged g
ORDER BY g.external_id
ON CONFLICT (site_id, external_id) DO NOTHING

-- lock: versions of one identity are appended one after the other
SELECT i.id FROM {table} i
WHERE i.site_id = %(site)s AND i.external_id IN (SELECT g.external_id FROM staged g)
ORDER BY i.id
FOR NO KEY UPDATE

-- resolve: what is known after this row; an empty value leaves what was known before
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, i.id AS {entity}_id, v.id AS version_id, {merged},
       least(((g.{since} AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date, i.business_date)
           AS business_date,
       ({before}) IS DISTINCT FROM ({after}) OR v.id IS NULL AS is_new
FROM staged g
JOIN {table} i ON i.site_id = %(site)s AND i.external_id = g.external_id
LEFT JOIN {versions} v
       ON v.site_id = %(site)s AND v.{entity}_id = i.id AND v.valid_to = '9999-12-31'

-- retire
UPDATE {versions} v SET valid_to = %(today)s
FROM resolved r
WHERE v.site_id = %(site)s AND v.id = r.version_id AND r.is_new

-- append: the first version is as old as its identity, a changed one dates from today
INSERT INTO {versions} (site_id, {entity}_id, batch_id, business_date, valid_to, {columns})
SELECT %(site)s, r.{entity}_id, %(batch)s,
       CASE WHEN r.version_id IS NULL THEN i.business_date ELSE %(today)s END, '9999-12-31',
       {columns}
FROM resolved r
JOIN {table} i ON i.site_id = %(site)s AND i.id = r.{entity}_id
WHERE r.is_new
ORDER BY r.line
