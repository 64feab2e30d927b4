-- rebuild: what became of assistants' tasks, each assistant from a date on
WITH touched AS (
    SELECT assistant_id, since
    FROM unnest(%(assistants)s::bigint[], %(since)s::date[]) AS t (assistant_id, since)
), {standing}, moved AS (
    -- Looked for once, not for every assistant.
    SELECT task_id
    FROM coach_task_events
    WHERE site_id = %(site)s AND business_date >= (SELECT min(since) FROM touched)
), tasks AS (
    -- Those that count on a day since: given or due then, or something happened to them. Nothing
    -- does before their own date.
    SELECT k.assistant_id, t.since, k.business_date, e.cancelled_on, e.done_on,
           CASE WHEN k.due_on IS NOT NULL THEN greatest(k.due_on, k.business_date) END AS due_day
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT o.*
        FROM coach_tasks o
        WHERE o.site_id = %(site)s AND o.assistant_id = t.assistant_id
          AND (o.business_date >= t.since OR o.due_on >= t.since
               OR o.id IN (SELECT task_id FROM moved))
        OFFSET 0
    ) k
    CROSS JOIN LATERAL (
        SELECT min(n.business_date) FILTER (WHERE n.kind = 'cancelled') AS cancelled_on,
               min(greatest(n.business_date, k.business_date)) FILTER (WHERE n.kind = 'done')
                   AS done_on
        FROM coach_task_events n
        WHERE n.site_id = %(site)s AND n.task_id = k.id
    ) e
), days AS (
    SELECT k.assistant_id, n.day, sum(n.assigned) AS assigned, sum(n.due) AS due,
           sum(n.completed_in_time) AS completed_in_time, sum(n.completed_late) AS completed_late,
           sum(n.done) AS done
    FROM tasks k
    CROSS JOIN LATERAL (
        SELECT k.due_day IS NOT NULL AND (k.cancelled_on > k.due_day) IS NOT FALSE AS is_due
    ) u
    CROSS JOIN LATERAL (VALUES
        (k.business_date, 1, 0, 0, 0, 0),
        (CASE WHEN u.is_due THEN k.due_day END, 0, 1,
         ((k.done_on <= k.due_day) IS TRUE)::int, 0, 0),
        (k.done_on, 0, 0, 0,
         (u.is_due AND k.done_on > k.due_day AND (k.cancelled_on < k.done_on) IS NOT TRUE)::int, 1)
    ) AS n (day, assigned, due, completed_in_time, completed_late, done)
    WHERE n.day >= k.since
    GROUP BY k.assistant_id, n.day
    UNION ALL
    SELECT s.assistant_id, s.stat_date, s.assigned, s.due, s.completed_in_time, s.completed_late,
           s.done
    FROM standing s
    WHERE s.stat_date < s.since
), fresh AS (
    SELECT assistant_id, day AS stat_date,
           coalesce(lead(day) OVER so_far, '9999-12-31') AS valid_to,
           total(assigned) OVER so_far AS assigned,
           total(due) OVER so_far AS due,
           total(completed_in_time) OVER so_far AS completed_in_time,
           total(completed_late) OVER so_far AS completed_late,
           total(done) OVER so_far AS done
    FROM days
    WINDOW so_far AS (PARTITION BY assistant_id ORDER BY day ROWS UNBOUNDED PRECEDING)
)
