-- What assistants did and their level.

-- lines: the services of `changed` (assistant_id, day) that count
SELECT l.assistant_id, l.business_date AS day,
       CASE WHEN l.course_type IN ('base', 'incentive', 'trial') THEN l.course_type
            ELSE 'other' END AS course_type,
       (l.hours * 100)::bigint AS hours, (l.ledger * 100)::bigint AS ledger
FROM changed c
JOIN service_lines l ON l.site_id = %(site)s AND l.assistant_id = c.assistant_id
                    AND l.business_date {on_days} c.day
WHERE l.void_of_id IS NULL
  AND NOT EXISTS (
      SELECT FROM service_lines v WHERE v.site_id = %(site)s AND v.void_of_id = l.id)
  AND NOT EXISTS (
      SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = l.settlement_id)

-- work: what `lines` come to, by day
SELECT assistant_id, day, count(*) AS services, 0::bigint AS customers,
       coalesce(total(hours) FILTER (WHERE course_type = 'base'), 0) AS base_hours,
       coalesce(total(hours) FILTER (WHERE course_type = 'incentive'), 0) AS incentive_hours,
       coalesce(total(hours) FILTER (WHERE course_type = 'trial'), 0) AS trial_hours,
       coalesce(total(hours) FILTER (WHERE course_type = 'other'), 0) AS other_hours,
       total(ledger) AS total_ledger_amount,
       coalesce(total(ledger) FILTER (WHERE course_type = 'base'), 0) AS base_ledger,
       coalesce(total(ledger) FILTER (WHERE course_type = 'incentive'), 0) AS incentive_ledger,
       coalesce(total(ledger) FILTER (WHERE course_type = 'trial'), 0) AS trial_ledger,
       coalesce(total(ledger) FILTER (WHERE course_type = 'other'), 0) AS other_ledger
FROM lines
GROUP BY assistant_id, day

