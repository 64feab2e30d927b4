-- Tenancy everywhere; the date where a row has one.
SELECT zqyy_protect('alerts');
SELECT zqyy_protect('provider_calls');
SELECT zqyy_protect('ai_cache', 'business_date');
SELECT zqyy_protect('retention_clues', 'business_date');
SELECT zqyy_protect('clue_feedback', 'business_date');
SELECT zqyy_protect('trigger_jobs', 'business_date');
SELECT zqyy_protect('runs', 'business_date');

-- References stay within one store.
SELECT zqyy_link('alerts', 'run_id', 'runs');
SELECT zqyy_link('ai_cache', 'run_id', 'runs');
SELECT zqyy_link('retention_clues', 'member_id', 'members');
SELECT zqyy_link('retention_clues', 'assistant_id', 'assistants');
SELECT zqyy_link('retention_clues', 'run_id', 'runs');
SELECT zqyy_link('clue_feedback', 'member_id', 'members');
SELECT zqyy_link('trigger_jobs', 'member_id', 'members');
SELECT zqyy_link('runs', 'job_id', 'trigger_jobs');
SELECT zqyy_link('runs', 'member_id', 'members');
SELECT zqyy_link('runs', 'assistant_id', 'assistants');
SELECT zqyy_link('provider_calls', 'run_id', 'runs');

-- Order of starts of runs: a slower, older result never replaces a newer one.
CREATE SEQUENCE run_generation;
