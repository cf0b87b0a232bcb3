-- What stays of a container's restarts, and whether somebody wants it to stay down.

ALTER TABLE containers ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;
-- Stopped or killed by a command since it was last started: what `unless-stopped` asks.
ALTER TABLE containers ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
