-- A statement for each check of metrics/quality_checks.py, in the context of the closed day.
-- Each answers (table, id) for every row concerned, or (table, id, measure) where one number says
-- how bad it is. %(day)s is the closed day; `bills` can be read by each.

-- bills: those of the day that count
SELECT b.* FROM settlements b
WHERE b.site_id = %(site)s AND b.business_date = %(day)s AND b.void_of_id IS NULL
  AND NOT EXISTS (
      SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = b.id)

-- freshness
SELECT 'sites', %(site)s
WHERE NOT EXISTS (
    SELECT FROM settlements WHERE site_id = %(site)s AND business_date = %(day)s)
  AND NOT EXISTS (
    SELECT FROM site_closures WHERE site_id = %(site)s AND business_date = %(day)s)
  AND EXISTS (
    SELECT FROM settlements
    WHERE site_id = %(site)s AND business_date BETWEEN %(day)s - 28 AND %(day)s - 1)

-- sudden_drop
SELECT 'sites', %(site)s, round(100 - 100.0 * today.bills / usual.bills)::int
FROM (SELECT count(*) AS bills FROM bills) today,
     (SELECT count(*) / count(DISTINCT business_date)::numeric AS bills
      FROM settlements
      WHERE site_id = %(site)s AND void_of_id IS NULL
        AND business_date IN (%(day)s - 7, %(day)s - 14, %(day)s - 21, %(day)s - 28)
      HAVING count(DISTINCT business_date) >= 2) usual
WHERE today.bills BETWEEN 1 AND usual.bills

-- unsummed
SELECT 'sites', %(site)s
FROM (SELECT coalesce(sum(paid) * 100, 0) AS paid FROM bills) settled,
     (SELECT coalesce(sum(CASE WHEN stat_date = %(day)s THEN paid ELSE 0 END), 0)
           - coalesce(sum(CASE WHEN valid_to = %(day)s THEN paid ELSE 0 END), 0) AS paid
      FROM (SELECT area_id, stat_date, valid_to, paid FROM dws_finance_daily
            WHERE site_id = %(site)s
              AND area_id IN (SELECT area_id FROM dws_finance_daily
                              WHERE site_id = %(site)s AND stat_date = %(day)s)
              AND (stat_date = %(day)s OR valid_to = %(day)s)) f) summed
WHERE settled.paid <> summed.paid
  AND NOT EXISTS (
    SELECT FROM dws_builds WHERE site_id = %(site)s AND status = 'started')

-- duplicates
SELECT 'settlements', id
FROM (SELECT id, row_number() OVER (
          PARTITION BY occurred_at, member_id, area_code, "table", gross, paid
          ORDER BY id) AS nth
      FROM bills) numbered
WHERE nth > 1

-- mismatched_amounts
SELECT 'settlements', id FROM bills
WHERE gross <> discount + paid OR paid <> card_paid + cash_paid + other_paid

-- unknown_areas
SELECT 'settlements', id FROM bills WHERE area_id IS NULL

-- early_bills
SELECT 'settlements', b.id
FROM bills b
LEFT JOIN members m ON m.site_id = b.site_id AND m.id = b.member_id
LEFT JOIN member_versions v ON v.site_id = b.site_id AND v.member_id = b.member_id
      AND v.business_date <= %(day)s AND %(day)s < v.valid_to
WHERE b.member_id IS NOT NULL
  AND (m.id IS NULL OR v.joined_at >= b.occurred_at + interval '1 day')

-- negative_balances
SELECT 'members', member_id
FROM dws_member_consumption_summary
WHERE site_id = %(site)s AND stat_date <= %(day)s AND valid_to > %(day)s
  AND (principal < 0 OR gift < 0)

-- unmatched_cards
SELECT 'settlements', b.id
FROM bills b
LEFT JOIN LATERAL (
    SELECT -sum(c.principal + c.gift) AS consumed
    FROM card_entries c
    WHERE c.site_id = b.site_id AND c.member_id = b.member_id AND c.settlement_id = b.id
      AND c.kind = 'consume' AND c.void_of_id IS NULL
      AND NOT EXISTS (
          SELECT FROM card_entries v WHERE v.site_id = b.site_id AND v.void_of_id = c.id)
) card ON true
WHERE b.card_paid <> coalesce(card.consumed, 0)

-- unpriced_hours
SELECT 'assistants', assistant_id
FROM dws_assistant_daily_salary
WHERE site_id = %(site)s AND stat_date = %(day)s AND unpriced_hours > 0
