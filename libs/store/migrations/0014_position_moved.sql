-- Up Migration

-- No section of the partition was stored after: readers who have all of it need not remember where it ended.
ALTER TABLE analytics.position ADD moved_at timestamptz NOT NULL DEFAULT now();
