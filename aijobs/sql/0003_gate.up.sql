-- The gate's four guards. A call of a provider is opened by one function and ended by another,
-- each in one round trip. Locks in this order, always: run, call, breaker, guard_site, budgets
-- (site day, site month, chain day, chain month).
--
-- in_limits, everywhere: {"rate": calls a minute, "rate_by_hour": 24 factors,
--   "prewarm_rate": calls of 60, "breaker_open_seconds", "chain_timezone", "chain_day_starts_at",
--   "caps": {name of a window: tokens}}

-- A budget's row is written at every call: room for the new version on the same page.
ALTER TABLE budgets SET (fillfactor = 40);
ALTER TABLE breakers SET (fillfactor = 40);

-- The one clock of the guards: the database's, and always read after the lock it decides under.
CREATE FUNCTION guard_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()';

-- The four budgets that a call of this store counts in, in the order in which they are locked.
CREATE FUNCTION budget_windows(
    in_site bigint, in_day date, in_chain_day date,
    OUT place integer, OUT name text, OUT site_id bigint, OUT period text, OUT starts_on date
) RETURNS SETOF record LANGUAGE sql IMMUTABLE AS $$
    VALUES (1, 'site_day', in_site, 'day', in_day),
           (2, 'site_month', in_site, 'month', date_trunc('month', in_day)::date),
           (3, 'chain_day', 0, 'day', in_chain_day),
           (4, 'chain_month', 0, 'month', date_trunc('month', in_chain_day)::date)
$$;

-- The business days of a moment, the store's and the chain's.
CREATE FUNCTION budget_days(
    in_site bigint, in_moment timestamptz, in_limits jsonb, OUT day date, OUT chain_day date
) RETURNS SETOF record LANGUAGE sql STABLE AS $$
    SELECT (in_moment AT TIME ZONE s.timezone - s.day_starts_at::interval)::date,
           (in_moment AT TIME ZONE (in_limits->>'chain_timezone')
               - (in_limits->>'chain_day_starts_at')::interval)::date
    FROM sites s WHERE s.id = in_site
$$;

