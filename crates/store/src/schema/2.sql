-- What registries know images and layers as, what transfers leave, and when something was last used.

-- A layer that is whole but not flushed yet counts in the boot that it was made in; empty once it has outlived a power cut.
ALTER TABLE layers ADD COLUMN boot TEXT NOT NULL DEFAULT '';
-- When it came here, nanoseconds since 1970: one that no image has is kept for a pull that goes on later.
ALTER TABLE layers ADD COLUMN made_ns INTEGER NOT NULL DEFAULT 0;

-- Apart from the images: a row of theirs holds the configuration, and would be written again whole by each use.
CREATE TABLE image_uses (
    image       TEXT PRIMARY KEY REFERENCES images(id) ON DELETE CASCADE,
    used_ns     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Manifests and indexes, byte for byte as they came.
CREATE TABLE documents (
    digest      TEXT PRIMARY KEY,
    media_type  TEXT NOT NULL,
    content     BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE image_documents (
    image       TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    digest      TEXT NOT NULL REFERENCES documents(digest),
    PRIMARY KEY (image, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_documents_by_digest ON image_documents(digest);

-- What an image is called by digest in a repository, which is written with its registry and without a tag.
CREATE TABLE image_digests (
    repository  TEXT NOT NULL,
    digest      TEXT NOT NULL,              -- of its manifest, or of an index that has it
    image       TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    PRIMARY KEY (repository, digest, image)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_digests_by_image ON image_digests(image);

-- The archives that a layer is known as, and a repository that has each.
CREATE TABLE layer_blobs (
    diff_id     TEXT NOT NULL REFERENCES layers(diff_id) ON DELETE CASCADE,
    repository  TEXT NOT NULL,
    digest      TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    size_bytes  INTEGER NOT NULL,
    PRIMARY KEY (diff_id, repository, digest)
) STRICT, WITHOUT ROWID;
