-- create_members: members that only these bills name, dated by the first of them
INSERT INTO members (site_id, external_id, business_date, batch_id)
SELECT %(site)s, g.member,
       min(((g.settled_at AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date), %(batch)s
FROM staged g
WHERE g.member IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM members m WHERE m.site_id = %(site)s AND m.external_id = g.member)
GROUP BY g.member
ORDER BY g.member
ON CONFLICT (site_id, external_id) DO NOTHING

-- resolve: references by id, the business date by the store's cut-off hour
CREATE TEMPORARY TABLE resolved ON COMMIT DROP AS
SELECT g.line, g.external_id, g.settled_at AS occurred_at,
       ((g.settled_at AT TIME ZONE %(zone)s) - %(day_starts)s::interval)::date AS business_date,
       g.member, m.id AS member_id,
       g.area AS area_code, a.id AS area_id,
       coalesce(g."table", '') AS "table", g.guests, g.started_at,
       g.gross, g.discount, g.paid, g.card_paid, g.cash_paid, g.other_paid,
       g.table_fee, g.assistant_fee, g.goods_fee, g.other_fee,
       g.groupbuy_paid, g.coupon_discount,
       g.void_of, NULL::bigint AS void_of_id
FROM staged g
LEFT JOIN members m ON m.site_id = %(site)s AND m.external_id = g.member
LEFT JOIN (
    SELECT a.id, a.external_id
    FROM areas a
    JOIN area_versions v ON v.site_id = %(site)s AND v.area_id = a.id AND v.valid_to = '9999-12-31'
    WHERE a.site_id = %(site)s AND NOT v.is_virtual
) a ON a.external_id = g.area

-- check
SELECT line, 'member' AS col, 'unknown_member' AS code, member AS value
FROM resolved WHERE member IS NOT NULL AND member_id IS NULL
UNION ALL
SELECT line, 'settled_at', 'future_date', business_date::text
FROM resolved WHERE business_date > %(today)s
UNION ALL
SELECT r.line, v.col, 'negative', v.amount::text
FROM resolved r
CROSS JOIN LATERAL (VALUES
    ('gross', gross), ('discount', discount), ('paid', paid), ('card_paid', card_paid),
    ('cash_paid', cash_paid), ('other_paid', other_paid), ('table_fee', table_fee),
    ('assistant_fee', assistant_fee), ('goods_fee', goods_fee), ('other_fee', other_fee),
    ('groupbuy_paid', groupbuy_paid), ('coupon_discount', coupon_discount)
) AS v (col, amount)
WHERE r.void_of IS NULL AND v.amount < 0
  -- least ignores nulls; nearly all rows need no look at each amount
  AND least(gross, discount, paid, card_paid, cash_paid, other_paid, table_fee, assistant_fee,
            goods_fee, other_fee, groupbuy_paid, coupon_discount) < 0

-- warn
SELECT line, 'area' AS col, 'unknown_area' AS code, area_code AS value
FROM resolved WHERE area_id IS NULL
UNION ALL
SELECT line, 'gross', 'gross_mismatch', NULL
FROM resolved WHERE gross <> discount + paid
UNION ALL
SELECT line, 'paid', 'paid_mismatch', NULL
FROM resolved WHERE paid <> card_paid + cash_paid + other_paid
UNION ALL
SELECT line, 'groupbuy_paid', 'part_exceeds', groupbuy_paid::text
FROM resolved WHERE abs(groupbuy_paid) > abs(other_paid)
UNION ALL
SELECT line, 'coupon_discount', 'part_exceeds', coupon_discount::text
FROM resolved WHERE abs(coupon_discount) > abs(discount)
UNION ALL
SELECT line, 'started_at', 'started_after_settled', NULL
FROM resolved WHERE started_at > occurred_at

-- areas: the first day of each that is named
SELECT area_id, min(business_date) FROM resolved WHERE area_id IS NOT NULL GROUP BY 1

-- touched: whose summaries the new bills, and the bills they void, change
WITH changed AS (
    SELECT DISTINCT s.id, s.member_id, s.area_id, s.business_date
    FROM resolved r
    JOIN settlements n ON n.site_id = %(site)s AND n.external_id = r.external_id
    JOIN settlements s ON s.site_id = %(site)s AND s.id IN (n.id, n.void_of_id)
    WHERE n.batch_id = %(batch)s
)
SELECT DISTINCT v.entity, v.id, c.business_date
FROM changed c
CROSS JOIN LATERAL (VALUES ('member', c.member_id), ('area', coalesce(c.area_id, 0))) v (entity, id)
WHERE v.id IS NOT NULL
UNION
-- a void takes the bill's services back
SELECT 'service', l.assistant_id, l.business_date
FROM changed c
JOIN service_lines l ON l.site_id = %(site)s AND l.settlement_id = c.id

-- fired: new bills of members, of today or the day before
SELECT s.id, s.member_id, '{}'::bigint[]
FROM resolved r
JOIN settlements s ON s.site_id = %(site)s AND s.external_id = r.external_id
WHERE s.batch_id = %(batch)s AND s.member_id IS NOT NULL AND s.void_of_id IS NULL
  AND s.business_date >= %(today)s - 1
  AND NOT EXISTS (
      SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = s.id)
ORDER BY r.line
