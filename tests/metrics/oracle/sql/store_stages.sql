, entered AS (
    SELECT today.stage
    FROM asked, stages today
    LEFT JOIN stages before
           ON before.member_id = today.member_id AND before.on_day = today.on_day - 1
    WHERE today.on_day >= month AND today.stage IS DISTINCT FROM before.stage
)
SELECT count(*) FILTER (WHERE stage = 'new') AS month_lifecycle_new,
       count(*) FILTER (WHERE stage = 'returned') AS month_lifecycle_returned,
       count(*) FILTER (WHERE stage = 'churned') AS month_lifecycle_churned
FROM entered
