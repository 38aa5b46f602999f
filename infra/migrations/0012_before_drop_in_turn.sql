-- Of two sweeps that drop the same day, the slower one may find its catalogue rows gone in the middle of the
-- drop. So the parent's lock, which a drop takes anyway, is taken first, and the day looked for under it.

CREATE OR REPLACE FUNCTION delivery_log_drop_day(day date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    DECLARE
        name text := 'delivery_log_' || to_char(day, 'YYYYMMDD');
    BEGIN
        IF day > (clock_timestamp() AT TIME ZONE 'UTC')::date - 90 THEN
            RAISE EXCEPTION 'delivery_log: % is kept for 90 days', day USING ERRCODE = 'check_violation';
        END IF;
        -- Inserts must never queue behind a drop that waits.
        SET LOCAL lock_timeout = '200ms';
        LOCK TABLE delivery_log IN ACCESS EXCLUSIVE MODE;
        IF to_regclass('public.' || name) IS NULL THEN
            RETURN false;
        END IF;
        EXECUTE format('DROP TABLE %I', name);
        RETURN true;
    END
    $$;
