-- The stage of every member on the day before D's month and on every day of it up to D.
, gaps AS (
    SELECT member_id, business_date,
           business_date - lag(business_date) OVER (PARTITION BY member_id ORDER BY business_date)
               AS away
    FROM visits
), seen AS (
    SELECT member_id, d::date AS on_day, min(business_date) AS first, max(business_date) AS last,
           bool_or(away >= %(churn_days)s AND d::date - business_date <= 30) AS came_back
    FROM asked, generate_series(month - 1, day, interval '1 day') d
    JOIN gaps ON business_date <= d::date
    GROUP BY 1, 2
), stages AS (
    SELECT member_id, on_day,
           CASE WHEN came_back THEN 'returned'
                WHEN on_day - first <= 30 THEN 'new'
                WHEN on_day - last <= 30 THEN 'active'
                WHEN on_day - last <= 60 THEN 'cooling'
                WHEN on_day - last <= 90 THEN 'dormant'
                ELSE 'churned' END AS stage
    FROM seen
)
