-- Assistants and the members they served, each assistant from a date on. {on_days} is `=` after new
-- facts (only the members served on just those days change) or `>=` in builds.
WITH assistants AS (
    SELECT assistant_id, since
    FROM unnest(%(assistants)s::bigint[], %(since)s::date[]) AS t (assistant_id, since)
), touched AS (
    -- Voided lines too: whoever is left without any loses their row.
    SELECT a.assistant_id, l.member_id, min(l.business_date) AS since
    FROM assistants a
    JOIN service_lines l ON l.site_id = %(site)s AND l.assistant_id = a.assistant_id
                        AND l.business_date {on_days} a.since
    WHERE l.member_id IS NOT NULL
    GROUP BY a.assistant_id, l.member_id
), days AS (
    SELECT t.assistant_id, t.member_id, l.business_date AS day, NULL::boolean AS is_first,
           count(*) AS services,
           (sum(l.hours) * 100)::bigint AS hours,
           (sum(l.ledger) * 100)::bigint AS ledger,
           NULL::int AS day_services, NULL::bigint AS day_hours, NULL::bigint AS day_ledger
    FROM touched t
    JOIN service_lines l ON l.site_id = %(site)s AND l.assistant_id = t.assistant_id
                        AND l.member_id = t.member_id AND l.business_date >= t.since
    WHERE l.void_of_id IS NULL
      AND NOT EXISTS (
          SELECT FROM service_lines v WHERE v.site_id = %(site)s AND v.void_of_id = l.id)
      AND NOT EXISTS (
          SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = l.settlement_id)
    GROUP BY t.assistant_id, t.member_id, l.business_date
    UNION ALL
    SELECT b.assistant_id, b.member_id, b.stat_date, b.is_first, b.services, b.hours, b.ledger,
           b.day_services, b.day_hours, b.day_ledger
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT d.*
        FROM dws_assistant_customer_stats d
        WHERE d.site_id = %(site)s AND d.assistant_id = t.assistant_id
          AND d.member_id = t.member_id AND d.stat_date < t.since
        ORDER BY d.stat_date DESC
        LIMIT 1
    ) b
), fresh AS (
    SELECT assistant_id, member_id, day AS stat_date,
           coalesce(lead(day) OVER so_far, '9999-12-31') AS valid_to,
           coalesce(is_first, row_number() OVER so_far = 1) AS is_first,
           sum(services) OVER so_far AS services,
           sum(hours) OVER so_far AS hours,
           sum(ledger) OVER so_far AS ledger,
           coalesce(day_services, services) AS day_services,
           coalesce(day_hours, hours) AS day_hours,
           coalesce(day_ledger, ledger) AS day_ledger
    FROM days
    WINDOW so_far AS (PARTITION BY assistant_id, member_id ORDER BY day)
)
