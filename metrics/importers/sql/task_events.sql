-- resolve: the task by id, the business date by the store's cut-off hour
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id, g.occurred_at,
       ((g.occurred_at AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date AS business_date,
       g.task, t.id AS task_id,
       g.kind, coalesce(g.outcome, '') AS outcome, coalesce(g.note, '') AS note,
       NULL::text AS void_of
FROM staged g
LEFT JOIN coach_tasks t ON t.site_id = %(site)s AND t.external_id = g.task

-- check
SELECT line, 'task' AS col, 'unknown_task' AS code, task AS value
FROM resolved WHERE task_id IS NULL
UNION ALL
SELECT line, 'occurred_at', 'future_date', business_date::text
FROM resolved WHERE business_date > %(today)s
UNION ALL
SELECT line, 'outcome', 'required', NULL
FROM resolved WHERE kind = 'outcome' AND outcome = ''

-- touched: whose tasks went on
SELECT DISTINCT 'task', t.assistant_id, e.business_date
FROM resolved r
JOIN coach_task_events e ON e.site_id = %(site)s AND e.external_id = r.external_id
JOIN coach_tasks t ON t.site_id = %(site)s AND t.id = e.task_id
WHERE e.batch_id = %(batch)s
