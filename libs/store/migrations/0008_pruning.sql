-- Up Migration

-- What the packets are made of, exactly: link types (0x10000 + number), EtherTypes (0x20000 +), IP protocols (0x30000 +).
ALTER TABLE analytics.section ADD layers integer[] NOT NULL DEFAULT '{}';

-- For capture files, which are read from their oldest section on.
CREATE INDEX ON analytics.section (ts_min);

-- Whether a Bloom filter has a token: all seven bits, which are given as in the largest filter, of 65,536. Plain SQL,
-- so that Postgres puts it in place of its call, and stops at the first bit that is not set.
CREATE FUNCTION analytics.bloom_has(bloom bytea, a integer, b integer, c integer, d integer, e integer, f integer, g integer)
  RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN get_bit(bloom, a & (8 * octet_length(bloom) - 1)) = 1
    AND get_bit(bloom, b & (8 * octet_length(bloom) - 1)) = 1
    AND get_bit(bloom, c & (8 * octet_length(bloom) - 1)) = 1
    AND get_bit(bloom, d & (8 * octet_length(bloom) - 1)) = 1
    AND get_bit(bloom, e & (8 * octet_length(bloom) - 1)) = 1
    AND get_bit(bloom, f & (8 * octet_length(bloom) - 1)) = 1
    AND get_bit(bloom, g & (8 * octet_length(bloom) - 1)) = 1;
