-- Ids of the machine that containers with user namespaces have for themselves. They go with the container.

CREATE TABLE id_leases (
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    first       INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    chosen      INTEGER NOT NULL,           -- 1: by a person, who may give the same to several
    PRIMARY KEY (container, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX id_leases_by_place ON id_leases(chosen, first);
