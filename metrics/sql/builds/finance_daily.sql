-- A store's daily finances. {columns}, {sums}, ... list the summed columns.

-- sources: what the facts say from %(since)s on, of %(days)s and %(areas)s (null: all of them)
SELECT coalesce(s.area_id, 0) AS area_id, s.business_date AS day, {bills}
FROM settlements s
WHERE s.site_id = %(site)s AND s.business_date >= %(since)s
  AND (%(days)s::date[] IS NULL OR s.business_date = ANY (%(days)s::date[]))
  AND (%(areas)s::bigint[] IS NULL OR coalesce(s.area_id, 0) = ANY (%(areas)s::bigint[]))
  AND s.void_of_id IS NULL
  AND NOT EXISTS (
      SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = s.id)
GROUP BY 1, 2
UNION ALL
SELECT coalesce(s.area_id, 0), s.business_date, {voids}
FROM settlements s
WHERE s.site_id = %(site)s AND s.business_date >= %(since)s
  AND (%(days)s::date[] IS NULL OR s.business_date = ANY (%(days)s::date[]))
  AND (%(areas)s::bigint[] IS NULL OR coalesce(s.area_id, 0) = ANY (%(areas)s::bigint[]))
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
    WHERE c.site_id = %(site)s AND c.business_date >= %(since)s
      AND (%(days)s::date[] IS NULL OR c.business_date = ANY (%(days)s::date[]))
      AND c.void_of_id IS NULL
      AND NOT EXISTS (
          SELECT FROM card_entries v WHERE v.site_id = %(site)s AND v.void_of_id = c.id)
) card
WHERE %(areas)s::bigint[] IS NULL OR card.area_id = ANY (%(areas)s::bigint[])
GROUP BY 1, 2
UNION ALL
SELECT 0, m.stat_date, {new_members}
FROM dws_member_consumption_summary m
WHERE m.site_id = %(site)s AND m.version = (SELECT summary_version FROM site_ingest WHERE site_id = %(site)s)
  AND m.stat_date = m.last_visit AND m.stat_date = m.first_visit AND m.stat_date >= %(since)s
  AND (%(days)s::date[] IS NULL OR m.stat_date = ANY (%(days)s::date[]))
  AND (%(areas)s::bigint[] IS NULL OR 0 = ANY (%(areas)s::bigint[]))
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
WITH said AS (
    SELECT area_id, day, 1 AS facts, 0 AS rows, {columns} FROM ({sources}) sources
    UNION ALL
    -- A day's own are what stands on it less what stood the day before.
    SELECT area.id, edge.day, 0, (edge.sign < 0 AND d.stat_date = edge.day)::int, {signed}
    FROM unnest(%(areas)s::bigint[]) area (id)
    CROSS JOIN unnest(%(days)s::date[]) touched (day)
    CROSS JOIN LATERAL (VALUES (touched.day, touched.day, -1), (touched.day, touched.day - 1, 1))
        AS edge (day, seen, sign)
    CROSS JOIN LATERAL (
        SELECT * FROM dws_finance_daily d
        WHERE d.site_id = %(site)s AND d.area_id = area.id AND d.stat_date <= edge.seen
          AND d.valid_to > edge.seen
        ORDER BY d.stat_date DESC LIMIT 1
    ) d
)
SELECT area_id, day, max(facts) > 0, max(rows) > 0, {sums}
FROM said
GROUP BY area_id, day
ORDER BY area_id, day

-- begin: a row for a day that has none, standing at what stood before
INSERT INTO dws_finance_daily (site_id, area_id, stat_date, valid_to, {columns})
SELECT %(site)s, %(area)s, %(day)s, coalesce(d.valid_to, later.stat_date, '9999-12-31'), {begun}
FROM (VALUES (1)) once
LEFT JOIN dws_finance_daily d ON d.site_id = %(site)s AND d.area_id = %(area)s
                             AND d.stat_date < %(day)s AND d.valid_to > %(day)s
LEFT JOIN LATERAL (
    SELECT min(stat_date) AS stat_date FROM dws_finance_daily
    WHERE site_id = %(site)s AND area_id = %(area)s AND stat_date > %(day)s
) later ON true;
UPDATE dws_finance_daily SET valid_to = %(day)s
WHERE site_id = %(site)s AND area_id = %(area)s AND stat_date < %(day)s AND valid_to > %(day)s

-- move: every sum from a day on
UPDATE dws_finance_daily SET {moved}
WHERE site_id = %(site)s AND area_id = %(area)s AND stat_date >= %(day)s

-- end: no row any more for a day without facts
WITH gone AS (
    DELETE FROM dws_finance_daily
    WHERE site_id = %(site)s AND area_id = %(area)s AND stat_date = %(day)s
    RETURNING valid_to
)
UPDATE dws_finance_daily d SET valid_to = gone.valid_to
FROM gone
WHERE d.site_id = %(site)s AND d.area_id = %(area)s AND d.stat_date < %(day)s
  AND d.valid_to = %(day)s
