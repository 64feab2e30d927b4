-- Baseline of a full build, for DuckDB (2 threads, the facts loaded into its own tables): the same
-- aggregates of the sites in $sites, into tables without keys or indexes. One statement a table.

-- dws_member_consumption_summary
CREATE OR REPLACE TEMP TABLE member_consumption_summary AS
WITH bills AS (
    SELECT site_id, member_id, business_date AS day, count(*) AS transactions,
           sum(gross) AS gross, sum(paid) AS paid, sum(card_paid) AS card_paid
    FROM settlements s
    WHERE list_contains($sites, site_id) AND member_id IS NOT NULL AND void_of_id IS NULL
      AND id NOT IN (SELECT void_of_id FROM settlements WHERE void_of_id IS NOT NULL)
    GROUP BY ALL
), changes AS (
    SELECT site_id, member_id, day, day AS visit, 1 AS visits, transactions, gross, paid, card_paid,
           0 AS principal, 0 AS gift, paid AS paid_60d
    FROM bills
    UNION ALL
    SELECT site_id, member_id, day + 60, NULL, 0, 0, 0, 0, 0, 0, 0, -paid FROM bills
    UNION ALL
    SELECT site_id, member_id, business_date, NULL, 0, 0, 0, 0, 0, principal, gift, 0
    FROM card_entries
    WHERE list_contains($sites, site_id) AND void_of_id IS NULL
      AND id NOT IN (SELECT void_of_id FROM card_entries WHERE void_of_id IS NOT NULL)
), days AS (
    SELECT site_id, member_id, day, min(visit) AS first_visit, max(visit) AS last_visit,
           sum(visits) AS visits, sum(transactions) AS transactions, sum(gross) AS gross,
           sum(paid) AS paid, sum(card_paid) AS card_paid, sum(principal) AS principal,
           sum(gift) AS gift, sum(paid_60d) AS paid_60d
    FROM changes
    GROUP BY ALL
)
SELECT site_id, member_id, day AS stat_date,
       coalesce(lead(day) OVER so_far, DATE '9999-12-31') AS valid_to,
       min(first_visit) OVER so_far AS first_visit, max(last_visit) OVER so_far AS last_visit,
       sum(visits) OVER so_far AS visits, sum(transactions) OVER so_far AS transactions,
       sum(gross) OVER so_far AS gross, sum(paid) OVER so_far AS paid,
       sum(card_paid) OVER so_far AS card_paid, sum(principal) OVER so_far AS principal,
       sum(gift) OVER so_far AS gift, sum(paid_60d) OVER so_far AS paid_60d
FROM days
WINDOW so_far AS (PARTITION BY site_id, member_id ORDER BY day);

-- dws_finance_daily
CREATE OR REPLACE TEMP TABLE finance_daily AS
WITH sources AS (
    SELECT site_id, coalesce(area_id, 0) AS area_id, business_date AS day,
           sum(gross) AS gross, sum(discount) AS discount, sum(paid) AS paid,
           sum(card_paid) AS card_paid, sum(cash_paid) AS cash_paid, sum(other_paid) AS other_paid,
           sum(groupbuy_paid) AS groupbuy_paid, count(groupbuy_paid) AS groupbuy_known,
           sum(paid) FILTER (member_id IS NOT NULL) AS member_paid,
           sum(table_fee) AS table_fee, sum(assistant_fee) AS assistant_fee,
           sum(goods_fee) AS goods_fee, sum(other_fee) AS other_fee,
           count(coalesce(table_fee, assistant_fee, goods_fee, other_fee)) AS parts_known,
           count(*) AS bills, count(member_id) AS member_bills, sum(guests) AS guests,
           sum(minutes) AS table_minutes, count(minutes) AS timed_bills,
           0 AS voided_bills, 0 AS recharge_principal, 0 AS recharge_gift, 0 AS refunds,
           0 AS gift_consumed, 0 AS new_members
    FROM settlements
    WHERE list_contains($sites, site_id) AND void_of_id IS NULL
      AND id NOT IN (SELECT void_of_id FROM settlements WHERE void_of_id IS NOT NULL)
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT site_id, coalesce(area_id, 0) AS area_id, business_date AS day, count(*) AS voided_bills
    FROM settlements
    WHERE list_contains($sites, site_id) AND void_of_id IS NOT NULL
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT c.site_id, CASE WHEN c.kind = 'consume' THEN coalesce(b.area_id, 0) ELSE 0 END AS area_id,
           c.business_date AS day,
           sum(c.principal) FILTER (c.kind = 'recharge') AS recharge_principal,
           sum(c.gift) FILTER (c.kind = 'recharge') AS recharge_gift,
           sum(-c.principal) FILTER (c.kind = 'refund') AS refunds,
           sum(-c.gift) FILTER (c.kind = 'consume') AS gift_consumed
    FROM card_entries c
    LEFT JOIN settlements b ON b.id = c.settlement_id
    WHERE list_contains($sites, c.site_id) AND c.void_of_id IS NULL
      AND c.id NOT IN (SELECT void_of_id FROM card_entries WHERE void_of_id IS NOT NULL)
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT site_id, 0 AS area_id, first_visit AS day, count(*) AS new_members
    FROM member_consumption_summary
    WHERE stat_date = first_visit
    GROUP BY ALL
), days AS (
    SELECT site_id, area_id, day, sum(COLUMNS(* EXCLUDE (site_id, area_id, day)))
    FROM sources
    GROUP BY site_id, area_id, day
)
SELECT site_id, area_id, day AS stat_date,
       coalesce(lead(day) OVER so_far, DATE '9999-12-31') AS valid_to,
       sum(COLUMNS(* EXCLUDE (site_id, area_id, day))) OVER so_far
