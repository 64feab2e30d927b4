, decayed AS (
    SELECT l.assistant_id, l.member_id,
           sum((1 + hours::float8 * %(relationship_hour_weight)s
                  + ledger::float8 * %(relationship_yuan_weight)s)
               * power(2::float8, -(day - business_date)::float8 / %(relationship_half_life)s)
               ORDER BY business_date, l.id) AS s
    FROM live_lines l, asked
    WHERE member_id IS NOT NULL AND business_date > day - %(relationship_window_days)s::int
    GROUP BY 1, 2
)
SELECT m.id AS member, a.id AS assistant,
       round(coalesce(100 * s / (s + %(relationship_k)s), 0)::numeric, 1) AS relationship_index
FROM known_members m
CROSS JOIN known_assistants a
LEFT JOIN decayed ON decayed.member_id = m.id AND decayed.assistant_id = a.id
