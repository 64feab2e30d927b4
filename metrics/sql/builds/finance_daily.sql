-- A store's daily finances. {columns}, {sums}, ... list the summed columns.

-- sources: what the facts say, where {of_bills}, {of_cards}, ... choose days and areas
SELECT coalesce(s.area_id, 0) AS area_id, s.business_date AS day, {bills}
FROM settlements s
WHERE s.site_id = %(site)s AND {of_bills}
  AND s.void_of_id IS NULL
  AND NOT EXISTS (
      SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = s.id)
GROUP BY 1, 2
UNION ALL
SELECT coalesce(s.area_id, 0), s.business_date, {voids}
FROM settlements s
WHERE s.site_id = %(site)s AND {of_bills}
  AND s.void_of_id IS NOT NULL
GROUP BY 1, 2
UNION ALL
-- Recharges and refunds have no area; gift consumed for a bill has the bill's.
SELECT card.area_id, card.business_date, {card}
FROM (
    SELECT c.*, CASE WHEN c.kind = 'consume' THEN coalesce(b.area_id, 0) ELSE 0 END AS area_id
    FROM card_entries c
    LEFT JOIN settlements b ON b.site_id = %(site)s AND b.id = c.settlement_id
                           AND b.business_date <= c.business_date
    WHERE c.site_id = %(site)s AND {of_cards}
      AND c.void_of_id IS NULL
      AND NOT EXISTS (
          SELECT FROM card_entries v WHERE v.site_id = %(site)s AND v.void_of_id = c.id)
) card
WHERE {of_areas}
GROUP BY 1, 2
UNION ALL
SELECT 0, m.stat_date, {new_members}
FROM dws_member_consumption_summary m
WHERE m.site_id = %(site)s
  AND m.version = (SELECT summary_version FROM site_ingest WHERE site_id = %(site)s)
  AND m.stat_date = m.last_visit AND m.stat_date = m.first_visit AND {of_visits}
GROUP BY 1, 2

-- rebuild: everything from %(since)s on. The row in force before is the first of the sequence.
WITH days AS (
    {sources}
    UNION ALL
    SELECT d.area_id, d.stat_date, {columns}
    FROM dws_finance_daily d
    WHERE d.site_id = %(site)s AND d.stat_date < %(since)s AND d.valid_to >= %(since)s
), fresh AS (
    SELECT area_id, day AS stat_date, coalesce(lead(day) OVER so_far, '9999-12-31') AS valid_to,
           {running}
    FROM (SELECT area_id, day, {sums} FROM days GROUP BY area_id, day) summed
    WINDOW so_far AS (PARTITION BY area_id ORDER BY day)
), gone AS (
    DELETE FROM dws_finance_daily d
    WHERE d.site_id = %(site)s AND d.stat_date >= %(since)s
      AND NOT EXISTS (
          SELECT FROM fresh f WHERE f.area_id = d.area_id AND f.stat_date = d.stat_date)
)
INSERT INTO dws_finance_daily AS d (site_id, area_id, stat_date, valid_to, {columns})
SELECT %(site)s, area_id, stat_date, valid_to, {columns}
FROM fresh
ON CONFLICT (site_id, area_id, stat_date) DO UPDATE
SET (valid_to, {columns}) = (excluded.valid_to, {excluded})
WHERE (d.valid_to, {current}) IS DISTINCT FROM (excluded.valid_to, {excluded})

-- changes: what the facts of %(days)s say of %(areas)s more than the rows do, and whether there are
-- facts and a row
WITH changed AS (
    SELECT area.id AS area_id, d.day
    FROM unnest(%(areas)s::bigint[]) area (id)
    CROSS JOIN unnest(%(days)s::date[]) d (day)
), said AS (
    SELECT area_id, day, 1 AS facts, 0 AS rows, {columns} FROM ({sources}) sources
    UNION ALL
    {stands}
)
SELECT area_id, day, max(facts) > 0, max(rows) > 0, {sums}
FROM said
GROUP BY area_id, day
ORDER BY area_id, day
