-- Up Migration

-- Of the packets without a flow those that may be IP all the same: their headers are damaged, or cut off at capture. What an
-- expression says of them a flow does not tell. 0 in rows of before, which took them for something else.
ALTER TABLE analytics.flow_minute
  ADD unclear_packets bigint NOT NULL DEFAULT 0,
  ADD unclear_bytes bigint NOT NULL DEFAULT 0;
ALTER TABLE analytics.flow_hour
  ADD unclear_packets bigint NOT NULL DEFAULT 0,
  ADD unclear_bytes bigint NOT NULL DEFAULT 0;
