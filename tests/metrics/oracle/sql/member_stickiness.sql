, decayed AS (
    SELECT m.id,
           (SELECT coalesce(sum(power(2::float8,
                                      -(day - v.business_date)::float8 / %(stickiness_half_life)s)
                                ORDER BY v.business_date), 0)
            FROM visits v
            WHERE v.member_id = m.id AND v.business_date > day - %(stickiness_window_days)s::int)
               AS s
    FROM known_members m, asked
)
SELECT id AS member, round((100 * s / (s + %(stickiness_k)s))::numeric, 1) AS stickiness
FROM decayed
