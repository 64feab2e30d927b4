-- Members, assistants and what is known of them. Everybody dates from the first fact that names
-- them, which the other files lower to (bills.sql, at its end).
INSERT INTO members (id, site_id, external_id, business_date, batch_id)
SELECT %(member_base)s + n, %(site)s, 'M' || n, %(last)s::date, %(batch)s
FROM generate_series(1, %(members)s) n;

INSERT INTO assistants (id, site_id, external_id, business_date, batch_id)
SELECT %(assistant_base)s + n, %(site)s, 'A' || n, %(first)s::date, %(batch)s
FROM generate_series(1, %(assistants)s) n;

INSERT INTO assistant_versions (site_id, assistant_id, business_date, valid_to, batch_id, name,
                                level, hired_at)
SELECT %(site)s, %(assistant_base)s + n, %(first)s::date, '9999-12-31', %(batch)s, '助教' || n,
       (ARRAY['junior', 'middle', 'senior'])[1 + n %% 3], %(first)s::date + interval '4 hours'
FROM generate_series(1, %(assistants)s) n;

-- Two levels each: one from the start, one from some day on.
INSERT INTO assistant_level_changes (site_id, external_id, occurred_at, business_date, batch_id,
                                     assistant_id, level)
SELECT %(site)s, 'L' || n || '-' || step, day + interval '4 hours', day, %(batch)s,
       %(assistant_base)s + n, (ARRAY['junior', 'middle', 'senior'])[1 + (n + step) %% 3]
FROM generate_series(1, %(assistants)s) n,
     generate_series(0, 1) step,
     LATERAL (SELECT %(first)s::date
              + step * (1 + (bench_uniform(%(assistant_base)s + n, 1) * (%(days)s - 2))::int)) d (day);

-- A plan for each level, raised after a year.
INSERT INTO salary_plans (site_id, external_id, occurred_at, business_date, batch_id, level,
                          hourly_rate, commission_rate, month_rules)
SELECT %(site)s, 'P' || level || year, day + interval '4 hours', day, %(batch)s, level,
       30 + 10 * n + 2 * year, 0.05, '{}'
FROM unnest(ARRAY['junior', 'middle', 'senior']) WITH ORDINALITY AS l (level, n),
     generate_series(0, 1) year,
     LATERAL (SELECT %(first)s::date + 365 * year) d (day);
