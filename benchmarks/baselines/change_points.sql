-- Windowed columns as they are kept (docs/decisions/0010): a row also on the day a visit leaves the
-- window, so that the row in force at D holds what was paid in (D-60, D].
SELECT member_id, paid_60d
FROM dws_member_consumption_summary
WHERE site_id = %(site)s AND version = 1 AND stat_date <= %(day)s AND valid_to > %(day)s
ORDER BY 2 DESC, 1
LIMIT 50
