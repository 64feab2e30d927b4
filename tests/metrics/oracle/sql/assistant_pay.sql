, work AS (
    SELECT assistant_id, business_date, sum(hours) AS hours, sum(ledger) AS ledger
    FROM live_lines
    GROUP BY 1, 2
), corrections AS (
    SELECT assistant_id, business_date,
           sum(CASE WHEN kind IN ('reward', 'income') THEN amount ELSE -amount END) AS amount
    FROM live_adjustments
    GROUP BY 1, 2
), days AS (
    -- null: hours were worked on a day without a level or a plan
    SELECT assistant_id, business_date, coalesce(w.hours, 0) AS hours,
           CASE WHEN coalesce(w.hours, 0) = 0 OR plan.id IS NOT NULL
                THEN coalesce(round(w.hours * hourly_rate + w.ledger * commission_rate, 2), 0)
                     + coalesce(c.amount, 0) END AS total
    FROM asked, work w
    FULL JOIN corrections c USING (assistant_id, business_date)
    LEFT JOIN LATERAL (
        SELECT o.level
        FROM assistant_level_changes o
        WHERE o.site_id = %(site)s AND o.assistant_id = coalesce(w.assistant_id, c.assistant_id)
          AND o.business_date <= coalesce(w.business_date, c.business_date)
        ORDER BY o.business_date DESC, o.id DESC
        LIMIT 1
    ) level ON true
    LEFT JOIN LATERAL (
        SELECT p.id, p.hourly_rate, p.commission_rate
        FROM salary_plans p
        WHERE p.site_id = %(site)s AND p.level = level.level
          AND p.business_date <= coalesce(w.business_date, c.business_date)
        ORDER BY p.business_date DESC, p.id DESC
        LIMIT 1
    ) plan ON true
), rules AS (
    -- of the plan in force at D for the level in force at D
    SELECT a.id AS assistant_id, plan.month_rules AS rule
    FROM asked, known_assistants a
    CROSS JOIN LATERAL (
        SELECT o.level
        FROM assistant_level_changes o
        WHERE o.site_id = %(site)s AND o.assistant_id = a.id AND o.business_date <= %(day)s
        ORDER BY o.business_date DESC, o.id DESC
        LIMIT 1
    ) level
    CROSS JOIN LATERAL (
        SELECT p.month_rules
        FROM salary_plans p
        WHERE p.site_id = %(site)s AND p.level = level.level AND p.business_date <= %(day)s
        ORDER BY p.business_date DESC, p.id DESC
        LIMIT 1
    ) plan
), recharges AS (
    -- the month's recharges, each with whom the member was assigned to on its day
    SELECT owner.assistant_id, sum(c.principal) AS principal
    FROM asked, live_cards c
    CROSS JOIN LATERAL (
        SELECT m.assistant_id
        FROM member_assignments m
        WHERE m.site_id = %(site)s AND m.member_id = c.member_id
          AND m.business_date <= c.business_date
        ORDER BY m.business_date DESC, m.id DESC
        LIMIT 1
    ) owner
    WHERE c.kind = 'recharge' AND c.business_date >= month
    GROUP BY 1
), months AS (
    SELECT a.id, coalesce(sum(hours), 0) AS hours, coalesce(sum(total), 0) AS total,
           bool_or(days.assistant_id IS NOT NULL AND total IS NULL) AS unknown
    FROM asked, known_assistants a
    LEFT JOIN days ON days.assistant_id = a.id AND days.business_date >= (SELECT month FROM asked)
    GROUP BY a.id
), items AS (
    SELECT m.*, rule,
           coalesce((SELECT round(m.hours * (t ->> 'extra_per_hour')::numeric, 2)
                     FROM jsonb_array_elements(rule -> 'hour_tiers') t
                     WHERE (t ->> 'from_hours')::numeric <= m.hours
                     ORDER BY (t ->> 'from_hours')::numeric DESC
                     LIMIT 1), 0) AS tier,
           coalesce(round(principal * (rule ->> 'recharge_commission')::numeric, 2), 0)
               AS commission
    FROM months m
    LEFT JOIN rules ON rules.assistant_id = m.id
    LEFT JOIN recharges ON recharges.assistant_id = m.id
)
SELECT i.id AS assistant,
       CASE WHEN today.assistant_id IS NULL THEN 0 ELSE today.total END::numeric(20, 2)
           AS daily_salary,
       CASE WHEN NOT unknown
            THEN i.total + tier + commission
                 + CASE WHEN date_trunc('month', day + 1) = day + 1
                        THEN greatest(0, (rule ->> 'guarantee')::numeric
                                         - (i.total + tier + commission))
                        ELSE 0 END
       END::numeric(20, 2) AS month_salary
FROM asked, items i
LEFT JOIN days today ON today.assistant_id = i.id AND today.business_date = %(day)s
