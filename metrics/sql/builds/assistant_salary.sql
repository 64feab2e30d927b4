-- rebuild: what assistants earned on each day, each from a date until before another, which is
-- the first of a month: hours and ledger out of dws_assistant_daily_detail (built before), level and
-- plan in force on the day of the work.
WITH touched AS (
    SELECT assistant_id, since, until
    FROM unnest(%(assistants)s::bigint[], %(since)s::date[], %(until)s::date[])
        AS t (assistant_id, since, until)
), {standing}, levels AS (
    SELECT c.assistant_id, c.level, c.business_date AS day,
           lead(c.business_date, 1, '9999-12-31') OVER (
               PARTITION BY c.assistant_id ORDER BY c.business_date, c.id) AS until
    FROM touched t
    JOIN assistant_level_changes c ON c.site_id = %(site)s AND c.assistant_id = t.assistant_id
), plans AS (
    SELECT p.level, p.hourly_rate, p.commission_rate, p.business_date AS day,
           lead(p.business_date, 1, '9999-12-31') OVER (
               PARTITION BY p.level ORDER BY p.business_date, p.id) AS until
    FROM salary_plans p
    WHERE p.site_id = %(site)s
), sums AS (
    SELECT d.assistant_id, d.stat_date AS day, d.services, d.total_ledger_amount AS ledger,
           d.base_hours + d.incentive_hours + d.trial_hours + d.other_hours AS hours
    FROM touched t
    JOIN dws_assistant_daily_detail d ON d.site_id = %(site)s AND d.assistant_id = t.assistant_id
                                     AND d.stat_date >= t.since AND d.stat_date < t.until
    UNION ALL
    SELECT b.assistant_id, b.stat_date, b.services, b.total_ledger_amount,
           b.base_hours + b.incentive_hours + b.trial_hours + b.other_hours
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT d.*
        FROM dws_assistant_daily_detail d
        WHERE d.site_id = %(site)s AND d.assistant_id = t.assistant_id AND d.stat_date < t.since
        ORDER BY d.stat_date DESC
        LIMIT 1
    ) b
), own AS (
    -- A day's own hours and ledger: what its sums have more than the row before.
    SELECT assistant_id, day,
           services - lag(services, 1, 0) OVER so_far AS services,
           hours - lag(hours, 1, 0::bigint) OVER so_far AS hours,
           ledger - lag(ledger, 1, 0::bigint) OVER so_far AS ledger
    FROM sums
    WINDOW so_far AS (PARTITION BY assistant_id ORDER BY day ROWS UNBOUNDED PRECEDING)
), changes AS (
    SELECT o.assistant_id, o.day, o.hours, o.ledger,
           0::bigint AS reward, 0::bigint AS income, 0::bigint AS deduction, 0::bigint AS expense
    FROM touched t
    JOIN own o ON o.assistant_id = t.assistant_id AND o.day >= t.since
    WHERE o.services > 0
    UNION ALL
    SELECT a.assistant_id, a.business_date, 0, 0,
           CASE a.kind WHEN 'reward' THEN (a.amount * 100)::bigint ELSE 0 END,
           CASE a.kind WHEN 'income' THEN (a.amount * 100)::bigint ELSE 0 END,
           CASE a.kind WHEN 'deduction' THEN (a.amount * 100)::bigint ELSE 0 END,
           CASE a.kind WHEN 'expense' THEN (a.amount * 100)::bigint ELSE 0 END
    FROM touched t
    JOIN salary_adjustments a ON a.site_id = %(site)s AND a.assistant_id = t.assistant_id
                             AND a.business_date >= t.since AND a.business_date < t.until
    WHERE a.void_of_id IS NULL
      AND NOT EXISTS (
          SELECT FROM salary_adjustments v WHERE v.site_id = %(site)s AND v.void_of_id = a.id)
), days AS (
    SELECT assistant_id, day, total(hours) AS hours, total(ledger) AS ledger,
           total(reward) AS reward, total(income) AS income,
           total(deduction) AS deduction, total(expense) AS expense
    FROM changes
    GROUP BY assistant_id, day
), priced AS (
    -- Hundredths of hours times yuan are cents, and so are cents times a rate. What the hours earn
    -- and the commission are rounded together: the day is paid once.
    SELECT d.*, coalesce(l.level, '') AS assistant_level_code,
           CASE WHEN p.level IS NULL THEN d.hours ELSE 0 END AS unpriced_hours,
           coalesce(round(d.hours * p.hourly_rate), 0)::bigint AS base_pay,
           coalesce(round(d.hours * p.hourly_rate + d.ledger * p.commission_rate), 0)::bigint
               AS earned
    FROM days d
    LEFT JOIN levels l ON l.assistant_id = d.assistant_id AND d.day >= l.day AND d.day < l.until
    LEFT JOIN plans p ON p.level = l.level AND d.day >= p.day AND d.day < p.until
), paid AS (
    SELECT assistant_id, day, assistant_level_code, hours, ledger, unpriced_hours, base_pay,
           earned - base_pay AS commission, reward, income, deduction, expense,
           earned + reward + income - deduction - expense AS day_total,
           earned + reward + income - deduction - expense AS of_month
    FROM priced
    UNION ALL
    SELECT s.assistant_id, s.stat_date, s.assistant_level_code, s.hours, s.ledger,
           s.unpriced_hours, s.base_pay, s.commission, s.reward, s.income, s.deduction, s.expense,
           s.day_total, s.month_to_date
    FROM standing s
    WHERE s.stat_date < s.since
), later AS (
    SELECT t.assistant_id, min(d.stat_date) AS day
    FROM touched t
    JOIN dws_assistant_daily_salary d ON d.site_id = %(site)s AND d.assistant_id = t.assistant_id
                                     AND d.stat_date >= t.until
    GROUP BY t.assistant_id
), fresh AS (
    SELECT p.assistant_id, p.day AS stat_date,
           coalesce(lead(p.day) OVER so_far, later.day, '9999-12-31') AS valid_to,
           assistant_level_code, hours, ledger, unpriced_hours, base_pay, commission, reward,
           income, deduction, expense, day_total,
           sum(of_month) OVER (
               PARTITION BY p.assistant_id, date_trunc('month', p.day::timestamp) ORDER BY p.day)
               AS month_to_date
    FROM paid p
    LEFT JOIN later ON later.assistant_id = p.assistant_id
    WINDOW so_far AS (PARTITION BY p.assistant_id ORDER BY p.day ROWS UNBOUNDED PRECEDING)
)
