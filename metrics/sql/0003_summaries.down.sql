ALTER TABLE dws_assistant_daily_detail RESET (fillfactor);
ALTER TABLE dws_finance_daily RESET (fillfactor);
DROP AGGREGATE total(bigint);
