-- duplicates
SELECT line, 'external_id' AS col, 'duplicate' AS code, external_id AS value
FROM (SELECT line, external_id,
             row_number() OVER (PARTITION BY external_id ORDER BY line) AS nth
      FROM staged) numbered
WHERE nth > 1

-- insert: sorted, so that two writers of the same rows never wait for each other in a circle
INSERT INTO {table} (site_id, batch_id, {columns})
SELECT %(site)s, %(batch)s, {columns}
FROM resolved
WHERE (void_of IS NOT NULL) = %(voids)s
ORDER BY external_id
ON CONFLICT DO NOTHING

-- target: a void takes the business date of what it voids
UPDATE resolved r SET void_of_id = t.id, business_date = t.business_date
FROM {table} t
WHERE t.site_id = %(site)s AND t.external_id = r.void_of

-- check_voids
SELECT r.line, 'void_of' AS col, 'unknown_void_target' AS code, r.void_of AS value
FROM resolved r
WHERE r.void_of IS NOT NULL AND r.void_of_id IS NULL
  AND NOT EXISTS (SELECT FROM resolved o WHERE o.external_id = r.void_of)
UNION ALL
SELECT r.line, 'void_of', 'void_of_void', r.void_of
FROM resolved r
WHERE r.void_of IS NOT NULL
  AND (EXISTS (SELECT FROM resolved o WHERE o.external_id = r.void_of AND o.void_of IS NOT NULL)
       OR EXISTS (SELECT FROM {table} t
                  WHERE t.site_id = %(site)s AND t.id = r.void_of_id AND t.void_of_id IS NOT NULL))
UNION ALL
SELECT r.line, 'void_of', 'already_voided', r.void_of
FROM resolved r
WHERE r.void_of_id IS NOT NULL
  AND (EXISTS (SELECT FROM resolved o
               WHERE o.void_of = r.void_of AND o.external_id <> r.external_id AND o.line < r.line)
       OR EXISTS (SELECT FROM {table} t
                  WHERE t.site_id = %(site)s AND t.void_of_id = r.void_of_id
                    AND t.external_id <> r.external_id))

-- compare: rows that were there before, or that lost a race, must say the same
SELECT r.line, coalesce(d.col, '{column}') AS col,
       CASE WHEN t.id IS NULL THEN '{code}' ELSE 'conflict' END AS code,
       CASE WHEN t.id IS NULL THEN {value} ELSE r.external_id END AS value
FROM resolved r
LEFT JOIN {table} t ON t.site_id = %(site)s AND t.external_id = r.external_id
CROSS JOIN LATERAL (SELECT CASE {differences} END AS col) d
WHERE t.id IS NULL OR (t.batch_id <> %(batch)s AND d.col IS NOT NULL)

-- lowered: who is named by an earlier fact than any before; locked, so that versions of one identity
-- are appended one after the other
WITH first AS (
    SELECT r.{entity}_id AS id, min(r.business_date) AS day
    FROM resolved r
    WHERE r.{entity}_id IS NOT NULL
    GROUP BY 1
)
SELECT i.id, first.day
FROM {table} i
JOIN first ON first.id = i.id
WHERE i.site_id = %(site)s AND i.business_date > first.day
ORDER BY i.id
FOR NO KEY UPDATE OF i

-- lower: nobody is younger than the earliest fact naming them. The first version stays as it was
-- recorded (known_at): a copy of the one in force on the first day, from this batch, stands before it
WITH lowered AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(days)s::date[]) AS t (id, day)
), earlier_version AS (
    INSERT INTO {versions} (site_id, {entity}_id, batch_id, business_date, valid_to, {columns})
    SELECT %(site)s, l.id, %(batch)s, l.day, v.business_date, {columns}
    FROM lowered l
    CROSS JOIN LATERAL (
        SELECT * FROM {versions} o
        WHERE o.site_id = %(site)s AND o.{entity}_id = l.id
        ORDER BY o.business_date, o.id DESC
        LIMIT 1
    ) v
    WHERE v.business_date > l.day
)
UPDATE {table} i SET business_date = l.day
FROM lowered l
WHERE i.site_id = %(site)s AND i.id = l.id

-- lower_levels: an assistant's first level is as old as the assistant
INSERT INTO assistant_level_changes
    (site_id, batch_id, external_id, occurred_at, business_date, assistant_id, level)
SELECT %(site)s, %(batch)s, 'level-' || gen_random_uuid(),
       (l.day + %(day_starts)s::time) AT TIME ZONE %(zone)s, l.day, l.id, c.level
FROM unnest(%(ids)s::bigint[], %(days)s::date[]) AS l (id, day)
CROSS JOIN LATERAL (
    SELECT * FROM assistant_level_changes o
    WHERE o.site_id = %(site)s AND o.assistant_id = l.id
    ORDER BY o.business_date, o.id
    LIMIT 1
) c
WHERE c.business_date > l.day
ORDER BY l.id

-- extent
SELECT min(business_date), max(business_date), max(occurred_at) FILTER (WHERE void_of IS NULL)
FROM resolved
