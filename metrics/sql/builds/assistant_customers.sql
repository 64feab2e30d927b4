-- Assistants and the members they served.

-- firsts: the first days of those served on some days
SELECT DISTINCT c.assistant_id, c.member_id, c.stat_date
FROM unnest(%(assistants)s::bigint[], %(days)s::date[]) AS t (assistant_id, day)
JOIN service_lines l ON l.site_id = %(site)s AND l.assistant_id = t.assistant_id
                    AND l.business_date = t.day
JOIN dws_assistant_customer_stats c ON c.site_id = %(site)s AND c.assistant_id = t.assistant_id
                                   AND c.member_id = l.member_id
WHERE c.is_first

-- rebuild: each assistant from a date on. {on_days} is `=` after new facts, when only the members
-- served on just those days change and their other days keep what they are, or `>=` in builds.
WITH changed AS (
    SELECT assistant_id, day
    FROM unnest(%(assistants)s::bigint[], %(since)s::date[]) AS t (assistant_id, day)
), touched AS (
    -- Voided lines too: whoever is left without any loses their row.
    SELECT c.assistant_id, l.member_id, min(l.business_date) AS since
    FROM changed c
    JOIN service_lines l ON l.site_id = %(site)s AND l.assistant_id = c.assistant_id
                        AND l.business_date {on_days} c.day
    WHERE l.member_id IS NOT NULL
    GROUP BY c.assistant_id, l.member_id
), {standing}, days AS (
    SELECT c.assistant_id, l.member_id, l.business_date AS day, NULL::boolean AS is_first,
           count(*) AS services,
           (sum(l.hours) * 100)::bigint AS hours,
           (sum(l.ledger) * 100)::bigint AS ledger,
           NULL::int AS day_services, NULL::bigint AS day_hours, NULL::bigint AS day_ledger
    FROM changed c
    JOIN service_lines l ON l.site_id = %(site)s AND l.assistant_id = c.assistant_id
                        AND l.business_date {on_days} c.day
    WHERE l.member_id IS NOT NULL AND l.void_of_id IS NULL
      AND NOT EXISTS (
          SELECT FROM service_lines v WHERE v.site_id = %(site)s AND v.void_of_id = l.id)
      AND NOT EXISTS (
          SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = l.settlement_id)
    GROUP BY c.assistant_id, l.member_id, l.business_date
    UNION ALL
    SELECT s.assistant_id, s.member_id, s.stat_date, s.is_first, s.services, s.hours, s.ledger,
           s.day_services, s.day_hours, s.day_ledger
    FROM standing s
    WHERE s.stat_date < s.since
    UNION ALL
    SELECT s.assistant_id, s.member_id, s.stat_date, NULL, s.day_services, s.day_hours,
           s.day_ledger, s.day_services, s.day_hours, s.day_ledger
    FROM standing s
    WHERE s.stat_date >= s.since
      AND NOT EXISTS (
          SELECT FROM changed c
          WHERE c.assistant_id = s.assistant_id AND s.stat_date {on_days} c.day)
), fresh AS (
    SELECT assistant_id, member_id, day AS stat_date,
           coalesce(lead(day) OVER so_far, '9999-12-31') AS valid_to,
           coalesce(is_first, row_number() OVER so_far = 1) AS is_first,
           total(services) OVER so_far AS services,
           total(hours) OVER so_far AS hours,
           total(ledger) OVER so_far AS ledger,
           coalesce(day_services, services) AS day_services,
           coalesce(day_hours, hours) AS day_hours,
           coalesce(day_ledger, ledger) AS day_ledger
    FROM days
    WINDOW so_far AS (PARTITION BY assistant_id, member_id ORDER BY day ROWS UNBOUNDED PRECEDING)
)
