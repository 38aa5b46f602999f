-- As in 0132, but a bite is found in the order of the key, in which rows lie that came in one after another. Left to the
-- planner it was a scan of the table or a bitmap of all that is left, which reads again at each bite what earlier ones
-- have deleted: the square of the bites.
CREATE OR REPLACE FUNCTION organization_erase_rows(from_table text, bite integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
    AS $$
    DECLARE
        gone integer;
        key text;
    BEGIN
        IF NOT EXISTS (SELECT 1
                         FROM organizations
                        WHERE id = current_organization()
                          AND state = 'erasing') THEN
            RAISE EXCEPTION 'this organisation is not being erased' USING ERRCODE = 'check_violation';
        END IF;
        IF from_table IN ('organizations', 'account_deletions', 'delivery_log', 'usage')
           OR from_table LIKE 'invoice%' OR from_table LIKE 'billing%' THEN
            RAISE EXCEPTION '% outlives its organisation', from_table USING ERRCODE = 'check_violation';
        END IF;
        SELECT ' ORDER BY ' || string_agg(quote_ident(a.attname), ', ' ORDER BY place)
          INTO key
          FROM pg_catalog.pg_index AS i
          CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS column_of(number, place)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = number
         WHERE i.indrelid = format('%I', from_table)::regclass
           AND i.indisprimary
        HAVING (array_agg(a.attname ORDER BY place))[1] = 'organization_id';
        EXECUTE format('DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I'
                       ' WHERE organization_id = current_organization()%2$s LIMIT $1))', from_table, coalesce(key, ''))
          USING bite;
        GET DIAGNOSTICS gone = ROW_COUNT;
        RETURN gone;
    END
    $$;
