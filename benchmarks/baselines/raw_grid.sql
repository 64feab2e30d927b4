-- Baseline of the finance grid: the same sums of the same areas and ranges (%(codes)s with the ids in
-- %(areas)s, ranges from the day after %(befores)s to %(ends)s) in one pass over the facts.
WITH cells AS (
    SELECT code, area_id FROM unnest(%(codes)s::text[], %(areas)s::bigint[]) AS c (code, area_id)
), periods AS (
    SELECT n - 1 AS period, before, ending
    FROM unnest(%(befores)s::date[], %(ends)s::date[]) WITH ORDINALITY AS p (before, ending, n)
), bills AS (
    SELECT coalesce(s.area_id, 0) AS area_id, s.business_date AS day, sum(s.gross) AS gross,
           sum(s.discount) AS discount, sum(s.paid) AS paid, sum(s.card_paid) AS card_paid,
           sum(s.cash_paid) AS cash_paid, sum(s.other_paid) AS other_paid,
           sum(s.groupbuy_paid) AS groupbuy_paid, count(s.groupbuy_paid) AS groupbuy_known,
           sum(s.paid) FILTER (WHERE s.member_id IS NOT NULL) AS member_paid,
           sum(s.table_fee) AS table_fee, sum(s.assistant_fee) AS assistant_fee,
           sum(s.goods_fee) AS goods_fee, count(*) AS bills, count(s.member_id) AS member_bills,
           sum(s.guests) AS guests
    FROM settlements s
    WHERE s.site_id = %(site)s AND s.void_of_id IS NULL
      AND s.business_date > (SELECT min(before) FROM periods)
      AND s.business_date <= (SELECT max(ending) FROM periods)
      AND NOT EXISTS (
          SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = s.id)
    GROUP BY 1, 2
)
SELECT cells.code, periods.period, sum(gross), sum(discount), sum(paid), sum(card_paid),
       sum(cash_paid), sum(other_paid), sum(groupbuy_paid), sum(groupbuy_known), sum(member_paid),
       sum(table_fee), sum(assistant_fee), sum(goods_fee), sum(bills), sum(member_bills),
       sum(guests)
FROM cells
CROSS JOIN periods
JOIN bills ON bills.area_id = cells.area_id AND bills.day > periods.before
          AND bills.day <= periods.ending
GROUP BY cells.code, periods.period
