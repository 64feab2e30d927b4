-- Baseline of the board: its first page over plain current tables (plain_board_tables.sql), as a
-- role that row-level security does not bind. The same columns, sorted by the same one.
SELECT m.id, m.name, m.phone, %(day)s::date - s.last_visit, coalesce(s.visits, 0),
       coalesce(s.transactions, 0), coalesce((s.principal + s.gift) * 0.01, 0.00),
       coalesce(s.principal * 0.01, 0.00), coalesce(s.gift * 0.01, 0.00),
       coalesce(s.paid_60d * 0.01, 0.00), coalesce(s.paid * 0.01, 0.00) AS total
FROM bench_plain_members m
LEFT JOIN bench_plain_sums s ON s.site_id = %(site)s AND s.member_id = m.id
WHERE m.site_id = %(site)s
ORDER BY total DESC, m.id
LIMIT 50
