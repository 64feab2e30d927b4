-- check
SELECT g.line, '{since_column}' AS col, 'future_date' AS code, ({since})::text AS value
FROM staged g
WHERE (({since} AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date > %(today)s

-- check_areas: areas have parts, parts have none; the virtual area is the whole store
WITH sent AS (
    SELECT g.line, g.external_id, coalesce(g.parent, p.external_id) AS parent, g.parent AS named
    FROM staged g
    LEFT JOIN areas a ON a.site_id = %(site)s AND a.external_id = g.external_id
    LEFT JOIN area_versions v
           ON v.site_id = %(site)s AND v.area_id = a.id AND v.valid_to = '9999-12-31'
    LEFT JOIN areas p ON p.site_id = %(site)s AND p.id = v.parent_id
), known AS (
    SELECT a.external_id, p.external_id AS parent, v.is_virtual
    FROM areas a
    JOIN area_versions v
      ON v.site_id = %(site)s AND v.area_id = a.id AND v.valid_to = '9999-12-31'
    LEFT JOIN areas p ON p.site_id = %(site)s AND p.id = v.parent_id
    WHERE a.site_id = %(site)s
), tree AS (
    SELECT external_id, parent FROM sent
    UNION ALL
    SELECT external_id, parent FROM known k
    WHERE NOT EXISTS (SELECT FROM sent s WHERE s.external_id = k.external_id)
)
SELECT s.line, 'parent' AS col, 'unknown_parent' AS code, s.named AS value
FROM sent s
WHERE s.named IS NOT NULL
  AND (EXISTS (SELECT FROM known k WHERE k.external_id IN (s.named, s.external_id) AND k.is_virtual)
       OR NOT EXISTS (SELECT FROM tree t WHERE t.external_id = s.named))
UNION ALL
SELECT s.line, 'parent', 'nested_area', s.named
FROM sent s
WHERE s.named IS NOT NULL
  AND EXISTS (SELECT FROM tree t
              WHERE t.external_id = s.named AND t.parent IS NOT NULL OR t.parent = s.external_id)

-- identify: an identity dates from its first day in the store, at the latest from today
INSERT INTO {table} (site_id, external_id, business_date, batch_id)
SELECT %(site)s, g.external_id,
       coalesce((({since} AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date, %(today)s),
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
       least((({since} AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date, i.business_date)
           AS business_date,
       {changed_on} AS changed_on,
       ({before}) IS DISTINCT FROM ({after}) OR v.id IS NULL AS is_new
FROM staged g
JOIN {table} i ON i.site_id = %(site)s AND i.external_id = g.external_id
LEFT JOIN {versions} v
       ON v.site_id = %(site)s AND v.{entity}_id = i.id AND v.valid_to = '9999-12-31'

-- retire
UPDATE {versions} v SET valid_to = r.changed_on
FROM resolved r
WHERE v.site_id = %(site)s AND v.id = r.version_id AND r.is_new

-- append: the first version is as old as its identity, a changed one dates from the change
INSERT INTO {versions} (site_id, {entity}_id, batch_id, business_date, valid_to, {columns})
SELECT %(site)s, r.{entity}_id, %(batch)s,
       CASE WHEN r.version_id IS NULL THEN i.business_date ELSE r.changed_on END, '9999-12-31',
       {columns}
FROM resolved r
JOIN {table} i ON i.site_id = %(site)s AND i.id = r.{entity}_id
WHERE r.is_new
ORDER BY r.line

-- append_levels: a level that is sent anew, and is not the one in force, counts from today; the
-- first one is as old as the assistant
INSERT INTO assistant_level_changes
    (site_id, batch_id, external_id, occurred_at, business_date, assistant_id, level)
SELECT %(site)s, %(batch)s, 'level-' || gen_random_uuid(),
       (d.day + %(day_starts)s::time) AT TIME ZONE %(zone)s, d.day, r.assistant_id, r.level
FROM resolved r
JOIN assistants i ON i.site_id = %(site)s AND i.id = r.assistant_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.version_id IS NULL THEN i.business_date ELSE %(today)s END AS day) d
LEFT JOIN assistant_versions v ON v.site_id = %(site)s AND v.id = r.version_id
WHERE r.level <> '' AND r.level IS DISTINCT FROM v.level
  AND r.level IS DISTINCT FROM (
      SELECT c.level FROM assistant_level_changes c
      WHERE c.site_id = %(site)s AND c.assistant_id = r.assistant_id
      ORDER BY c.business_date DESC, c.id DESC LIMIT 1)
ORDER BY r.line
RETURNING 'service', assistant_id, business_date