FROM days
WINDOW so_far AS (PARTITION BY site_id, area_id ORDER BY day);

-- dws_member_lifecycle
CREATE OR REPLACE TEMP TABLE member_lifecycle AS
WITH visits AS (
    SELECT site_id, member_id, last_visit AS day, first_visit,
           lag(last_visit) OVER (PARTITION BY site_id, member_id ORDER BY stat_date) AS before
    FROM member_consumption_summary
    WHERE stat_date = last_visit
), candidates AS (
    SELECT site_id, member_id, day + step AS day,
           (day + step) - max(CASE WHEN visits.day - before >= 45 THEN visits.day END) OVER so_far
               AS since_return,
           (day + step) - first_visit AS since_first,
           (day + step) - max(visits.day) OVER so_far AS since_last
    FROM visits, (SELECT unnest([0, 31, 61, 91]) AS step) steps
    WINDOW so_far AS (PARTITION BY site_id, member_id ORDER BY visits.day + step)
), stages AS (
    SELECT DISTINCT site_id, member_id, day,
           CASE WHEN since_return <= 30 THEN 'returned' WHEN since_first <= 30 THEN 'new'
                WHEN since_last <= 30 THEN 'active' WHEN since_last <= 60 THEN 'cooling'
                WHEN since_last <= 90 THEN 'dormant' ELSE 'churned' END AS stage
    FROM candidates
), changes AS (
    SELECT *
    FROM stages
    QUALIFY lag(stage) OVER (PARTITION BY site_id, member_id ORDER BY day) IS DISTINCT FROM stage
)
SELECT site_id, member_id, day AS stat_date, stage,
       coalesce(lead(day) OVER (PARTITION BY site_id, member_id ORDER BY day), DATE '9999-12-31')
           AS valid_to
FROM changes;

-- dws_assistant_customer_stats
CREATE OR REPLACE TEMP TABLE live_lines AS
SELECT * FROM service_lines
WHERE list_contains($sites, site_id) AND void_of_id IS NULL
  AND id NOT IN (SELECT void_of_id FROM service_lines WHERE void_of_id IS NOT NULL)
  AND settlement_id NOT IN (SELECT void_of_id FROM settlements WHERE void_of_id IS NOT NULL);

CREATE OR REPLACE TEMP TABLE assistant_customer_stats AS
WITH days AS (
    SELECT site_id, assistant_id, member_id, business_date AS day, count(*) AS services,
           sum(hours) AS hours, sum(ledger) AS ledger
    FROM live_lines
    WHERE member_id IS NOT NULL
    GROUP BY ALL
)
SELECT site_id, assistant_id, member_id, day AS stat_date,
       coalesce(lead(day) OVER so_far, DATE '9999-12-31') AS valid_to,
       row_number() OVER so_far = 1 AS is_first, sum(services) OVER so_far AS services,
       sum(hours) OVER so_far AS hours, sum(ledger) OVER so_far AS ledger,
       services AS day_services, hours AS day_hours, ledger AS day_ledger
