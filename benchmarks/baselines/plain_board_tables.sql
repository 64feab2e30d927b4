-- What a program without a time machine keeps: today's values, one row a member, no dates.
CREATE TABLE bench_plain_sums AS
SELECT site_id, member_id, last_visit, visits, transactions, paid, principal, gift, paid_60d
FROM dws_member_consumption_summary
WHERE stat_date <= %(day)s AND valid_to > %(day)s AND version = 1;
ALTER TABLE bench_plain_sums ADD PRIMARY KEY (site_id, member_id);

CREATE TABLE bench_plain_members AS
SELECT m.site_id, m.id, v.name, v.phone
FROM members m
JOIN member_versions v ON v.site_id = m.site_id AND v.member_id = m.id
                      AND v.business_date <= %(day)s AND v.valid_to > %(day)s;
ALTER TABLE bench_plain_members ADD PRIMARY KEY (site_id, id);
ANALYZE bench_plain_sums, bench_plain_members;
