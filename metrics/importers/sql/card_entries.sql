-- create_members: members that only these entries name, dated by the first of them
INSERT INTO members (site_id, external_id, business_date, batch_id)
SELECT %(site)s, g.member,
       min(((g.occurred_at AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date), %(batch)s
FROM staged g
WHERE NOT EXISTS (
    SELECT FROM members m WHERE m.site_id = %(site)s AND m.external_id = g.member)
GROUP BY g.member
ORDER BY g.member
ON CONFLICT (site_id, external_id) DO NOTHING

-- resolve: references by id, the business date by the store's cut-off hour
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id, g.occurred_at,
       ((g.occurred_at AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date AS business_date,
       g.member, m.id AS member_id,
       g.kind, g.principal, g.gift,
       g.settlement, b.id AS settlement_id,
       g.void_of, NULL::bigint AS void_of_id
FROM staged g
LEFT JOIN members m ON m.site_id = %(site)s AND m.external_id = g.member
LEFT JOIN settlements b ON b.site_id = %(site)s AND b.external_id = g.settlement

-- check
SELECT line, 'member' AS col, 'unknown_member' AS code, member AS value
FROM resolved WHERE member_id IS NULL
UNION ALL
SELECT line, 'settlement', 'unknown_settlement', settlement
FROM resolved WHERE settlement IS NOT NULL AND settlement_id IS NULL
UNION ALL
SELECT line, 'occurred_at', 'future_date', business_date::text
FROM resolved WHERE business_date > %(today)s
UNION ALL
SELECT r.line, v.col, 'wrong_sign', v.amount::text
FROM resolved r
CROSS JOIN LATERAL (VALUES ('principal', principal), ('gift', gift)) AS v (col, amount)
WHERE r.void_of IS NULL
  AND (r.kind = 'recharge' AND v.amount < 0 OR r.kind IN ('consume', 'refund') AND v.amount > 0)

-- touched: whose summaries the new entries, and the entries they void, change. What is no spending
-- for a bill, or came before it, counts in no area.
WITH changed AS (
    SELECT DISTINCT s.member_id, s.settlement_id, s.business_date
    FROM resolved r
    JOIN card_entries n ON n.site_id = %(site)s AND n.external_id = r.external_id
    JOIN card_entries s ON s.site_id = %(site)s AND s.id IN (n.id, n.void_of_id)
    WHERE n.batch_id = %(batch)s
)
SELECT DISTINCT v.entity, v.id, c.business_date
FROM changed c
LEFT JOIN settlements b ON b.site_id = %(site)s AND b.id = c.settlement_id
CROSS JOIN LATERAL (
    VALUES ('member', c.member_id), ('area', coalesce(b.area_id, 0)), ('area', 0)) v (entity, id)
