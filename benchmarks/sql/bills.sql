-- Bills in the order of their time, one in a hundred voided; who came follows a power law (a
-- fifth of the members makes half of the visits), three in ten are walk-ins.
INSERT INTO settlements (id, site_id, batch_id, external_id, occurred_at, business_date, member_id,
                         area_id, area_code, "table", guests, started_at, gross, discount, paid,
                         table_fee, assistant_fee, goods_fee, card_paid, cash_paid, other_paid,
                         groupbuy_paid, coupon_discount)
SELECT b.id, %(site)s, %(batch)s, 'B' || n, b.at,
       ((b.at AT TIME ZONE 'Asia/Shanghai') - interval '8 hours')::date,
       CASE WHEN who < 0.7
            THEN %(member_base)s + 1 + floor(power(bench_uniform(b.id, 2), 2) * %(members)s) END,
       a.id, coalesce(a.external_id, 'terrace'), 'T' || (b.id %% 40), 1 + (b.id %% 4),
       b.at - minutes * interval '1 minute', gross, discount, gross - discount,
       round(gross * 0.5, 2), round(gross * 0.3, 2), gross - round(gross * 0.5, 2) - round(gross * 0.3, 2),
       CASE means WHEN 0 THEN gross - discount ELSE 0 END,
       CASE means WHEN 1 THEN gross - discount ELSE 0 END,
       CASE means WHEN 2 THEN gross - discount ELSE 0 END,
       CASE means WHEN 2 THEN gross - discount ELSE 0 END, discount
FROM generate_series(1, %(bills)s) n
CROSS JOIN LATERAL (
    SELECT %(bill_base)s + n AS id,
           (%(first)s::date + time '08:00') AT TIME ZONE 'Asia/Shanghai'
               + (n - 1) * (%(days)s * interval '1 day' / %(bills)s) AS at
) b
CROSS JOIN LATERAL (
    SELECT bench_uniform(b.id, 1) AS who,
           (30 + floor(bench_uniform(b.id, 3) * 27000) / 100)::numeric(12, 2) AS gross,
           60 + floor(bench_uniform(b.id, 4) * 180) AS minutes,
           1 + floor(bench_uniform(b.id, 5) * 51)::int AS place
) r
CROSS JOIN LATERAL (
    SELECT CASE WHEN bench_uniform(b.id, 6) < 0.2 THEN round(gross * 0.1, 2) ELSE 0 END AS discount,
           -- only members have a card
           CASE WHEN who < 0.34 THEN 0 WHEN bench_uniform(b.id, 7) < 0.5 THEN 1 ELSE 2 END AS means
) p
LEFT JOIN areas a ON a.site_id = %(site)s
    -- seven areas with tables; one bill in 51 names an area that the store does not know
    AND a.external_id = (ARRAY['hallA', 'hallB', 'hallC', 'vip', 'snooker', 'mahjong', 'ktv'])
                        [CASE WHEN place <= 50 THEN 1 + place %% 7 END]
ORDER BY n;

INSERT INTO settlements (id, site_id, batch_id, external_id, occurred_at, business_date, member_id,
                         area_id, area_code, "table", guests, started_at, gross, discount, paid,
                         table_fee, assistant_fee, goods_fee, card_paid, cash_paid, other_paid,
                         groupbuy_paid, coupon_discount, void_of_id)
SELECT %(bill_base)s + %(bills)s + row_number() OVER (ORDER BY id), site_id, batch_id,
       'V' || external_id, occurred_at + interval '10 minutes', business_date, member_id, area_id,
       area_code, "table", guests, started_at, gross, discount, paid, table_fee, assistant_fee,
       goods_fee, card_paid, cash_paid, other_paid, groupbuy_paid, coupon_discount, id
FROM settlements
WHERE site_id = %(site)s AND bench_uniform(id, 8) < 0.01
ORDER BY id;

-- Cards: what a bill took from one, and recharges with a fifth on top.
INSERT INTO card_entries (site_id, batch_id, external_id, occurred_at, business_date, member_id,
                          kind, principal, gift, settlement_id)
SELECT site_id, batch_id, 'C' || external_id, occurred_at, business_date, member_id, 'consume',
       -round(paid * 0.8, 2), -(paid - round(paid * 0.8, 2)), id
FROM settlements
WHERE site_id = %(site)s AND card_paid > 0 AND void_of_id IS NULL
  AND bench_uniform(id, 9) < 0.7 AND bench_uniform(id, 8) >= 0.01
ORDER BY id;

INSERT INTO card_entries (site_id, batch_id, external_id, occurred_at, business_date, member_id,
                          kind, principal, gift)
SELECT %(site)s, %(batch)s, 'R' || n, d.day + interval '12 hours', d.day,
       %(member_base)s + 1 + floor(power(bench_uniform(%(bill_base)s + n, 11), 2) * %(members)s),
       'recharge', amount, amount / 5
FROM generate_series(1, %(recharges)s) n
CROSS JOIN LATERAL (
    SELECT %(first)s::date + floor(bench_uniform(%(bill_base)s + n, 10) * %(days)s)::int AS day,
           100 * (1 + floor(bench_uniform(%(bill_base)s + n, 12) * 20))::numeric AS amount
) d
ORDER BY n;

UPDATE members m SET business_date = f.day
FROM (SELECT member_id, min(business_date) AS day
      FROM (SELECT member_id, business_date FROM settlements WHERE site_id = %(site)s
            UNION ALL
            SELECT member_id, business_date FROM card_entries WHERE site_id = %(site)s) named
      GROUP BY member_id) f
WHERE m.site_id = %(site)s AND m.id = f.member_id;

INSERT INTO member_versions (site_id, member_id, business_date, valid_to, batch_id, name, phone,
                             joined_at, is_minor, do_not_contact)
SELECT site_id, id, business_date, '9999-12-31', batch_id, '会员' || external_id,
       '138' || lpad((id %% 100000000)::text, 8, '0'), business_date + interval '4 hours',
       false, false
FROM members
WHERE site_id = %(site)s
ORDER BY id;
