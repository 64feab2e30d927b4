-- What happened up to and including the day asked about. Every statement begins with this; nothing
-- here leans on row-level security: site and date are said each time.
WITH asked AS (
    SELECT %(site)s::bigint AS site, %(day)s::date AS day,
           date_trunc('month', %(day)s::date)::date AS month
),
-- bills that are neither a void nor voided
live_bills AS (
    SELECT s.*
    FROM settlements s, asked
    WHERE s.site_id = site AND s.business_date <= day
      AND s.void_of_id IS NULL
      AND NOT EXISTS (SELECT FROM settlements v
                      WHERE v.site_id = site AND v.business_date <= day AND v.void_of_id = s.id)
),
voided_bills AS (
    SELECT s.*
    FROM settlements s, asked
    WHERE s.site_id = site AND s.business_date <= day
      AND EXISTS (SELECT FROM settlements v
                  WHERE v.site_id = site AND v.business_date <= day AND v.void_of_id = s.id)
),
-- a line counts if neither it nor its bill is a void or voided
live_lines AS (
    SELECT l.*
    FROM service_lines l, asked
    WHERE l.site_id = site AND l.business_date <= day
      AND l.void_of_id IS NULL
      AND NOT EXISTS (SELECT FROM service_lines v
                      WHERE v.site_id = site AND v.business_date <= day AND v.void_of_id = l.id)
      AND l.settlement_id IN (SELECT id FROM live_bills)
),
live_cards AS (
    SELECT c.*
    FROM card_entries c, asked
    WHERE c.site_id = site AND c.business_date <= day
      AND c.void_of_id IS NULL
      AND NOT EXISTS (SELECT FROM card_entries v
                      WHERE v.site_id = site AND v.business_date <= day AND v.void_of_id = c.id)
),
live_adjustments AS (
    SELECT a.*
    FROM salary_adjustments a, asked
    WHERE a.site_id = site AND a.business_date <= day
      AND a.void_of_id IS NULL
      AND NOT EXISTS (SELECT FROM salary_adjustments v
                      WHERE v.site_id = site AND v.business_date <= day AND v.void_of_id = a.id)
),
-- a visit is a distinct business date with a bill
visits AS (
    SELECT DISTINCT member_id, business_date FROM live_bills WHERE member_id IS NOT NULL
),
known_members AS (
    SELECT m.id FROM members m, asked WHERE m.site_id = site AND m.business_date <= day
),
known_assistants AS (
    SELECT a.id FROM assistants a, asked WHERE a.site_id = site AND a.business_date <= day
),
-- a task, the day it is due (none without due_on), and when it was first done and cancelled
tasks AS (
    SELECT t.assistant_id,
           CASE WHEN t.due_on IS NOT NULL THEN greatest(t.due_on, t.business_date) END AS due_day,
           (SELECT min(e.business_date) FROM coach_task_events e
            WHERE e.site_id = site AND e.task_id = t.id AND e.business_date <= day
              AND e.kind = 'done') AS done_on,
           (SELECT min(e.business_date) FROM coach_task_events e
            WHERE e.site_id = site AND e.task_id = t.id AND e.business_date <= day
              AND e.kind = 'cancelled') AS cancelled_on
    FROM coach_tasks t, asked
    WHERE t.site_id = site AND t.business_date <= day
),
due_tasks AS (
    SELECT assistant_id, due_day, coalesce(done_on <= due_day, false) AS in_time
    FROM tasks, asked
    WHERE due_day <= day AND (cancelled_on IS NULL OR cancelled_on > due_day)
)
