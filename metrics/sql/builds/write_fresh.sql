-- The end of a statement: `fresh` is written into a table.

-- first: these entities have no rows yet
INSERT INTO {table} (site_id, {columns})
SELECT %(site)s, {columns}
FROM fresh

-- again: `fresh` takes the place of what stands, the row in force before included; rows that come
-- out the same are left alone
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
