-- Rows of one {key} of a cumulative summary, moved in place.

-- stands: what the rows say of each of `changed` ({key}, day), to be taken off: what stands on the
-- day less what stood the day before
SELECT c.{key}, c.day, 0 AS facts, (edge.sign < 0 AND d.stat_date = c.day)::int AS rows, {signed}
FROM changed c
CROSS JOIN LATERAL (VALUES (c.day, -1), (c.day - 1, 1)) AS edge (seen, sign)
CROSS JOIN LATERAL (
    SELECT * FROM {table}
    WHERE site_id = %(site)s AND {key} = c.{key} AND stat_date <= edge.seen
    ORDER BY stat_date DESC LIMIT 1
) d

-- begin: a row for a day that has none, standing at what stood before
INSERT INTO {table} (site_id, {key}, stat_date, valid_to, {columns})
SELECT %(site)s, %(entity)s, %(day)s, coalesce(d.valid_to, later.stat_date, '9999-12-31'), {begun}
FROM (VALUES (1)) once
LEFT JOIN LATERAL (
    SELECT * FROM {table}
    WHERE site_id = %(site)s AND {key} = %(entity)s AND stat_date < %(day)s
    ORDER BY stat_date DESC LIMIT 1
) d ON true
LEFT JOIN LATERAL (
    SELECT min(stat_date) AS stat_date FROM {table}
    WHERE site_id = %(site)s AND {key} = %(entity)s AND stat_date > %(day)s
) later ON true

-- shorten: the row before ends where that one begins
UPDATE {table} SET valid_to = %(day)s
WHERE site_id = %(site)s AND {key} = %(entity)s AND stat_date = (
    SELECT max(stat_date) FROM {table}
    WHERE site_id = %(site)s AND {key} = %(entity)s AND stat_date < %(day)s)

-- move: every sum from a day until before another
UPDATE {table} SET {moved}
WHERE site_id = %(site)s AND {key} = %(entity)s
  AND stat_date >= %(day)s AND stat_date < %(end)s

-- end: no row any more for a day without facts
WITH gone AS (
    DELETE FROM {table}
    WHERE site_id = %(site)s AND {key} = %(entity)s AND stat_date = %(day)s
    RETURNING valid_to
)
UPDATE {table} d SET valid_to = gone.valid_to
FROM gone
WHERE d.site_id = %(site)s AND d.{key} = %(entity)s AND d.stat_date = (
    SELECT max(stat_date) FROM {table}
    WHERE site_id = %(site)s AND {key} = %(entity)s AND stat_date < %(day)s)
