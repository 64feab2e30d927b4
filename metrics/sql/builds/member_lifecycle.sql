-- The stages, in %(version)s, of %(members)s from their dates %(since)s on, out of their visits in
-- dws_member_consumption_summary. Stages change on a visit and 31, 61 and 91 days after one, so
-- those are the candidates; the ones that bring another stage are kept. The row before `since` is
-- the first of the new sequence.
WITH touched AS (
    SELECT member_id, since
    FROM unnest(%(members)s::bigint[], %(since)s::date[]) AS t (member_id, since)
), visits AS (
    -- A return 31 days before `since` or earlier has no say any more, but the last visit has.
    SELECT member_id, since, last_visit AS day, min(first_visit) AS first_visit,
           min(before) AS before
    FROM (
        SELECT t.member_id, t.since, d.first_visit, d.last_visit,
               lag(d.last_visit) OVER (PARTITION BY d.member_id ORDER BY d.stat_date) AS before
        FROM touched t
        JOIN dws_member_consumption_summary d
          ON d.site_id = %(site)s AND d.version = %(version)s AND d.member_id = t.member_id
         AND d.valid_to > t.since - 31
        WHERE d.last_visit IS NOT NULL
    ) seen
    GROUP BY member_id, since, last_visit
), candidates AS (
    SELECT v.member_id, v.since, v.day + step.days AS day,
           (v.day + step.days) - max(CASE WHEN v.day - v.before >= %(away)s THEN v.day END)
               OVER so_far AS since_return,
           (v.day + step.days) - v.first_visit AS since_first,
           (v.day + step.days) - max(v.day) OVER so_far AS since_last
    FROM visits v
    CROSS JOIN (VALUES (0), (31), (61), (91)) AS step (days)
    WINDOW so_far AS (PARTITION BY v.member_id ORDER BY v.day + step.days)
), stages AS (
    SELECT DISTINCT member_id, day,
           CASE WHEN since_return <= 30 THEN 'returned'
                WHEN since_first <= 30 THEN 'new'
                WHEN since_last <= 30 THEN 'active'
                WHEN since_last <= 60 THEN 'cooling'
                WHEN since_last <= 90 THEN 'dormant'
                ELSE 'churned'
           END AS stage
    FROM candidates
    WHERE day >= since
    UNION ALL
    SELECT b.member_id, b.stat_date, b.stage
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT d.*
        FROM dws_member_lifecycle d
        WHERE d.site_id = %(site)s AND d.version = %(version)s AND d.member_id = t.member_id
          AND d.stat_date < t.since
        ORDER BY d.stat_date DESC
        LIMIT 1
    ) b
), changes AS (
    SELECT member_id, day, stage,
           lag(stage) OVER (PARTITION BY member_id ORDER BY day) IS DISTINCT FROM stage AS is_new
    FROM stages
), fresh AS (
    SELECT member_id, day AS stat_date, stage,
           coalesce(lead(day) OVER (PARTITION BY member_id ORDER BY day), '9999-12-31') AS valid_to
    FROM changes
    WHERE is_new
), gone AS (
    DELETE FROM dws_member_lifecycle d
    USING touched t
    WHERE d.site_id = %(site)s AND d.version = %(version)s AND d.member_id = t.member_id
      AND d.stat_date >= t.since
      AND NOT EXISTS (
          SELECT FROM fresh f WHERE f.member_id = d.member_id AND f.stat_date = d.stat_date)
)
INSERT INTO dws_member_lifecycle AS d (site_id, version, member_id, stat_date, valid_to, stage)
SELECT %(site)s, %(version)s, member_id, stat_date, valid_to, stage
FROM fresh
ON CONFLICT (site_id, version, member_id, stat_date) DO UPDATE
SET (valid_to, stage) = (excluded.valid_to, excluded.stage)
WHERE (d.valid_to, d.stage) IS DISTINCT FROM (excluded.valid_to, excluded.stage)
