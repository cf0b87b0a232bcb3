-- What lists and prunes need, without reading configurations and without walking layers.

-- Blocks of its directory in bytes, measured when somebody asks for the first time: nothing changes in it afterwards.
ALTER TABLE layers ADD COLUMN allocated_bytes INTEGER;

-- When its configuration says that it was made: as it stands there, or empty.
ALTER TABLE images ADD COLUMN created TEXT NOT NULL DEFAULT '';
UPDATE images SET created = coalesce(json_extract(config, '$.created'), '') WHERE json_valid(config);
-- A row of `images` has its configuration inside, over many pages: a list is read from here alone.
CREATE INDEX images_in_short ON images(loaded_ns, id, size_bytes, created);
