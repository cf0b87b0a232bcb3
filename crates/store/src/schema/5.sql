-- Lists of manifests that people put together before they push them: `manifest create`.

CREATE TABLE manifest_lists (
    reference   TEXT PRIMARY KEY            -- normalised, with a tag: where it will be pushed to
) STRICT, WITHOUT ROWID;

CREATE TABLE manifest_list_members (
    list        TEXT NOT NULL REFERENCES manifest_lists(reference) ON DELETE CASCADE,
    position    INTEGER NOT NULL,           -- in the order of their coming
    reference   TEXT NOT NULL,              -- where it is, normalised
    descriptor  TEXT NOT NULL,              -- JSON: media type, digest, length, platform
    content     BLOB NOT NULL,              -- the manifest, byte for byte
    PRIMARY KEY (list, position)
) STRICT, WITHOUT ROWID;