FROM days
WINDOW so_far AS (PARTITION BY site_id, assistant_id, member_id ORDER BY day);

-- dws_assistant_daily_detail
CREATE OR REPLACE TEMP TABLE levels AS
SELECT site_id, assistant_id, level, business_date AS day,
       lead(business_date, 1, DATE '9999-12-31') OVER (
           PARTITION BY site_id, assistant_id ORDER BY business_date, id) AS until
FROM assistant_level_changes
WHERE list_contains($sites, site_id);

CREATE OR REPLACE TEMP TABLE assistant_daily_detail AS
WITH changes AS (
    SELECT site_id, assistant_id, business_date AS day, count(*) AS services, 0 AS customers,
           sum(CASE course_type WHEN 'base' THEN hours ELSE 0 END) AS base_hours,
           sum(CASE course_type WHEN 'incentive' THEN hours ELSE 0 END) AS incentive_hours,
           sum(CASE course_type WHEN 'trial' THEN hours ELSE 0 END) AS trial_hours,
           sum(CASE WHEN course_type NOT IN ('base', 'incentive', 'trial') THEN hours ELSE 0 END)
               AS other_hours,
           sum(ledger) AS total_ledger_amount,
           sum(CASE course_type WHEN 'base' THEN ledger ELSE 0 END) AS base_ledger,
           sum(CASE course_type WHEN 'incentive' THEN ledger ELSE 0 END) AS incentive_ledger,
           sum(CASE course_type WHEN 'trial' THEN ledger ELSE 0 END) AS trial_ledger,
           sum(CASE WHEN course_type NOT IN ('base', 'incentive', 'trial') THEN ledger ELSE 0 END)
               AS other_ledger
    FROM live_lines
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT site_id, assistant_id, stat_date AS day, count(*) AS customers
    FROM assistant_customer_stats
    WHERE is_first
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT site_id, assistant_id, day, 0 AS customers FROM levels
), days AS (
    SELECT site_id, assistant_id, day,
           coalesce(sum(COLUMNS(* EXCLUDE (site_id, assistant_id, day))), 0)
    FROM changes
    GROUP BY site_id, assistant_id, day
)
SELECT s.site_id, s.assistant_id, s.day AS stat_date,
       coalesce(lead(s.day) OVER so_far, DATE '9999-12-31') AS valid_to,
       coalesce(l.level, '') AS assistant_level_code,
       sum(s.services) OVER so_far AS services, sum(s.customers) OVER so_far AS customers,
       sum(s.base_hours) OVER so_far AS base_hours,
       sum(s.incentive_hours) OVER so_far AS incentive_hours,
       sum(s.trial_hours) OVER so_far AS trial_hours, sum(s.other_hours) OVER so_far AS other_hours,
       sum(s.total_ledger_amount) OVER so_far AS total_ledger_amount,
       sum(s.base_ledger) OVER so_far AS base_ledger,
       sum(s.incentive_ledger) OVER so_far AS incentive_ledger,
       sum(s.trial_ledger) OVER so_far AS trial_ledger,
       sum(s.other_ledger) OVER so_far AS other_ledger
FROM days s
LEFT JOIN levels l ON l.site_id = s.site_id AND l.assistant_id = s.assistant_id
                  AND s.day >= l.day AND s.day < l.until
WINDOW so_far AS (PARTITION BY s.site_id, s.assistant_id ORDER BY s.day);

