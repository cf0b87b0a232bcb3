-- How long the plain archive of a layer is, whose recipe lies below `recipes`. Layers of former releases have neither.
ALTER TABLE layers ADD COLUMN archive_bytes INTEGER;
