-- rebuild: the stages, in %(version)s, of %(members)s from their dates %(since)s on, out of their
-- visits in dws_member_consumption_summary. The row before `since` is the first of the sequence.
WITH touched AS (
    SELECT member_id, %(version)s::smallint AS version, since
    FROM unnest(%(members)s::bigint[], %(since)s::date[]) AS t (member_id, since)
), {standing}, seen AS (
    -- A return 31 days before `since` or earlier has no say any more, but the last visit has.
    SELECT t.member_id, t.since, d.last_visit AS day, min(d.first_visit) AS first_visit
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT *
        FROM dws_member_consumption_summary
        WHERE site_id = %(site)s AND version = %(version)s AND member_id = t.member_id
          AND valid_to > t.since - 31
        {singly}
    ) d
    WHERE d.last_visit IS NOT NULL
    GROUP BY t.member_id, t.since, d.last_visit
), visits AS (
    SELECT seen.*, lead(day, 1, '9999-12-31') OVER in_order AS next,
           day - lag(day) OVER in_order >= %(away)s AS is_return
    FROM seen
    WINDOW in_order AS (PARTITION BY member_id ORDER BY day)
), returns AS (
    SELECT visits.*,
           max(day) FILTER (WHERE is_return) OVER (
               PARTITION BY member_id ORDER BY day ROWS UNBOUNDED PRECEDING) AS returned
    FROM visits
), stages AS (
    -- A stage begins on a visit, 31, 61 and 91 days after one that is still the last, and 31 days
    -- after the first visit and the last return.
    SELECT s.member_id, c.day,
           CASE WHEN c.day - s.returned <= 30 THEN 'returned'
                WHEN c.day - s.first_visit <= 30 THEN 'new'
                WHEN c.day - s.day <= 30 THEN 'active'
                WHEN c.day - s.day <= 60 THEN 'cooling'
                WHEN c.day - s.day <= 90 THEN 'dormant'
                ELSE 'churned'
           END AS stage
    FROM returns s
    CROSS JOIN LATERAL (VALUES
        (s.day), (s.day + 31), (s.day + 61), (s.day + 91), (s.first_visit + 31), (s.returned + 31)
    ) AS c (day)
    WHERE c.day >= s.day AND c.day < s.next AND c.day >= s.since
    UNION ALL
    SELECT member_id, stat_date, stage
    FROM standing
    WHERE stat_date < since
), changes AS (
    SELECT member_id, day, stage,
           lag(stage) OVER (PARTITION BY member_id ORDER BY day) IS DISTINCT FROM stage AS is_new
    FROM stages
), fresh AS (
    SELECT %(version)s::smallint AS version, member_id, day AS stat_date, stage,
           coalesce(lead(day) OVER (PARTITION BY member_id ORDER BY day), '9999-12-31') AS valid_to
    FROM changes
    WHERE is_new
)
