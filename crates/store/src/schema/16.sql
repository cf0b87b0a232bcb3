-- What containers had written when they were cloned or a snapshot was made of them: layers that nothing changes any more, and
-- who has each. The last one's end is theirs.

CREATE TABLE frozen_layers (
    id          TEXT NOT NULL PRIMARY KEY,  -- 32 hexadecimal digits, the name of its directory
    made_ns     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE container_frozen (
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    layer       TEXT NOT NULL REFERENCES frozen_layers(id),
    PRIMARY KEY (container, layer)
) STRICT, WITHOUT ROWID;
CREATE INDEX container_frozen_by_layer ON container_frozen(layer);

CREATE TABLE snapshots (
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    made_ns     INTEGER NOT NULL,
    comment     TEXT NOT NULL,
    config      TEXT NOT NULL,              -- JSON of the engine, as the container's own was then
    PRIMARY KEY (container, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshot_frozen (
    container   TEXT NOT NULL,
    snapshot    TEXT NOT NULL,
    layer       TEXT NOT NULL REFERENCES frozen_layers(id),
    PRIMARY KEY (container, snapshot, layer),
    FOREIGN KEY (container, snapshot) REFERENCES snapshots(container, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_frozen_by_layer ON snapshot_frozen(layer);

-- Layers that must stay, and for whom does not matter.
CREATE VIEW held_frozen AS
    SELECT layer FROM container_frozen
    UNION ALL SELECT layer FROM snapshot_frozen;
