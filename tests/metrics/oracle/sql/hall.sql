-- One area in one range: %%(area)s is a code (all or null: the whole store), %%(range)s a key (null:
-- from the store's first day to D).
, span AS (
    SELECT CASE %(range)s::text
               WHEN 'this_week' THEN date_trunc('week', day)
               WHEN 'last_week' THEN date_trunc('week', day) - interval '1 week'
               WHEN 'this_month' THEN date_trunc('month', day)
               WHEN 'last_month' THEN date_trunc('month', day) - interval '1 month'
               WHEN 'this_quarter' THEN date_trunc('quarter', day)
               WHEN 'last_quarter' THEN date_trunc('quarter', day) - interval '3 months'
               WHEN 'last_3_months' THEN date_trunc('month', day) - interval '3 months'
               WHEN 'last_6_months' THEN date_trunc('month', day) - interval '6 months'
               ELSE first_business_date END::date AS first,
           CASE
               WHEN %(range)s::text = 'last_week' THEN date_trunc('week', day) - interval '1 day'
               WHEN %(range)s::text = 'last_quarter'
                   THEN date_trunc('quarter', day) - interval '1 day'
               WHEN %(range)s::text LIKE 'last%%' THEN date_trunc('month', day) - interval '1 day'
               ELSE day END::date AS last,
           first_business_date
    FROM asked JOIN site_ingest ON site_id = site
), newest_areas AS (
    SELECT DISTINCT ON (v.area_id) v.*, a.external_id AS code
    FROM asked, span, area_versions v
    JOIN areas a ON a.id = v.area_id
    WHERE v.site_id = site AND v.business_date <= least(last, day)
    ORDER BY v.area_id, v.business_date DESC, v.id DESC
), whole AS (
    SELECT coalesce(%(area)s::text, 'all') = 'all' AS yes
), parts AS (
    -- the area itself and the areas below it
    SELECT a.id FROM areas a, asked WHERE a.site_id = site AND a.external_id = %(area)s::text
    UNION
    SELECT n.area_id
    FROM asked, newest_areas n JOIN areas p ON p.id = n.parent_id
    WHERE p.external_id = %(area)s::text
), bills AS (
    SELECT b.*,
           CASE WHEN started_at IS NOT NULL
                THEN extract(epoch FROM occurred_at - started_at) / 60 END AS minutes
    FROM live_bills b, span, whole
    WHERE business_date BETWEEN first AND last AND (yes OR area_id IN (SELECT id FROM parts))
), voided AS (
    SELECT b.*
    FROM voided_bills b, span, whole
    WHERE business_date BETWEEN first AND last AND (yes OR area_id IN (SELECT id FROM parts))
), cards AS (
    -- recharges and refunds belong to no area, nor does what is spent without a bill, nor (its area
    -- would change afterwards) what is debited on a day before the bill's
    SELECT c.*
    FROM span, whole, live_cards c
    LEFT JOIN settlements s ON s.site_id = c.site_id AND s.id = c.settlement_id
                           AND s.business_date <= c.business_date
    WHERE c.business_date BETWEEN first AND last
      AND (yes OR c.kind = 'consume' AND s.area_id IN (SELECT id FROM parts))
), sums AS (
    SELECT count(*) AS bills, coalesce(sum(gross), 0) AS gross,
           coalesce(sum(discount), 0) AS discount, coalesce(sum(paid), 0) AS paid,
           coalesce(sum(cash_paid + other_paid), 0) AS cash,
           coalesce(sum(paid) FILTER (WHERE member_id IS NOT NULL), 0) AS member_paid,
           coalesce(sum(paid) FILTER (WHERE member_id IS NULL), 0) AS walkin_paid,
           sum(groupbuy_paid) AS groupbuy, sum(minutes) / 60 AS hours
    FROM bills
), capacity AS (
    SELECT (SELECT sum(tables) FROM newest_areas, whole
            WHERE NOT is_virtual AND (yes OR area_id IN (SELECT id FROM parts))) AS tables,
           (SELECT count(*)
            FROM generate_series(greatest(first, first_business_date), least(last, day),
                                 interval '1 day') d
            WHERE NOT EXISTS (SELECT FROM site_closures c
                              WHERE c.site_id = site AND c.business_date = d::date)) AS open_days,
           mod(24 + (extract(epoch FROM closes_at - opens_at) / 3600), 24) AS opening_hours
    FROM asked, span JOIN sites ON sites.id = %(site)s
), table_days AS (
    SELECT nullif(tables * open_days, 0) AS n FROM capacity
)
SELECT gross::numeric(20, 2) AS gmv,
       sums.paid::numeric(20, 2) AS paid,
       (cash + coalesce((SELECT sum(principal) FROM cards WHERE kind IN ('recharge', 'refund')), 0)
       )::numeric(20, 2) AS cash_in,
       (sums.paid + coalesce((SELECT sum(gift) FROM cards WHERE kind = 'consume'), 0)
       )::numeric(20, 2) AS recognised_revenue,
       round(hours, 2) AS table_hours,
       round(hours / n, 2) AS hours_per_table,
       round(hours / (n * opening_hours), 4) AS occupancy_rate,
       round(sums.bills::numeric / n, 2) AS turnover,
       round(sums.paid / nullif(sums.bills, 0), 2) AS avg_ticket,
       round(discount / nullif(gross, 0), 4) AS discount_rate,
       round(groupbuy / nullif(sums.paid, 0), 4) AS groupbuy_share,
       round(member_paid / nullif(sums.paid, 0), 4) AS member_share,
       round(walkin_paid / nullif(sums.paid, 0), 4) AS walkin_share,
       round((SELECT count(*) FROM voided)::numeric
             / nullif(sums.bills + (SELECT count(*) FROM voided), 0), 4) AS void_rate
FROM sums, capacity, table_days
