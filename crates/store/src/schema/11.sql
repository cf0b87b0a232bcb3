-- What builds have made: layers by the keys of their steps. Layers go with the last that holds them.

CREATE TABLE build_steps (
    key         TEXT NOT NULL PRIMARY KEY,  -- digest of everything that the step reads
    diff_id     TEXT NOT NULL REFERENCES layers(diff_id) ON DELETE CASCADE,
    place       TEXT NOT NULL,              -- by what its like is found when the key is another one
    step        TEXT NOT NULL,              -- the instruction, for people
    inputs      TEXT NOT NULL,              -- JSON of the builder: what it read, by names
    created     TEXT NOT NULL,              -- RFC 3339, as the image's history has it
    made_ns     INTEGER NOT NULL,
    used_ns     INTEGER NOT NULL,
    uses        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX build_steps_by_layer ON build_steps(diff_id);
CREATE INDEX build_steps_by_place ON build_steps(place, made_ns);

-- Digests of files in layers, which never change: by the layers and what was asked for.
CREATE TABLE build_contents (
    key         TEXT NOT NULL PRIMARY KEY,
    digest      TEXT NOT NULL,
    used_ns     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Layers that builds which run need, by the name of the build's directory below `tmp`.
CREATE TABLE build_leases (
    build       TEXT NOT NULL,
    diff_id     TEXT NOT NULL REFERENCES layers(diff_id) ON DELETE CASCADE,
    PRIMARY KEY (build, diff_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX build_leases_by_layer ON build_leases(diff_id);

-- Layers that must stay, and why does not matter.
CREATE VIEW held_layers AS
    SELECT diff_id FROM image_layers
    UNION ALL SELECT diff_id FROM build_steps
    UNION ALL SELECT diff_id FROM build_leases;
