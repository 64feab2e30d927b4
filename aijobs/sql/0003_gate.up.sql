-- The one way to a provider: one round trip that takes the hold and starts the run, or refuses.
-- Call it after the lease's fence, inside the run's context. A refusal changes nothing.
CREATE FUNCTION open_provider_call(
    in_site bigint, in_run bigint, in_purpose text, in_provider text, in_model text,
    in_day date, in_hold integer, in_seconds double precision,
    OUT call_id bigint, OUT generation bigint, OUT refusal text
) LANGUAGE plpgsql AS $$
BEGIN
    IF in_purpose = 'first' THEN
        UPDATE runs r
        SET status = 'running', started_at = clock_timestamp(),
            generation = nextval('run_generation')
        WHERE r.site_id = in_site AND r.id = in_run AND r.status = 'pending'
        RETURNING r.generation INTO generation;
    ELSE
        SELECT r.generation INTO generation FROM runs r
        WHERE r.site_id = in_site AND r.id = in_run AND r.status = 'running' FOR NO KEY UPDATE;
    END IF;
    IF NOT FOUND THEN
        refusal := 'stale_run';
        RETURN;
    END IF;
    INSERT INTO provider_calls (
        site_id, run_id, n, purpose, provider, model, business_date, status, hold,
        tokens_in, tokens_out, is_estimated, cost, request_id, error_code, expires_at)
    SELECT in_site, in_run, count(*) + 1, in_purpose, in_provider, in_model, in_day, 'held', in_hold,
           0, 0, false, 0, '', '', clock_timestamp() + in_seconds * interval '1 s'
    FROM provider_calls WHERE site_id = in_site AND run_id = in_run
    RETURNING id INTO call_id;
END $$;
