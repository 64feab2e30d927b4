-- rebuild: the summaries, in %(version)s, of %(members)s from their dates %(since)s on, out of the
-- facts. The row before `since` is the first of the new sequence: its sums are carried on and its
-- valid_to is set. {singly} is `OFFSET 0` where there are few of many: member by member, by index.
WITH touched AS (
    -- Bills of a window earlier leave the window after `since`.
    SELECT member_id, %(version)s::smallint AS version, since, since - %(window)s AS bills_since
    FROM unnest(%(members)s::bigint[], %(since)s::date[]) AS t (member_id, since)
), {standing}, bills AS (
    SELECT t.member_id, t.since, s.business_date AS day, count(*) AS transactions,
           (sum(s.gross) * 100)::bigint AS gross,
           (sum(s.paid) * 100)::bigint AS paid,
           (sum(s.card_paid) * 100)::bigint AS card_paid
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT *
        FROM settlements
        WHERE site_id = %(site)s AND member_id = t.member_id AND business_date >= t.bills_since
        {singly}
    ) s
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
    CROSS JOIN LATERAL (
        SELECT *
        FROM card_entries
        WHERE site_id = %(site)s AND member_id = t.member_id AND business_date >= t.since
        {singly}
    ) c
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
    SELECT member_id, stat_date, first_visit, last_visit, visits, transactions, gross, paid,
           card_paid, principal, gift, paid_60d
    FROM standing
    WHERE stat_date < since
), fresh AS (
    SELECT %(version)s::smallint AS version, member_id, day AS stat_date,
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
