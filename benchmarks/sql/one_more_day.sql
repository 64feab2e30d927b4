-- %(day)s of a site: the bills, service lines and card entries of the same weekday a week before,
-- under new ids.
INSERT INTO settlements (site_id, batch_id, external_id, occurred_at, business_date, member_id,
                         area_id, area_code, "table", guests, started_at, gross, discount, paid,
                         table_fee, assistant_fee, goods_fee, card_paid, cash_paid, other_paid,
                         groupbuy_paid, coupon_discount)
SELECT site_id, batch_id, 'N' || external_id, occurred_at + interval '7 days', %(day)s, member_id,
       area_id, area_code, "table", guests, started_at + interval '7 days', gross, discount, paid,
       table_fee, assistant_fee, goods_fee, card_paid, cash_paid, other_paid, groupbuy_paid,
       coupon_discount
FROM settlements
WHERE site_id = %(site)s AND business_date = %(day)s::date - 7 AND void_of_id IS NULL
ORDER BY id;

INSERT INTO service_lines (site_id, batch_id, external_id, occurred_at, business_date,
                           settlement_id, assistant_id, member_id, course_type, hours, ledger)
SELECT l.site_id, l.batch_id, 'N' || l.external_id, n.occurred_at, n.business_date, n.id,
       l.assistant_id, n.member_id, l.course_type, l.hours, l.ledger
FROM service_lines l
JOIN settlements s ON s.site_id = l.site_id AND s.id = l.settlement_id
JOIN settlements n ON n.site_id = l.site_id AND n.external_id = 'N' || s.external_id
WHERE l.site_id = %(site)s AND l.business_date = %(day)s::date - 7
ORDER BY l.id;

INSERT INTO card_entries (site_id, batch_id, external_id, occurred_at, business_date, member_id,
                          kind, principal, gift, settlement_id)
SELECT c.site_id, c.batch_id, 'N' || c.external_id, c.occurred_at + interval '7 days', %(day)s,
       c.member_id, c.kind, c.principal, c.gift, n.id
FROM card_entries c
LEFT JOIN settlements s ON s.site_id = c.site_id AND s.id = c.settlement_id
LEFT JOIN settlements n ON n.site_id = c.site_id AND n.external_id = 'N' || s.external_id
WHERE c.site_id = %(site)s AND c.business_date = %(day)s::date - 7
ORDER BY c.id;
