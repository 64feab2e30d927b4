, extremes AS (
    SELECT member_id, min(business_date) AS first, max(business_date) AS last
    FROM visits
    GROUP BY member_id
)
SELECT (SELECT coalesce(sum(principal + gift), 0)::numeric(20, 2) FROM live_cards)
           AS prepaid_liability,
       count(*) FILTER (WHERE first BETWEEN month AND day) AS month_new_members,
       count(*) FILTER (WHERE last + %(churn_days)s::int BETWEEN month AND day)
           AS month_churned_members
FROM asked LEFT JOIN extremes ON true
GROUP BY month, day
