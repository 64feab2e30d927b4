-- What the builds of summaries need of the database.

-- Sums of cents stay bigint (and raise when they do not fit): sum(bigint) is numeric, which costs
-- several times as much to add up and to store.
CREATE AGGREGATE total(bigint) (
    SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE
);

-- A late fact updates an entity's later rows in place. With room in the page that is no work for
-- the indexes.
ALTER TABLE dws_finance_daily SET (fillfactor = 50);
ALTER TABLE dws_assistant_daily_detail SET (fillfactor = 50);
