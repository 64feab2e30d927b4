-- A number of [0, 1) for an id, the same in every run; `salt` tells its uses apart.
CREATE FUNCTION bench_uniform(id bigint, salt bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(id, salt) & 2147483647) / 2147483648.0::double precision;
