-- Up Migration

-- When the record before `next` was produced, in Unix milliseconds: where the log has another one there, it is another log.
-- Null: nothing was stored of it, or nobody knows.
ALTER TABLE analytics.position ADD last_record_ms bigint;
