-- Up Migration

-- One row for each gap in an epoch's numbers instead of one a minute: a section that comes late is taken back from the very row
-- that told it missing. Of the rows so far nobody knows which gap they were for, so they become one for each epoch.
ALTER TABLE analytics.agent_loss RENAME COLUMN minute_ns TO place;
COMMENT ON COLUMN analytics.agent_loss.place IS
  'kind missing: the first sequence number of the gap, -1: of any; others: the minute of to_ns, in ns';
INSERT INTO analytics.agent_loss (agent, epoch, kind, place, from_ns, to_ns, sections, packets)
SELECT agent, epoch, kind, -1, min(from_ns), max(to_ns), GREATEST(0, sum(sections)), GREATEST(0, sum(packets))
FROM analytics.agent_loss WHERE kind = 'missing'
GROUP BY agent, epoch, kind HAVING sum(sections) > 0 OR sum(packets) > 0;
DELETE FROM analytics.agent_loss WHERE kind = 'missing' AND place >= 0;

-- What the next epoch has told of the end of this one: captured, kept and dropped are as of then.
ALTER TABLE analytics.ledger
  -- last_seq at that time: packets told missing behind it stand in the gap that begins there; null: the epoch goes on
  ADD ended_seq bigint,
  -- taken and put into no section, by sampling or a budget
  ADD left_out bigint NOT NULL DEFAULT 0;
UPDATE analytics.ledger SET left_out = captured - kept WHERE captured > kept;
