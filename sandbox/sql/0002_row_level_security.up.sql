-- What every policy reads. Both raise when unset: an empty answer would let an AI say "no visits".
-- After a commit a transaction-local setting is '' rather than NULL, hence nullif.
CREATE FUNCTION current_site_ids() RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    value text := nullif(current_setting('zqyy.site_ids', true), '');
BEGIN
    IF value IS NULL THEN
        RAISE EXCEPTION 'no runtime context: zqyy.site_ids is not set' USING ERRCODE = 'ZQ001';
    END IF;
    RETURN value::bigint[];
END $$;

CREATE FUNCTION business_date_now() RETURNS date
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    value text := nullif(current_setting('zqyy.business_date', true), '');
BEGIN
    IF value IS NULL THEN
        RAISE EXCEPTION 'no runtime context: zqyy.business_date is not set' USING ERRCODE = 'ZQ001';
    END IF;
    RETURN value::date;
END $$;

CREATE FUNCTION summary_versions_now() RETURNS smallint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    value text := nullif(current_setting('zqyy.summary_versions', true), '');
BEGIN
    IF value IS NULL THEN
        RAISE EXCEPTION 'no runtime context: zqyy.summary_versions is not set'
            USING ERRCODE = 'ZQ001';
    END IF;
    RETURN value::smallint[];
END $$;

-- Row-level security on a table: its site must be one of the context's, and (where a date column
-- is named) nothing dated after the context's business date exists. The (SELECT ...) form keeps
-- site and date as index conditions; bare calls cost 13 times as much.
CREATE FUNCTION zqyy_protect(target regclass, date_column name DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    rule text := 'site_id = ANY ((SELECT current_site_ids())::bigint[])';
BEGIN
    IF date_column IS NOT NULL THEN
        rule := rule || format(' AND %I <= (SELECT business_date_now())', date_column);
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY in_context ON %s USING (%s) WITH CHECK (%s)', target, rule, rule);
END $$;

-- The same for summaries that options are built into: only the version in force (for builds also
-- the ones before and after it).
CREATE FUNCTION zqyy_protect_versioned(target regclass, date_column name) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    rule text;
BEGIN
    PERFORM zqyy_protect(target, date_column);
    SELECT pg_get_expr(polqual, polrelid)
        || ' AND version = ANY ((SELECT summary_versions_now())::smallint[])'
    INTO rule FROM pg_policy WHERE polrelid = target;
    EXECUTE format('ALTER POLICY in_context ON %s USING (%s) WITH CHECK (%s)', target, rule, rule);
END $$;

-- The same for tables whose rows may also belong to the whole chain (site_id null).
CREATE FUNCTION zqyy_protect_shared(target regclass) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    rule text := 'site_id IS NULL OR site_id = ANY ((SELECT current_site_ids())::bigint[])';
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY in_context ON %s USING (%s) WITH CHECK (%s)', target, rule, rule);
END $$;

-- A foreign key within one store. Plain foreign keys bypass row-level security, so a bill of one
-- store could name a member of another; this one cannot. The target needs UNIQUE (site_id, id).
CREATE FUNCTION zqyy_link(source regclass, source_column name, target regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (site_id, %I) REFERENCES %s (site_id, id)'
        ' DEFERRABLE INITIALLY IMMEDIATE',
        source, source::text || '_' || source_column || '_same_site', source_column, target);
END $$;

SELECT zqyy_protect('api_keys');
SELECT zqyy_protect('sandbox_audit_log');
SELECT zqyy_protect_shared('options');
SELECT zqyy_protect_shared('audit_log');
SELECT zqyy_protect_shared('operations');

-- Every business date was computed from these two.
CREATE FUNCTION refuse_new_day_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM site_ingest
               WHERE site_id = NEW.id AND first_business_date IS NOT NULL) THEN
        RAISE EXCEPTION 'time zone and start of day are frozen after the first fact'
            USING ERRCODE = 'ZQ002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER frozen_after_first_fact BEFORE UPDATE ON sites FOR EACH ROW
    WHEN (NEW.timezone <> OLD.timezone OR NEW.day_starts_at <> OLD.day_starts_at)
    EXECUTE FUNCTION refuse_new_day_rule();

-- Append-only means append-only.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'ZQ003';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON options
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
