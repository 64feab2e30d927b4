DROP FUNCTION abandon_provider_calls(bigint, bigint[]);
DROP FUNCTION settle_provider_call(
    bigint, text, text, integer, integer, boolean, numeric, text, text, integer);
DROP FUNCTION move_budget(bigint, text, date, bigint, bigint);
DROP FUNCTION report_to_breaker(text, text, bigint, boolean, text, integer);
DROP FUNCTION open_provider_call(
    bigint, bigint, text, text, text, integer, double precision, boolean, jsonb, jsonb);
DROP FUNCTION rate_of_site(bigint, timestamptz, boolean, jsonb);
DROP FUNCTION budget_days(bigint, timestamptz, jsonb);
DROP FUNCTION budget_windows(bigint, date, date);
DROP FUNCTION guard_clock();
ALTER TABLE breakers RESET (fillfactor);
ALTER TABLE budgets RESET (fillfactor);
