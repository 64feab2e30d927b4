SELECT m.id AS member,
       (SELECT day - max(business_date) FROM visits v WHERE v.member_id = m.id) AS last_visit_days,
       (SELECT coalesce(sum(principal + gift), 0)::numeric(20, 2)
        FROM live_cards c WHERE c.member_id = m.id) AS card_balance,
       (SELECT coalesce(sum(principal), 0)::numeric(20, 2)
        FROM live_cards c WHERE c.member_id = m.id) AS card_principal,
       (SELECT coalesce(sum(gift), 0)::numeric(20, 2)
        FROM live_cards c WHERE c.member_id = m.id) AS card_gift,
       (SELECT coalesce(sum(paid), 0)::numeric(20, 2)
        FROM live_bills b
        WHERE b.member_id = m.id AND business_date > day - %(consumption_window_days)s::int)
           AS consumption_60d,
       (SELECT coalesce(sum(paid), 0)::numeric(20, 2)
        FROM live_bills b WHERE b.member_id = m.id) AS total_consumption,
       (SELECT count(*) FROM live_bills b WHERE b.member_id = m.id) AS total_transactions
FROM known_members m, asked
