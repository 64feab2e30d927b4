DROP FUNCTION open_provider_call(bigint, bigint, text, text, text, date, integer, double precision);
