-- Service lines, one or two to a bill, by assistants who mostly see the same members.
INSERT INTO service_lines (site_id, batch_id, external_id, occurred_at, business_date,
                           settlement_id, assistant_id, member_id, course_type, hours, ledger)
SELECT %(site)s, %(batch)s, 'S' || n, s.occurred_at, s.business_date, s.id,
       %(assistant_base)s + 1 + (
           coalesce(s.member_id, s.id) + (bench_uniform(%(bill_base)s + n, 21) * 3)::int)
           %% %(assistants)s,
       s.member_id,
       (ARRAY['base', 'base', 'base', 'incentive', 'trial'])
       [1 + floor(bench_uniform(%(bill_base)s + n, 22) * 5)::int],
       hours, hours * 100
FROM generate_series(1, %(lines)s) n
JOIN settlements s ON s.site_id = %(site)s
                  AND s.id = %(bill_base)s + 1 + (n - 1) * %(bills)s::bigint / %(lines)s
CROSS JOIN LATERAL (
    SELECT (0.5 + floor(bench_uniform(%(bill_base)s + n, 23) * 10) / 4)::numeric(6, 2) AS hours
) h
ORDER BY n;

-- Corrections of pay: two a month and assistant.
INSERT INTO salary_adjustments (site_id, batch_id, external_id, occurred_at, business_date,
                                assistant_id, kind, amount, reason)
SELECT %(site)s, %(batch)s, 'J' || n || '-' || step, day + interval '4 hours', day,
       %(assistant_base)s + n,
       (ARRAY['reward', 'income', 'deduction', 'expense'])[1 + (n + step) %% 4], 20 + step, ''
FROM generate_series(1, %(assistants)s) n,
     generate_series(0, %(days)s / 15 - 1) step,
     LATERAL (SELECT %(first)s::date + step * 15 + (n %% 15)::int) d (day);

-- Tasks due within a week; seven in ten done, one in ten cancelled.
INSERT INTO coach_tasks (id, site_id, batch_id, external_id, occurred_at, business_date,
                         assistant_id, member_id, kind, due_on, reason)
SELECT %(task_base)s + n, %(site)s, %(batch)s, 'K' || n, day + interval '4 hours', day,
       %(assistant_base)s + 1 + n %% %(assistants)s, %(member_base)s + 1 + n %% %(members)s,
       'follow_up', day + 1 + (n %% 6)::int, ''
FROM generate_series(1, %(tasks)s) n,
     LATERAL (SELECT %(first)s::date
              + floor(bench_uniform(%(task_base)s + n, 31) * (%(days)s - 12))::int) d (day)
ORDER BY n;

INSERT INTO coach_task_events (site_id, batch_id, external_id, occurred_at, business_date, task_id,
                               kind, outcome, note)
SELECT t.site_id, t.batch_id, 'E' || t.external_id || e.kind,
       t.occurred_at + e.after * interval '1 day', t.business_date + e.after, t.id, e.kind, '', ''
FROM coach_tasks t
CROSS JOIN LATERAL (
    SELECT 'assigned' AS kind, 0 AS after
    UNION ALL
    SELECT CASE WHEN bench_uniform(t.id, 32) < 0.7 THEN 'done' ELSE 'cancelled' END,
           1 + (bench_uniform(t.id, 33) * 9)::int
    WHERE bench_uniform(t.id, 32) < 0.8
) e
WHERE t.site_id = %(site)s
ORDER BY t.id;

-- Every third member is somebody's.
INSERT INTO member_assignments (site_id, batch_id, external_id, occurred_at, business_date,
                                member_id, assistant_id)
SELECT m.site_id, m.batch_id, 'G' || m.external_id, m.business_date + interval '4 hours',
       m.business_date, m.id, %(assistant_base)s + 1 + m.id %% %(assistants)s
FROM members m
WHERE m.site_id = %(site)s AND m.id %% 3 = 0
ORDER BY m.id;
