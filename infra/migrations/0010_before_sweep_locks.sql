-- Making a day takes the parent's lock too, so it may no more wait for it than dropping one: every insert
-- would queue up behind. And of two sweeps that drop the same day, the slower one finds it gone.

CREATE OR REPLACE FUNCTION delivery_log_make_day(day date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    DECLARE
        name text := 'delivery_log_' || to_char(day, 'YYYYMMDD');
    BEGIN
        IF to_regclass('public.' || name) IS NOT NULL THEN
            RETURN false;
        END IF;
        SET LOCAL lock_timeout = '200ms';
        EXECUTE format('CREATE TABLE %I PARTITION OF delivery_log FOR VALUES FROM (%L) TO (%L)',
                       name, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        -- A partition named directly is nobody's: reached through the parent only.
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        RETURN true;
    EXCEPTION WHEN duplicate_table THEN
        RETURN false;   -- another sweep made it in the same moment
    END
    $$;

CREATE OR REPLACE FUNCTION delivery_log_drop_day(day date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    DECLARE
        name text := 'delivery_log_' || to_char(day, 'YYYYMMDD');
    BEGIN
        IF day > (clock_timestamp() AT TIME ZONE 'UTC')::date - 90 THEN
            RAISE EXCEPTION 'delivery_log: % is kept for 90 days', day USING ERRCODE = 'check_violation';
        END IF;
        IF to_regclass('public.' || name) IS NULL THEN
            RETURN false;
        END IF;
        -- A drop takes the parent's lock for a moment; inserts must never queue behind a drop that waits.
        SET LOCAL lock_timeout = '200ms';
        EXECUTE format('DROP TABLE %I', name);
        RETURN true;
    EXCEPTION WHEN undefined_table THEN
        RETURN false;   -- another sweep dropped it in the same moment
    END
    $$;
