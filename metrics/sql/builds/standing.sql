-- What stands in a table.

-- first: nothing does. Not looked for, as a table without statistics is read again and again.
standing AS (
    SELECT d.*, t.since FROM {table} d JOIN touched t ON false
)

-- again: what stands since `touched`, and the row in force before. {singly} is `OFFSET 0` where it is
-- about few of many: one by one, by index, as how much stands cannot be guessed. Where it begins is
-- found apart: under row-level security no index is asked for what comes out of a sub-select.
standing AS (
    SELECT d.*, t.since
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT coalesce(max(b.stat_date), t.since) AS stat_date
        FROM {table} b
        WHERE b.site_id = %(site)s AND {same_entity_before} AND b.stat_date < t.since
    ) edge
    CROSS JOIN LATERAL (
        SELECT d.*
        FROM {table} d
        WHERE d.site_id = %(site)s AND {same_entity} {until} AND d.stat_date >= edge.stat_date
        {singly}
    ) d
)
