, lines AS (
    SELECT l.*,
           CASE WHEN course_type IN ('base', 'incentive', 'trial') THEN course_type ELSE 'other' END
               AS course,
           business_date >= month AS in_month
    FROM live_lines l, asked
)
SELECT a.id AS assistant,
       (SELECT c.level
        FROM assistant_level_changes c
        WHERE c.site_id = site AND c.assistant_id = a.id AND c.business_date <= day
        ORDER BY c.business_date DESC, c.id DESC
        LIMIT 1) AS assistant_level,
       count(DISTINCT member_id) AS customers_served,
       coalesce(sum(hours) FILTER (WHERE in_month AND course = 'base'), 0)::numeric(20, 2)
           AS month_hours,
       coalesce(sum(hours) FILTER (WHERE in_month AND course = 'incentive'), 0)::numeric(20, 2)
           AS month_hours_incentive,
       coalesce(sum(hours) FILTER (WHERE in_month AND course = 'trial'), 0)::numeric(20, 2)
           AS month_hours_trial,
       coalesce(sum(hours) FILTER (WHERE in_month AND course = 'other'), 0)::numeric(20, 2)
           AS month_hours_other,
       coalesce(sum(ledger) FILTER (WHERE in_month), 0)::numeric(20, 2) AS month_billed,
       coalesce(sum(ledger) FILTER (WHERE in_month AND course = 'base'), 0)::numeric(20, 2)
           AS month_billed_base,
       coalesce(sum(ledger) FILTER (WHERE in_month AND course = 'incentive'), 0)::numeric(20, 2)
           AS month_billed_incentive,
       coalesce(sum(ledger) FILTER (WHERE in_month AND course = 'trial'), 0)::numeric(20, 2)
           AS month_billed_trial,
       coalesce(sum(ledger) FILTER (WHERE in_month AND course = 'other'), 0)::numeric(20, 2)
           AS month_billed_other,
       (SELECT jsonb_build_object(
            'hours', coalesce(sum(o.hours), 0)::numeric(20, 2)::text,
            'ledger', coalesce(sum(o.ledger), 0)::numeric(20, 2)::text,
            'customers', count(DISTINCT o.member_id),
            'tasks_done', (SELECT count(*) FROM tasks t
                           WHERE t.assistant_id = a.id AND t.done_on IS NOT NULL))
        FROM live_lines o WHERE o.assistant_id = a.id) AS cumulative_kpi,
       (SELECT jsonb_object_agg(kind, (
            SELECT coalesce(sum(amount), 0)::numeric(20, 2)::text
            FROM live_adjustments j
            WHERE j.assistant_id = a.id AND j.kind = k.kind AND j.business_date >= month))
        FROM unnest(array['reward', 'income', 'deduction', 'expense']) k(kind))
           AS salary_adjustments,
       (SELECT round(count(*) FILTER (WHERE in_time)::numeric / nullif(count(*), 0), 4)
        FROM due_tasks t
        WHERE t.assistant_id = a.id AND due_day >= month) AS task_completion_rate
FROM asked, known_assistants a
LEFT JOIN lines ON lines.assistant_id = a.id
GROUP BY a.id, site, day, month
