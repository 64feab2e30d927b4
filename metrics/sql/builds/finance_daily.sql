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

-- repair: %(areas)s on %(days)s; what a day has more (or less) than before is added in place to
-- its row and to every later one
WITH sources AS (
    {sources}
), fresh AS MATERIALIZED (
    SELECT area_id, day, {sums} FROM sources GROUP BY area_id, day
), touched AS MATERIALIZED (
    SELECT area_id, day
    FROM unnest(%(areas)s::bigint[]) area_id, unnest(%(days)s::date[]) day
), before AS (
    -- The rows in force on the day, and on the day before.
    SELECT t.area_id, t.day, edge.sign, d.*
    FROM touched t
    CROSS JOIN LATERAL (VALUES (t.day, -1), (t.day - 1, 1)) edge (day, sign)
    CROSS JOIN LATERAL (
        SELECT {columns} FROM dws_finance_daily d
        WHERE d.site_id = %(site)s AND d.area_id = t.area_id AND d.stat_date <= edge.day
          AND d.valid_to > edge.day
        ORDER BY d.stat_date DESC LIMIT 1
    ) d
), differences AS (
    SELECT area_id, day, {sums}
    FROM (
        SELECT area_id, day, {columns} FROM fresh
        UNION ALL
        SELECT area_id, day, {signed} FROM before
    ) both_sides
    GROUP BY area_id, day
), steps AS MATERIALIZED (
    SELECT area_id, day, lead(day, 1, '9999-12-31') OVER so_far AS until, {running}
    FROM differences
    WINDOW so_far AS (PARTITION BY area_id ORDER BY day)
), dates AS (
    -- The dates of the rows as they will be; `was` is null where there is none yet.
    SELECT d.area_id, d.stat_date, d.valid_to AS was
    FROM dws_finance_daily d
    WHERE d.site_id = %(site)s AND d.area_id = ANY (%(areas)s::bigint[])
      AND d.valid_to >= %(since)s
      AND (d.stat_date <> ALL (%(days)s::date[]) OR EXISTS (
          SELECT FROM fresh f WHERE f.area_id = d.area_id AND f.day = d.stat_date))
    UNION ALL
    SELECT f.area_id, f.day, NULL
    FROM fresh f
    WHERE NOT EXISTS (
        SELECT FROM dws_finance_daily d
        WHERE d.site_id = %(site)s AND d.area_id = f.area_id AND d.stat_date = f.day)
), chain AS MATERIALIZED (
    SELECT c.area_id, c.stat_date, c.was, c.valid_to,
           s.area_id IS NOT NULL AND ({of_step}) <> ({zeros}) AS is_more, {more}
    FROM (
        SELECT area_id, stat_date, was,
               lead(stat_date, 1, '9999-12-31') OVER (PARTITION BY area_id ORDER BY stat_date)
                   AS valid_to
        FROM dates
    ) c
    LEFT JOIN steps s ON s.area_id = c.area_id AND c.stat_date >= s.day AND c.stat_date < s.until
), gone AS (
    DELETE FROM dws_finance_daily d
    WHERE d.site_id = %(site)s AND d.area_id = ANY (%(areas)s::bigint[])
      AND d.stat_date = ANY (%(days)s::date[])
      AND NOT EXISTS (SELECT FROM fresh f WHERE f.area_id = d.area_id AND f.day = d.stat_date)
), moved AS (
    UPDATE dws_finance_daily d SET (valid_to, {columns}) = ROW (c.valid_to, {added})
    FROM chain c
    WHERE d.site_id = %(site)s AND d.area_id = c.area_id AND d.stat_date = c.stat_date
      AND (c.is_more OR c.valid_to <> c.was)
)
INSERT INTO dws_finance_daily (site_id, area_id, stat_date, valid_to, {columns})
SELECT %(site)s, c.area_id, c.stat_date, c.valid_to, {begun}
FROM chain c
LEFT JOIN LATERAL (
    SELECT {columns} FROM dws_finance_daily d
    WHERE d.site_id = %(site)s AND d.area_id = c.area_id AND d.stat_date < c.stat_date
      AND d.valid_to > c.stat_date
    ORDER BY d.stat_date DESC LIMIT 1
) d ON true
WHERE c.was IS NULL
