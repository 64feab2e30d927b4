, employed AS (
    SELECT a.id
    FROM asked, known_assistants a
    JOIN sites ON sites.id = %(site)s
    CROSS JOIN LATERAL (
        SELECT v.left_at
        FROM assistant_versions v
        WHERE v.site_id = %(site)s AND v.assistant_id = a.id AND v.business_date <= %(day)s
        ORDER BY v.business_date DESC, v.id DESC
        LIMIT 1
    ) newest
    WHERE left_at IS NULL
       OR ((left_at AT TIME ZONE timezone) - day_starts_at::interval)::date > day
), figures AS (
    SELECT e.id,
           (SELECT coalesce(sum(hours), 0) FROM live_lines l
            WHERE l.assistant_id = e.id AND business_date > day - 30) AS hours,
           (SELECT coalesce(sum(ledger), 0) FROM live_lines l
            WHERE l.assistant_id = e.id AND business_date > day - 30) AS ledger,
           (SELECT count(DISTINCT member_id) FROM live_lines l
            WHERE l.assistant_id = e.id AND business_date > day - 30) AS customers,
           (SELECT coalesce(count(*) FILTER (WHERE in_time)::numeric / nullif(count(*), 0), 0.5)
            FROM due_tasks t
            WHERE t.assistant_id = e.id AND due_day > day - 30) AS completion
    FROM asked, employed e
), ranked AS (
    SELECT id,
           round((0.3 * percent_rank() OVER (ORDER BY hours)
                  + 0.3 * percent_rank() OVER (ORDER BY ledger)
                  + 0.2 * percent_rank() OVER (ORDER BY customers)
                  + 0.2 * percent_rank() OVER (ORDER BY completion))::numeric, 6) AS score
    FROM figures
), places AS (
    SELECT id, rank() OVER (ORDER BY score) AS place, count(*) OVER () AS n FROM ranked
), stars AS (
    SELECT id, least(5, 1 + 5 * (place - 1) / greatest(n - 1, 1)) AS stars FROM places
)
SELECT a.id AS assistant, stars AS assistant_stars
FROM known_assistants a
LEFT JOIN stars USING (id)
