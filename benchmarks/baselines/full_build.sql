-- Baseline of a full build, for DuckDB (2 threads, the facts loaded into its own tables): the same
-- aggregates of the sites in $sites, into tables without keys or indexes. One statement a table.

-- dws_member_consumption_summary
CREATE OR REPLACE TEMP TABLE member_consumption AS
WITH bills AS (
    SELECT site_id, member_id, business_date AS day, count(*) AS transactions,
           sum(gross) AS gross, sum(paid) AS paid, sum(card_paid) AS card_paid
    FROM settlements s
    WHERE list_contains($sites, site_id) AND member_id IS NOT NULL AND void_of_id IS NULL
      AND id NOT IN (SELECT void_of_id FROM settlements WHERE void_of_id IS NOT NULL)
    GROUP BY ALL
), changes AS (
    SELECT site_id, member_id, day, day AS visit, 1 AS visits, transactions, gross, paid, card_paid,
           0 AS principal, 0 AS gift, paid AS paid_60d
    FROM bills
    UNION ALL
    SELECT site_id, member_id, day + 60, NULL, 0, 0, 0, 0, 0, 0, 0, -paid FROM bills
    UNION ALL
    SELECT site_id, member_id, business_date, NULL, 0, 0, 0, 0, 0, principal, gift, 0
    FROM card_entries
    WHERE list_contains($sites, site_id) AND void_of_id IS NULL
      AND id NOT IN (SELECT void_of_id FROM card_entries WHERE void_of_id IS NOT NULL)
), days AS (
    SELECT site_id, member_id, day, min(visit) AS first_visit, max(visit) AS last_visit,
           sum(visits) AS visits, sum(transactions) AS transactions, sum(gross) AS gross,
           sum(paid) AS paid, sum(card_paid) AS card_paid, sum(principal) AS principal,
           sum(gift) AS gift, sum(paid_60d) AS paid_60d
    FROM changes
    GROUP BY ALL
)
SELECT site_id, member_id, day AS stat_date,
       coalesce(lead(day) OVER so_far, DATE '9999-12-31') AS valid_to,
       min(first_visit) OVER so_far AS first_visit, max(last_visit) OVER so_far AS last_visit,
       sum(visits) OVER so_far AS visits, sum(transactions) OVER so_far AS transactions,
       sum(gross) OVER so_far AS gross, sum(paid) OVER so_far AS paid,
       sum(card_paid) OVER so_far AS card_paid, sum(principal) OVER so_far AS principal,
       sum(gift) OVER so_far AS gift, sum(paid_60d) OVER so_far AS paid_60d
FROM days
WINDOW so_far AS (PARTITION BY site_id, member_id ORDER BY day);

-- dws_finance_daily
CREATE OR REPLACE TEMP TABLE finance_daily AS
WITH sources AS (
    SELECT site_id, coalesce(area_id, 0) AS area_id, business_date AS day,
           sum(gross) AS gross, sum(discount) AS discount, sum(paid) AS paid,
           sum(card_paid) AS card_paid, sum(cash_paid) AS cash_paid, sum(other_paid) AS other_paid,
           sum(groupbuy_paid) AS groupbuy_paid, count(groupbuy_paid) AS groupbuy_known,
           sum(paid) FILTER (member_id IS NOT NULL) AS member_paid,
           sum(table_fee) AS table_fee, sum(assistant_fee) AS assistant_fee,
           sum(goods_fee) AS goods_fee, sum(other_fee) AS other_fee,
           count(coalesce(table_fee, assistant_fee, goods_fee, other_fee)) AS parts_known,
           count(*) AS bills, count(member_id) AS member_bills, sum(guests) AS guests,
           sum(minutes) AS table_minutes, count(minutes) AS timed_bills,
           0 AS voided_bills, 0 AS recharge_principal, 0 AS recharge_gift, 0 AS refunds,
           0 AS gift_consumed, 0 AS new_members
    FROM settlements
    WHERE list_contains($sites, site_id) AND void_of_id IS NULL
      AND id NOT IN (SELECT void_of_id FROM settlements WHERE void_of_id IS NOT NULL)
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT site_id, coalesce(area_id, 0) AS area_id, business_date AS day, count(*) AS voided_bills
    FROM settlements
    WHERE list_contains($sites, site_id) AND void_of_id IS NOT NULL
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT c.site_id, CASE WHEN c.kind = 'consume' THEN coalesce(b.area_id, 0) ELSE 0 END AS area_id,
           c.business_date AS day,
           sum(c.principal) FILTER (c.kind = 'recharge') AS recharge_principal,
           sum(c.gift) FILTER (c.kind = 'recharge') AS recharge_gift,
           sum(-c.principal) FILTER (c.kind = 'refund') AS refunds,
           sum(-c.gift) FILTER (c.kind = 'consume') AS gift_consumed
    FROM card_entries c
    LEFT JOIN settlements b ON b.id = c.settlement_id
    WHERE list_contains($sites, c.site_id) AND c.void_of_id IS NULL
      AND c.id NOT IN (SELECT void_of_id FROM card_entries WHERE void_of_id IS NOT NULL)
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT site_id, 0 AS area_id, first_visit AS day, count(*) AS new_members
    FROM member_consumption
    WHERE stat_date = first_visit
    GROUP BY ALL
), days AS (
    SELECT site_id, area_id, day, sum(COLUMNS(* EXCLUDE (site_id, area_id, day)))
    FROM sources
    GROUP BY site_id, area_id, day
)
SELECT site_id, area_id, day AS stat_date,
       coalesce(lead(day) OVER so_far, DATE '9999-12-31') AS valid_to,
       sum(COLUMNS(* EXCLUDE (site_id, area_id, day))) OVER so_far
FROM days
WINDOW so_far AS (PARTITION BY site_id, area_id ORDER BY day);
