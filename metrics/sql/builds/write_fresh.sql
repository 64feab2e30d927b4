-- The end of a statement: `fresh` takes the place of what stood since `touched`. The row in force
-- before is its first; rows that come out the same are not written.
, gone AS (
    DELETE FROM {table} d
    USING touched t
    WHERE d.site_id = %(site)s AND {same_entity} AND d.stat_date >= t.since
      AND NOT EXISTS (SELECT FROM fresh f WHERE {same_row})
)
INSERT INTO {table} AS d (site_id, {columns})
SELECT %(site)s, {columns}
FROM fresh
ON CONFLICT (site_id, {key}, stat_date) DO UPDATE
SET ({values}) = ({excluded})
WHERE ({current}) IS DISTINCT FROM ({excluded})
