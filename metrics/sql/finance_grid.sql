-- The sums of every area (%(codes)s with the ids in %(areas)s, pairwise) in every period numbered
-- 0, 1, ... (from the day after %(befores)s to %(ends)s): what stood at the end less what stood
-- before the start. Each area is looked up once on each of those days; days before the first row
-- stand at nothing.
WITH cells AS (
    SELECT code, area_id FROM unnest(%(codes)s::text[], %(areas)s::bigint[]) AS c (code, area_id)
), periods AS (
    SELECT n - 1 AS period, before, ending
    FROM unnest(%(befores)s::date[], %(ends)s::date[]) WITH ORDINALITY AS p (before, ending, n)
), stands AS MATERIALIZED (
    SELECT area.area_id, edge.day, {seek}
    FROM (SELECT DISTINCT area_id FROM cells) area
    CROSS JOIN (SELECT before AS day FROM periods UNION SELECT ending FROM periods) edge
    CROSS JOIN LATERAL (
        SELECT f.*
        FROM dws_finance_daily f
        WHERE f.site_id = %(site)s AND f.area_id = area.area_id
          AND f.stat_date <= edge.day AND f.valid_to > edge.day
        ORDER BY f.stat_date DESC
        LIMIT 1
    ) f
)
SELECT cells.code, periods.period, {differences}
FROM cells
CROSS JOIN periods
JOIN stands AS ends ON ends.area_id = cells.area_id AND ends.day = periods.ending
LEFT JOIN stands AS befores ON befores.area_id = cells.area_id AND befores.day = periods.before
GROUP BY cells.code, periods.period
