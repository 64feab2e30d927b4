-- compute: the summaries, in %(version)s, of %(members)s from their dates %(since)s on, out of the
-- facts. The row before `since` is the first of the new sequence: its sums are carried on and its
-- valid_to is set.
WITH touched AS (
    SELECT member_id, since
    FROM unnest(%(members)s::bigint[], %(since)s::date[]) AS t (member_id, since)
), bills AS (
    -- From a window earlier: those bills leave the window after `since`.
    SELECT t.member_id, t.since, s.business_date AS day, count(*) AS transactions,
           (sum(s.gross) * 100)::bigint AS gross,
           (sum(s.paid) * 100)::bigint AS paid,
           (sum(s.card_paid) * 100)::bigint AS card_paid
    FROM touched t
    JOIN settlements s ON s.site_id = %(site)s AND s.member_id = t.member_id
                      AND s.business_date >= t.since - %(window)s
    WHERE s.void_of_id IS NULL
      AND NOT EXISTS (
          SELECT FROM settlements v WHERE v.site_id = %(site)s AND v.void_of_id = s.id)
    GROUP BY t.member_id, t.since, s.business_date
), changes AS (
    SELECT member_id, day, day AS visit, 1 AS visits, transactions, gross, paid, card_paid,
           0::bigint AS principal, 0::bigint AS gift, paid AS paid_60d
    FROM bills WHERE day >= since
    UNION ALL
    SELECT member_id, day + %(window)s, NULL, 0, 0, 0, 0, 0, 0, 0, -paid
    FROM bills WHERE day + %(window)s >= since
    UNION ALL
    SELECT t.member_id, c.business_date, NULL, 0, 0, 0, 0, 0,
           (c.principal * 100)::bigint, (c.gift * 100)::bigint, 0
    FROM touched t
    JOIN card_entries c ON c.site_id = %(site)s AND c.member_id = t.member_id
                       AND c.business_date >= t.since
    WHERE c.void_of_id IS NULL
      AND NOT EXISTS (
          SELECT FROM card_entries v WHERE v.site_id = %(site)s AND v.void_of_id = c.id)
), days AS (
    SELECT member_id, day, min(visit) AS first_visit, max(visit) AS last_visit,
           total(visits) AS visits, total(transactions) AS transactions,
           total(gross) AS gross, total(paid) AS paid,
           total(card_paid) AS card_paid, total(principal) AS principal,
           total(gift) AS gift, total(paid_60d) AS paid_60d
    FROM changes
    GROUP BY member_id, day
    UNION ALL
    SELECT b.member_id, b.stat_date, b.first_visit, b.last_visit, b.visits, b.transactions,
           b.gross, b.paid, b.card_paid, b.principal, b.gift, b.paid_60d
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT d.*
        FROM dws_member_consumption_summary d
        WHERE d.site_id = %(site)s AND d.version = %(version)s AND d.member_id = t.member_id
          AND d.stat_date < t.since
        ORDER BY d.stat_date DESC
        LIMIT 1
    ) b
), fresh AS (
    SELECT member_id, day AS stat_date,
           coalesce(lead(day) OVER so_far, '9999-12-31') AS valid_to,
           min(first_visit) OVER so_far AS first_visit,
           max(last_visit) OVER so_far AS last_visit,
           total(visits) OVER so_far AS visits,
           total(transactions) OVER so_far AS transactions,
           total(gross) OVER so_far AS gross,
           total(paid) OVER so_far AS paid,
           total(card_paid) OVER so_far AS card_paid,
           total(principal) OVER so_far AS principal,
           total(gift) OVER so_far AS gift,
           total(paid_60d) OVER so_far AS paid_60d
    FROM days
    WINDOW so_far AS (PARTITION BY member_id ORDER BY day ROWS UNBOUNDED PRECEDING)
)

-- first: these members have no rows in this version yet
INSERT INTO dws_member_consumption_summary (
    site_id, version, member_id, stat_date, valid_to, first_visit, last_visit, visits, transactions,
    gross, paid, card_paid, principal, gift, paid_60d)
SELECT %(site)s, %(version)s, member_id, stat_date, valid_to, first_visit, last_visit, visits,
       transactions, gross, paid, card_paid, principal, gift, paid_60d
FROM fresh

-- again: rows that come out the same are left alone
, gone AS (
    DELETE FROM dws_member_consumption_summary d
    USING touched t
    WHERE d.site_id = %(site)s AND d.version = %(version)s AND d.member_id = t.member_id
      AND d.stat_date >= t.since
      AND NOT EXISTS (
          SELECT FROM fresh f WHERE f.member_id = d.member_id AND f.stat_date = d.stat_date)
)
INSERT INTO dws_member_consumption_summary AS d (
    site_id, version, member_id, stat_date, valid_to, first_visit, last_visit, visits, transactions,
    gross, paid, card_paid, principal, gift, paid_60d)
SELECT %(site)s, %(version)s, member_id, stat_date, valid_to, first_visit, last_visit, visits,
       transactions, gross, paid, card_paid, principal, gift, paid_60d
FROM fresh
ON CONFLICT (site_id, version, member_id, stat_date) DO UPDATE
SET (valid_to, first_visit, last_visit, visits, transactions, gross, paid, card_paid, principal,
     gift, paid_60d)
  = (excluded.valid_to, excluded.first_visit, excluded.last_visit, excluded.visits,
     excluded.transactions, excluded.gross, excluded.paid, excluded.card_paid, excluded.principal,
     excluded.gift, excluded.paid_60d)
WHERE (d.valid_to, d.first_visit, d.last_visit, d.visits, d.transactions, d.gross, d.paid,
       d.card_paid, d.principal, d.gift, d.paid_60d)
   IS DISTINCT FROM
      (excluded.valid_to, excluded.first_visit, excluded.last_visit, excluded.visits,
       excluded.transactions, excluded.gross, excluded.paid, excluded.card_paid,
       excluded.principal, excluded.gift, excluded.paid_60d)
