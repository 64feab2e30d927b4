-- Whose summaries change when what was recorded after K is taken away: (entity, id, day) as in
-- metrics/builds/repairs.py, of facts dated up to D (row-level security). {unknown} holds of a row
-- n that K did not know.
WITH new_bills AS MATERIALIZED (
    SELECT n.id, n.void_of_id, n.member_id, n.area_id, n.business_date
    FROM settlements n
    WHERE n.site_id = %(site)s AND {unknown}
), bills AS MATERIALIZED (
    SELECT id, member_id, area_id, business_date FROM new_bills
    UNION
    -- A void gives back the bill that it voids.
    SELECT s.id, s.member_id, s.area_id, s.business_date
    FROM new_bills n
    JOIN settlements s ON s.site_id = %(site)s AND s.id = n.void_of_id
), new_cards AS MATERIALIZED (
    SELECT n.void_of_id, n.member_id, n.settlement_id, n.business_date
    FROM card_entries n
    WHERE n.site_id = %(site)s AND {unknown}
), cards AS MATERIALIZED (
    SELECT member_id, settlement_id, business_date FROM new_cards
    UNION
    SELECT s.member_id, s.settlement_id, s.business_date
    FROM new_cards n
    JOIN card_entries s ON s.site_id = %(site)s AND s.id = n.void_of_id
), touched (entity, id, day) AS (
    SELECT 'member', member_id, business_date FROM bills WHERE member_id IS NOT NULL
    UNION ALL
    SELECT 'member', member_id, business_date FROM cards
    UNION ALL
    SELECT 'area', coalesce(area_id, 0), business_date FROM bills
    UNION ALL
    -- What is no spending for a bill, or came before it, counts in no area.
    SELECT 'area', v.area_id, c.business_date
    FROM cards c
    LEFT JOIN settlements b ON b.site_id = %(site)s AND b.id = c.settlement_id
    CROSS JOIN LATERAL (VALUES (coalesce(b.area_id, 0)), (0)) v (area_id)
    UNION ALL
    -- and its services
    SELECT 'service', l.assistant_id, l.business_date
    FROM bills b
    JOIN service_lines l ON l.site_id = %(site)s AND l.settlement_id = b.id
    UNION ALL
    SELECT 'service', n.assistant_id, n.business_date
    FROM service_lines n
    WHERE n.site_id = %(site)s AND {unknown}
    UNION ALL
    SELECT 'service', s.assistant_id, s.business_date
    FROM service_lines n
    JOIN service_lines s ON s.site_id = %(site)s AND s.id = n.void_of_id
    WHERE n.site_id = %(site)s AND {unknown}
    UNION ALL
    SELECT 'service', n.assistant_id, n.business_date
    FROM assistant_level_changes n
    WHERE n.site_id = %(site)s AND {unknown}
    UNION ALL
    -- Pay comes out of the services' summaries, so these come along. A plan may concern everybody.
    SELECT 'service', NULL, n.business_date
    FROM salary_plans n
    WHERE n.site_id = %(site)s AND {unknown}
    UNION ALL
    SELECT 'service', n.assistant_id, n.business_date
    FROM salary_adjustments n
    WHERE n.site_id = %(site)s AND {unknown}
    UNION ALL
    SELECT 'service', s.assistant_id, s.business_date
    FROM salary_adjustments n
    JOIN salary_adjustments s ON s.site_id = %(site)s AND s.id = n.void_of_id
    WHERE n.site_id = %(site)s AND {unknown}
    UNION ALL
    SELECT 'task', n.assistant_id, n.business_date
    FROM coach_tasks n
    WHERE n.site_id = %(site)s AND {unknown}
    UNION ALL
    SELECT 'task', t.assistant_id, n.business_date
    FROM coach_task_events n
    JOIN coach_tasks t ON t.site_id = %(site)s AND t.id = n.task_id
    WHERE n.site_id = %(site)s AND {unknown}
)
SELECT DISTINCT entity, id, day FROM touched
