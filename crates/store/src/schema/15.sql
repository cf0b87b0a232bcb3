-- Copies of layers whose owners are other ids: for containers whose ids the kernel cannot map. They go with their layer.

CREATE TABLE shifted_layers (
    diff_id         TEXT NOT NULL REFERENCES layers(diff_id) ON DELETE CASCADE,
    map             TEXT NOT NULL,          -- which ids became which, by a digest
    boot            TEXT NOT NULL,          -- in which it counts while it is not flushed; empty once it is
    PRIMARY KEY (diff_id, map)
) STRICT, WITHOUT ROWID;

-- Which of them a container needs: those of its layers, with this map.
CREATE TABLE container_maps (
    container       TEXT NOT NULL PRIMARY KEY REFERENCES containers(id) ON DELETE CASCADE,
    map             TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX container_maps_by_map ON container_maps(map);
