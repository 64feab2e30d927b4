-- What stands since `touched`, and the row in force before. Entity by entity, by index: how much
-- stands cannot be guessed, and the whole store would be read.
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