-- rebuild: each assistant from a date on, out of the service lines, the level changes and the first
-- days of their customers (built before). {on_days} is `=` after new facts, when the other days
-- keep the difference between their row and the one before, or `>=` in builds.
WITH changed AS (
    SELECT assistant_id, day
    FROM unnest(%(assistants)s::bigint[], %(since)s::date[]) AS t (assistant_id, day)
), touched AS (
    SELECT assistant_id, min(day) AS since
    FROM changed
    GROUP BY assistant_id
), {standing}, levels AS (
    -- Of two changes on one day the later covers no less than the day, the earlier nothing.
    SELECT c.assistant_id, c.level, c.business_date AS day,
           lead(c.business_date, 1, '9999-12-31') OVER (
               PARTITION BY c.assistant_id ORDER BY c.business_date, c.id) AS until
    FROM touched t
    JOIN assistant_level_changes c ON c.site_id = %(site)s AND c.assistant_id = t.assistant_id
), lines AS (
    {lines}
), kept AS (
    -- From the row in force before on: that one's sums, the others' differences.
    SELECT d.assistant_id, d.stat_date, d.since, d.customers,
           d.services - lag(d.services, 1, 0) OVER so_far AS services,
           d.base_hours - lag(d.base_hours, 1, 0::bigint) OVER so_far AS base_hours,
           d.incentive_hours - lag(d.incentive_hours, 1, 0::bigint) OVER so_far
               AS incentive_hours,
           d.trial_hours - lag(d.trial_hours, 1, 0::bigint) OVER so_far AS trial_hours,
           d.other_hours - lag(d.other_hours, 1, 0::bigint) OVER so_far AS other_hours,
           d.total_ledger_amount - lag(d.total_ledger_amount, 1, 0::bigint) OVER so_far
               AS total_ledger_amount,
           d.base_ledger - lag(d.base_ledger, 1, 0::bigint) OVER so_far AS base_ledger,
           d.incentive_ledger - lag(d.incentive_ledger, 1, 0::bigint) OVER so_far
               AS incentive_ledger,
           d.trial_ledger - lag(d.trial_ledger, 1, 0::bigint) OVER so_far AS trial_ledger,
           d.other_ledger - lag(d.other_ledger, 1, 0::bigint) OVER so_far AS other_ledger
    FROM standing d
    WINDOW so_far AS (PARTITION BY d.assistant_id ORDER BY d.stat_date ROWS UNBOUNDED PRECEDING)
), changes AS (
    {work}
    UNION ALL
    SELECT c.assistant_id, c.stat_date, 0, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM touched t
    JOIN dws_assistant_customer_stats c ON c.site_id = %(site)s AND c.assistant_id = t.assistant_id
                                       AND c.stat_date >= t.since
    WHERE c.is_first
    GROUP BY c.assistant_id, c.stat_date
    UNION ALL
    SELECT l.assistant_id, l.day, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM touched t
    JOIN levels l ON l.assistant_id = t.assistant_id AND l.day >= t.since
    UNION ALL
    SELECT k.assistant_id, k.stat_date, k.services,
           CASE WHEN k.stat_date < k.since THEN k.customers ELSE 0 END, k.base_hours,
           k.incentive_hours, k.trial_hours, k.other_hours, k.total_ledger_amount, k.base_ledger,
           k.incentive_ledger, k.trial_ledger, k.other_ledger
    FROM kept k
    WHERE NOT EXISTS (
        SELECT FROM changed c
        WHERE c.assistant_id = k.assistant_id AND k.stat_date {on_days} c.day)
), days AS (
    SELECT assistant_id, day, total(services) AS services,
           total(customers) AS customers, total(base_hours) AS base_hours,
           total(incentive_hours) AS incentive_hours, total(trial_hours) AS trial_hours,
           total(other_hours) AS other_hours,
           total(total_ledger_amount) AS total_ledger_amount,
           total(base_ledger) AS base_ledger,
           total(incentive_ledger) AS incentive_ledger,
           total(trial_ledger) AS trial_ledger, total(other_ledger) AS other_ledger
    FROM changes
    GROUP BY assistant_id, day
), fresh AS (
    SELECT s.assistant_id, s.day AS stat_date,
           coalesce(lead(s.day) OVER so_far, '9999-12-31') AS valid_to,
           coalesce(l.level, '') AS assistant_level_code,
           total(services) OVER so_far AS services,
           total(customers) OVER so_far AS customers,
           total(base_hours) OVER so_far AS base_hours,
           total(incentive_hours) OVER so_far AS incentive_hours,
           total(trial_hours) OVER so_far AS trial_hours,
           total(other_hours) OVER so_far AS other_hours,
           total(total_ledger_amount) OVER so_far AS total_ledger_amount,
           total(base_ledger) OVER so_far AS base_ledger,
           total(incentive_ledger) OVER so_far AS incentive_ledger,
           total(trial_ledger) OVER so_far AS trial_ledger,
           total(other_ledger) OVER so_far AS other_ledger
    FROM days s
    LEFT JOIN levels l ON l.assistant_id = s.assistant_id AND s.day >= l.day AND s.day < l.until
    WINDOW so_far AS (PARTITION BY s.assistant_id ORDER BY s.day ROWS UNBOUNDED PRECEDING)
)

-- changes: what the facts of some days say more than the rows do, and whether there are facts and a
-- row. A day on which the level changes has a row without any work.
WITH changed AS (
    SELECT assistant_id, day
    FROM unnest(%(assistants)s::bigint[], %(days)s::date[]) AS t (assistant_id, day)
), lines AS (
    {lines}
), work AS (
    {work}
), said AS (
    SELECT assistant_id, day, 1 AS facts, 0 AS rows, {columns} FROM work
    UNION ALL
    SELECT c.assistant_id, c.stat_date, 1, 0, 0, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM changed
    JOIN dws_assistant_customer_stats c
      ON c.site_id = %(site)s AND c.assistant_id = changed.assistant_id
     AND c.stat_date = changed.day
    WHERE c.is_first
    GROUP BY c.assistant_id, c.stat_date
    UNION ALL
    SELECT changed.assistant_id, changed.day, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM changed
    WHERE EXISTS (
        SELECT FROM assistant_level_changes l
        WHERE l.site_id = %(site)s AND l.assistant_id = changed.assistant_id
          AND l.business_date = changed.day)
    UNION ALL
    {stands}
)
SELECT assistant_id, day, max(facts) > 0, max(rows) > 0, {sums}
FROM said
GROUP BY assistant_id, day
ORDER BY assistant_id, day