-- dws_assistant_daily_salary
CREATE OR REPLACE TEMP TABLE assistant_daily_salary AS
WITH plans AS (
    SELECT site_id, level, hourly_rate, commission_rate, business_date AS day,
           lead(business_date, 1, DATE '9999-12-31') OVER (
               PARTITION BY site_id, level ORDER BY business_date, id) AS until
    FROM salary_plans
    WHERE list_contains($sites, site_id)
), changes AS (
    SELECT site_id, assistant_id, business_date AS day, sum(hours) AS hours, sum(ledger) AS ledger,
           0 AS reward, 0 AS income, 0 AS deduction, 0 AS expense
    FROM live_lines
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT site_id, assistant_id, business_date AS day,
           sum(CASE kind WHEN 'reward' THEN amount * 100 ELSE 0 END)::bigint AS reward,
           sum(CASE kind WHEN 'income' THEN amount * 100 ELSE 0 END)::bigint AS income,
           sum(CASE kind WHEN 'deduction' THEN amount * 100 ELSE 0 END)::bigint AS deduction,
           sum(CASE kind WHEN 'expense' THEN amount * 100 ELSE 0 END)::bigint AS expense
    FROM salary_adjustments
    WHERE list_contains($sites, site_id) AND void_of_id IS NULL
    GROUP BY ALL
), days AS (
    SELECT site_id, assistant_id, day,
           coalesce(sum(COLUMNS(* EXCLUDE (site_id, assistant_id, day))), 0)
    FROM changes
    GROUP BY site_id, assistant_id, day
), priced AS (
    SELECT d.*, coalesce(l.level, '') AS assistant_level_code,
           CASE WHEN p.level IS NULL THEN d.hours ELSE 0 END AS unpriced_hours,
           coalesce(round(d.hours * p.hourly_rate), 0)::bigint AS base_pay,
           coalesce(round(d.hours * p.hourly_rate + d.ledger * p.commission_rate), 0)::bigint
               AS earned
    FROM days d
    LEFT JOIN levels l ON l.site_id = d.site_id AND l.assistant_id = d.assistant_id
                      AND d.day >= l.day AND d.day < l.until
    LEFT JOIN plans p ON p.site_id = d.site_id AND p.level = l.level
                     AND d.day >= p.day AND d.day < p.until
)
SELECT site_id, assistant_id, day AS stat_date,
       coalesce(lead(day) OVER so_far, DATE '9999-12-31') AS valid_to, assistant_level_code, hours,
       ledger, unpriced_hours, base_pay, earned - base_pay AS commission, reward, income,
       deduction, expense, earned + reward + income - deduction - expense AS day_total,
       sum(earned + reward + income - deduction - expense) OVER (
           PARTITION BY site_id, assistant_id, date_trunc('month', day) ORDER BY day)
           AS month_to_date
FROM priced
WINDOW so_far AS (PARTITION BY site_id, assistant_id ORDER BY day);

-- dws_coach_task_daily
CREATE OR REPLACE TEMP TABLE coach_task_daily AS
WITH tasks AS (
    SELECT k.site_id, k.id, k.assistant_id, k.business_date,
           CASE WHEN k.due_on IS NOT NULL THEN greatest(k.due_on, k.business_date) END AS due_day,
           min(e.business_date) FILTER (e.kind = 'cancelled') AS cancelled_on,
           min(greatest(e.business_date, k.business_date)) FILTER (e.kind = 'done') AS done_on
    FROM coach_tasks k
    LEFT JOIN coach_task_events e ON e.site_id = k.site_id AND e.task_id = k.id
    WHERE list_contains($sites, k.site_id)
    GROUP BY ALL
), judged AS (
    SELECT *, due_day IS NOT NULL AND NOT coalesce(cancelled_on <= due_day, false) AS is_due
    FROM tasks
), changes AS (
    SELECT site_id, assistant_id, business_date AS day, 1 AS assigned, 0 AS due,
           0 AS completed_in_time, 0 AS completed_late, 0 AS done
    FROM judged
    UNION ALL
    SELECT site_id, assistant_id, due_day, 0, 1, coalesce(done_on <= due_day, false)::int, 0, 0
    FROM judged WHERE is_due
    UNION ALL
    SELECT site_id, assistant_id, done_on, 0, 0, 0,
           (is_due AND done_on > due_day AND NOT coalesce(cancelled_on < done_on, false))::int, 1
    FROM judged WHERE done_on IS NOT NULL
), days AS (
    SELECT site_id, assistant_id, day, sum(COLUMNS(* EXCLUDE (site_id, assistant_id, day)))
    FROM changes
    GROUP BY site_id, assistant_id, day
)
SELECT site_id, assistant_id, day AS stat_date,
       coalesce(lead(day) OVER so_far, DATE '9999-12-31') AS valid_to,
       sum(COLUMNS(* EXCLUDE (site_id, assistant_id, day))) OVER so_far
FROM days
WINDOW so_far AS (PARTITION BY site_id, assistant_id ORDER BY day);
