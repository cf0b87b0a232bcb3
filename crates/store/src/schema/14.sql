-- Categories of SELinux by which containers are kept from each other. They go with the container.

CREATE TABLE container_levels (
    container   TEXT NOT NULL PRIMARY KEY REFERENCES containers(id) ON DELETE CASCADE,
    level       TEXT NOT NULL               -- several have the same where one has joined the other
) STRICT, WITHOUT ROWID;
CREATE INDEX container_levels_by_level ON container_levels(level);
