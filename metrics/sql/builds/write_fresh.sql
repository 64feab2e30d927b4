-- The end of a statement: `fresh` takes the place of what stands. The row in force before is its
-- first; rows that come out the same are left alone.
, gone AS (
    DELETE FROM {table} d
    WHERE d.site_id = %(site)s
      AND d.id = ANY (ARRAY(
          SELECT s.id FROM standing s WHERE NOT EXISTS (SELECT FROM fresh f WHERE {same_row})))
)
INSERT INTO {table} (site_id, {columns})
SELECT %(site)s, {columns}
FROM fresh f
WHERE NOT EXISTS (
    SELECT FROM standing s WHERE {same_row} AND ({current}) IS NOT DISTINCT FROM ({fresh}))
ON CONFLICT (site_id, {key}, stat_date) DO UPDATE
SET ({values}) = ({excluded})
