-- Up Migration

-- A flow's row has both of its directions: what went from destination to source in the same minute. Null where nothing did,
-- and in rows of before, which have one direction each.
ALTER TABLE analytics.flow
  ADD back_first_ns bigint,
  ADD back_last_ns bigint,
  ADD back_bytes bigint,
  ADD back_packets integer,
  ADD back_tcp_flags smallint;

-- What questions ask: each direction as a row of its own, whose source has sent these packets.
CREATE VIEW analytics.flow_direction AS
  SELECT ingested_at, first_ns, last_ns, bytes, packets, source_port, destination_port, protocol, tcp_flags, is_plain,
    agent, filters, weights, source, destination
  FROM analytics.flow
  UNION ALL
  SELECT ingested_at, back_first_ns, back_last_ns, back_bytes, back_packets, destination_port, source_port, protocol,
    back_tcp_flags, is_plain, agent, filters, weights, destination, source
  FROM analytics.flow WHERE back_packets IS NOT NULL;
