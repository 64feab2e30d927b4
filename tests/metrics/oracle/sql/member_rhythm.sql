, intervals AS (
    SELECT member_id,
           business_date - lag(business_date) OVER (PARTITION BY member_id ORDER BY business_date)
               AS days
    FROM visits, asked
    WHERE business_date > day - 180
), sorted AS (
    SELECT member_id, days,
           row_number() OVER (PARTITION BY member_id ORDER BY days) AS nth,
           count(*) OVER (PARTITION BY member_id) AS n
    FROM intervals
    WHERE days IS NOT NULL
), medians AS (
    -- one in the middle, or the mean of two; four visits have three intervals
    SELECT member_id, avg(days) AS median
    FROM sorted
    WHERE n >= 3 AND nth BETWEEN n / 2.0 AND n / 2.0 + 1
    GROUP BY member_id
)
SELECT m.id AS member, round(median, 1) AS visit_interval_median,
       round((SELECT day - max(business_date) FROM visits v WHERE v.member_id = m.id) / median, 2)
           AS overdue_ratio
FROM asked, known_members m
LEFT JOIN medians ON medians.member_id = m.id
