CREATE TABLE images (
    id          TEXT PRIMARY KEY,           -- digest of the configuration
    config      TEXT NOT NULL,              -- the configuration, byte for byte
    size_bytes  INTEGER NOT NULL,           -- of its unpacked layers
    loaded_ns   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE image_names (
    reference   TEXT PRIMARY KEY,           -- normalised, with a tag
    image       TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX image_names_by_image ON image_names(image);

CREATE TABLE layers (
    diff_id     TEXT PRIMARY KEY,
    size_bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE image_layers (
    image       TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,           -- 0 is the lowest
    diff_id     TEXT NOT NULL REFERENCES layers(diff_id),
    PRIMARY KEY (image, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_layers_by_layer ON image_layers(diff_id);

CREATE TABLE containers (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    image       TEXT REFERENCES images(id),
    image_name  TEXT NOT NULL,              -- as it was asked for
    created_ns  INTEGER NOT NULL,
    config      TEXT NOT NULL,              -- JSON of the engine
    status      TEXT NOT NULL CHECK (status IN ('created', 'active', 'exited')),
    exit_code   INTEGER NOT NULL DEFAULT 0,
    started_at  TEXT NOT NULL DEFAULT '',
    finished_at TEXT NOT NULL DEFAULT '',
    error       TEXT NOT NULL DEFAULT '',
    oom_killed  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX containers_by_image ON containers(image);

CREATE TABLE volumes (
    name        TEXT PRIMARY KEY,
    created_ns  INTEGER NOT NULL,
    anonymous   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE container_volumes (
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    volume      TEXT NOT NULL REFERENCES volumes(name),
    PRIMARY KEY (container, volume)
) STRICT, WITHOUT ROWID;
CREATE INDEX container_volumes_by_volume ON container_volumes(volume);