-- How many calls a store may make in 60 s at this moment, and when it has room for the next one;
-- null: now. For a patient one whatever is the narrower: all calls, or its part of them.
CREATE FUNCTION rate_of_site(
    in_site bigint, in_moment timestamptz, in_is_patient boolean, in_limits jsonb,
    OUT most integer, OUT free_at timestamptz
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT floor((in_limits->>'rate')::integer * (in_limits->'rate_by_hour'->>
        extract(hour FROM in_moment AT TIME ZONE s.timezone)::integer)::numeric)
    INTO most FROM sites s WHERE s.id = in_site;
    IF most = 0 THEN
        -- Until the hour's factor or the option is another.
        free_at := in_moment + interval '60 s';
        RETURN;
    END IF;
    SELECT c.started_at + interval '60 s' INTO free_at FROM provider_calls c
    WHERE c.site_id = in_site AND c.started_at > in_moment - interval '60 s'
    ORDER BY c.started_at DESC OFFSET most - 1 LIMIT 1;
    IF in_is_patient AND free_at IS NULL THEN
        most := greatest(most * (in_limits->>'prewarm_rate')::integer / 60, 1);
        SELECT c.started_at + interval '60 s' INTO free_at FROM provider_calls c
        WHERE c.site_id = in_site AND c.is_patient AND c.started_at > in_moment - interval '60 s'
        ORDER BY c.started_at DESC OFFSET most - 1 LIMIT 1;
    END IF;
END $$;

-- Opening and settling keep their plans: planning anew would cost a third of their time, while
-- others wait for the locks. They look rows up by id alone, as the policies add the store: told
-- the store twice, the planner walks all rows of it where statistics are missing.

-- The one way to a provider: takes the call's place in every guard and starts the run, or refuses.
-- Call it after the lease's fence, inside the run's context, last in its transaction. What is
-- taken before all guards have agreed is undone, so a refusal changes nothing.
--
-- in_inputs: what the run is about to send, as its columns have it; null: it says so already.
-- refusal: stale_run | kill_switch | circuit_open | rate_limited | budget_exceeded
-- details: what its message needs; retry_after in seconds where time alone helps.
CREATE FUNCTION open_provider_call(
    in_site bigint, in_run bigint, in_purpose text, in_provider text, in_model text,
    in_hold integer, in_seconds double precision, in_is_patient boolean, in_limits jsonb,
    in_inputs jsonb,
    OUT call_id bigint, OUT generation bigint, OUT refusal text, OUT details jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    moment timestamptz;
    run record;
    switch record;
    breaker breakers%ROWTYPE;
    is_probe boolean := false;
    most integer;
    free_at timestamptz;
    day date;
    chain_day date;
    budget_window record;
    used bigint;
    cap bigint;
BEGIN
    SELECT r.app, r.generation INTO run FROM runs r
    WHERE r.id = in_run AND r.status = CASE in_purpose WHEN 'first' THEN 'pending' ELSE 'running' END
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        refusal := 'stale_run';
        RETURN;
    END IF;

    -- 1. Kill switch.
    SELECT k.reason, k.expires_at INTO switch FROM kill_switches k
    WHERE (k.site_id IS NULL OR k.site_id = in_site) AND k.app IN ('', run.app)
      AND k.lifted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > guard_clock())
    ORDER BY k.id LIMIT 1;
    IF FOUND THEN
        refusal := 'kill_switch';
        details := jsonb_build_object('reason', switch.reason);
        RETURN;
    END IF;

    -- 2. Breaker. A closed one is only read: whoever opens it meanwhile has begun a new generation.
    SELECT b.* INTO breaker FROM breakers b WHERE b.provider = in_provider AND b.app = run.app;
    IF breaker.opened_at IS NOT NULL THEN
        SELECT b.* INTO breaker FROM breakers b WHERE b.id = breaker.id FOR NO KEY UPDATE;
        IF breaker.opened_at IS NOT NULL THEN
            moment := guard_clock();
            free_at := greatest(
                breaker.opened_at + (in_limits->>'breaker_open_seconds')::integer * interval '1 s',
                breaker.probe_until);
            IF free_at > moment THEN
                refusal := 'circuit_open';
                details := jsonb_build_object(
                    'provider', in_provider, 'retry_after', extract(epoch FROM free_at - moment));
                RETURN;
            END IF;
            is_probe := true;
        END IF;
    END IF;

    -- 3. Rate: one call after the other, so that the store's newest calls are all in sight.
    LOOP
        PERFORM FROM guard_site g WHERE g.site_id = in_site FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO guard_site (site_id) VALUES (in_site) ON CONFLICT DO NOTHING;
    END LOOP;
    moment := guard_clock();
    SELECT r.most, r.free_at INTO most, free_at
    FROM rate_of_site(in_site, moment, in_is_patient, in_limits) r;
    IF free_at IS NOT NULL THEN
        refusal := 'rate_limited';
        details := jsonb_build_object(
            'limit', most, 'retry_after', extract(epoch FROM free_at - moment));
        RETURN;
    END IF;

    -- 4. Budgets, those of the business days of this moment.
    SELECT d.day, d.chain_day INTO day, chain_day FROM budget_days(in_site, moment, in_limits) d;
    BEGIN
        -- Everything before the budgets: the chain's row, for which all stores queue, is locked as
        -- shortly before the commit as can be. A budget that refuses undoes the whole block.
        IF is_probe THEN
            UPDATE breakers b
            SET generation = b.generation + 1, probe_until = moment + in_seconds * interval '1 s'
            WHERE b.id = breaker.id RETURNING b.generation INTO breaker.generation;
        END IF;
        UPDATE runs r
        SET status = 'running', started_at = coalesce(r.started_at, moment),
            generation = CASE in_purpose WHEN 'first' THEN nextval('run_generation')
                                         ELSE r.generation END,
            guards = '["kill_switch", "breaker", "rate", "budget"]',
            provider = coalesce(in_inputs->>'provider', r.provider),
            model = coalesce(in_inputs->>'model', r.model),
            prompt_version = coalesce((in_inputs->>'prompt_version')::integer, r.prompt_version),
            prompt = coalesce(in_inputs->>'prompt', r.prompt),
            features = coalesce(in_inputs->'features', r.features),
            features_sha256 = coalesce(in_inputs->>'features_sha256', r.features_sha256),
            "references" = coalesce(in_inputs->'references', r."references"),
            watermark = coalesce((in_inputs->>'watermark')::bigint, r.watermark)
        WHERE r.id = in_run AND (in_purpose = 'first' OR in_inputs IS NOT NULL)
        RETURNING r.generation INTO generation;
        generation := coalesce(generation, run.generation);
        INSERT INTO provider_calls (
            site_id, run_id, n, purpose, app, provider, model, business_date, chain_date,
            is_patient, breaker_generation, status, hold, tokens_in, tokens_out, overrun,
            is_estimated, cost, request_id, error_code, started_at, expires_at)
        SELECT in_site, in_run, count(*) + 1, in_purpose, run.app, in_provider, in_model, day,
               chain_day, in_is_patient, coalesce(breaker.generation, 0), 'held', in_hold, 0, 0, 0,
               false, 0, '', '', moment, moment + in_seconds * interval '1 s'
        FROM provider_calls c WHERE c.run_id = in_run
        RETURNING id INTO call_id;
        FOR budget_window IN
            SELECT * FROM budget_windows(in_site, day, chain_day) w ORDER BY w.place
        LOOP
            cap := (in_limits->'caps'->>budget_window.name)::bigint;
            LOOP
                -- Judged again by whoever had to wait for the row.
                UPDATE budgets b SET held = b.held + in_hold
                WHERE b.site_id = budget_window.site_id AND b.period = budget_window.period
                  AND b.starts_on = budget_window.starts_on AND b.spent + b.held + in_hold <= cap;
                EXIT WHEN FOUND;
                SELECT b.spent + b.held INTO used FROM budgets b
                WHERE b.site_id = budget_window.site_id AND b.period = budget_window.period
                  AND b.starts_on = budget_window.starts_on;
                IF NOT FOUND THEN
                    INSERT INTO budgets (site_id, period, starts_on, spent, held)
                    VALUES (
                        budget_window.site_id, budget_window.period, budget_window.starts_on, 0, 0)
                    ON CONFLICT DO NOTHING;
                ELSIF used + in_hold > cap THEN
                    RAISE EXCEPTION 'budget_exceeded' USING ERRCODE = 'ZQ004';
                END IF;
            END LOOP;
        END LOOP;
    EXCEPTION WHEN SQLSTATE 'ZQ004' THEN
        call_id := NULL;
        generation := NULL;
        refusal := 'budget_exceeded';
        details := jsonb_build_object(
            'window', budget_window.name, 'used', used, 'cap', cap, 'asked', in_hold);
    END;
END $$;

-- What a call's end says about its provider. Nothing, unless the breaker still is in the
-- generation in which the call started. Returns 'opened' or 'closed' where that happened.
CREATE FUNCTION report_to_breaker(
    in_provider text, in_app text, in_generation bigint,
    in_is_success boolean, in_error_code text, in_most_failures integer
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    was_open boolean;
    is_open boolean;
BEGIN
    -- Within one generation only its prober closes the breaker: nothing to lock for this.
    SELECT b.opened_at IS NOT NULL INTO was_open FROM breakers b
    WHERE b.provider = in_provider AND b.app = in_app AND b.generation = in_generation;
    IF in_is_success THEN
        UPDATE breakers b SET failures = 0, opened_at = NULL, probe_until = NULL
        WHERE b.provider = in_provider AND b.app = in_app AND b.generation = in_generation
          AND (b.failures > 0 OR b.opened_at IS NOT NULL);
        RETURN CASE WHEN was_open THEN 'closed' END;
    END IF;
    IF in_error_code NOT IN ('timeout', 'provider_error', 'throttled', 'auth') THEN
        -- Says nothing about the provider: the next one may probe.
        UPDATE breakers b SET probe_until = NULL
        WHERE b.provider = in_provider AND b.app = in_app AND b.generation = in_generation
          AND b.probe_until IS NOT NULL;
        RETURN NULL;
    END IF;
    IF in_generation = 0 THEN
        INSERT INTO breakers (provider, app, generation, failures)
        VALUES (in_provider, in_app, 0, 0) ON CONFLICT DO NOTHING;
    END IF;
    UPDATE breakers b
    SET failures = b.failures + 1, probe_until = NULL,
        (opened_at, generation) = (
            SELECT CASE WHEN opens THEN guard_clock() END, b.generation + opens::integer
            FROM (SELECT b.opened_at IS NOT NULL
                         OR b.failures + 1 >= in_most_failures) judged (opens)
        )
    WHERE b.provider = in_provider AND b.app = in_app AND b.generation = in_generation
    RETURNING b.opened_at IS NOT NULL INTO is_open;
    RETURN CASE WHEN is_open AND was_open IS NOT TRUE THEN 'opened' END;
END $$;

-- Exchange tokens held in a window for tokens used.
CREATE FUNCTION move_budget(
    in_site bigint, in_period text, in_starts_on date, in_freed bigint, in_used bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE budgets SET held = held - in_freed, spent = spent + in_used
    WHERE site_id = in_site AND period = in_period AND starts_on = in_starts_on;
END $$;

-- End a call: in_status 'settled' with what it used, or 'released' with its error. Call it late in
-- the transaction that ends the run: the chain's budget is locked until that commits.
CREATE FUNCTION settle_provider_call(
    in_call bigint, in_status text, in_error_code text,
    in_tokens_in integer, in_tokens_out integer, in_is_estimated boolean, in_cost numeric,
    in_model text, in_request_id text, in_most_failures integer,
    OUT is_settled boolean, OUT overrun integer, OUT breaker text
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    call provider_calls%ROWTYPE;
    used bigint := in_tokens_in + in_tokens_out;
BEGIN
    UPDATE provider_calls c
    SET status = in_status, error_code = in_error_code, finished_at = guard_clock(),
        tokens_in = in_tokens_in, tokens_out = in_tokens_out,
        overrun = greatest(used - c.hold, 0),
        is_estimated = in_is_estimated, cost = in_cost,
        model = coalesce(nullif(in_model, ''), c.model), request_id = in_request_id
    -- Which is: status = 'held', but does not tempt the planner to walk the index of held calls.
    WHERE c.id = in_call AND c.finished_at IS NULL
    RETURNING c.* INTO call;
    is_settled := FOUND;
    IF is_settled THEN
        overrun := call.overrun;
        breaker := report_to_breaker(call.provider, call.app, call.breaker_generation,
            in_status = 'settled', in_error_code, in_most_failures);
        PERFORM move_budget(w.site_id, w.period, w.starts_on, call.hold, used)
        FROM (SELECT * FROM budget_windows(call.site_id, call.business_date, call.chain_date) w
              ORDER BY w.place) w;
    END IF;
END $$;

-- End the held calls of these runs, or (null) those that have expired: nobody will read their
-- answers. While its run is running a call counts in full, as nobody knows whether the provider
-- answered; else nothing. Call it before the runs are ended. Returns how many there were.
CREATE FUNCTION abandon_provider_calls(in_site bigint, in_runs bigint[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    calls bigint[];
    call record;
BEGIN
    WITH lost AS (
        SELECT c.id FROM provider_calls c
        WHERE c.site_id = in_site AND c.status = 'held'
          AND CASE WHEN in_runs IS NULL THEN c.expires_at < guard_clock()
                   ELSE c.run_id = ANY (in_runs) END
        ORDER BY c.id FOR NO KEY UPDATE
    ), ended AS (
        UPDATE provider_calls c
        SET finished_at = guard_clock(),
            status = CASE r.status WHEN 'running' THEN 'unknown' ELSE 'released' END
        FROM lost, runs r
        WHERE c.id = lost.id AND r.site_id = c.site_id AND r.id = c.run_id
        RETURNING c.id
    )
    SELECT coalesce(array_agg(id), '{}') INTO calls FROM ended;
    FOR call IN
        SELECT DISTINCT c.provider, c.app, c.breaker_generation FROM provider_calls c
        WHERE c.id = ANY (calls) ORDER BY 1, 2, 3
    LOOP
        -- A prober that is gone leaves the probe to the next.
        PERFORM report_to_breaker(call.provider, call.app, call.breaker_generation, false, '', 1);
    END LOOP;
    PERFORM move_budget(w.site_id, w.period, w.starts_on, w.freed, w.used)
    FROM (
        SELECT w.site_id, w.period, w.starts_on, sum(c.hold) AS freed,
               coalesce(sum(c.hold) FILTER (WHERE c.status = 'unknown'), 0) AS used
        FROM provider_calls c
        CROSS JOIN LATERAL budget_windows(c.site_id, c.business_date, c.chain_date) w
        WHERE c.id = ANY (calls)
        GROUP BY w.place, w.site_id, w.period, w.starts_on
        ORDER BY w.place, w.starts_on
    ) w;
    RETURN cardinality(calls);
END $$;
