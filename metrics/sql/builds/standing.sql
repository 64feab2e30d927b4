-- What stands in a table.

-- first: nothing does. Not looked for, as a table without statistics is read again and again.
standing AS (
    SELECT d.*, t.since FROM {table} d JOIN touched t ON false
)

-- again: what stands since `touched`, and the row in force before. Entity by entity, by index: how
-- much stands cannot be guessed, and the whole store would be read.
standing AS (
    SELECT d.*, t.since
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT d.*
        FROM {table} d
        WHERE d.site_id = %(site)s AND {same_entity} {until}
          AND d.stat_date >= coalesce((
              SELECT max(b.stat_date) FROM {table} b
              WHERE b.site_id = %(site)s AND {same_entity_before} AND b.stat_date < t.since),
              t.since)
        OFFSET 0
    ) d
)
