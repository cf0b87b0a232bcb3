-- Networks, the places that containers have in them, and who has which address.

CREATE TABLE networks (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    created_ns  INTEGER NOT NULL,
    config      TEXT NOT NULL               -- JSON of the engine
) STRICT;

-- What a container wants of a network is here from its making on; what it was given, while it may run.
CREATE TABLE endpoints (
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    network     TEXT NOT NULL REFERENCES networks(id),
    position    INTEGER NOT NULL,           -- in the order of their coming
    wanted      TEXT NOT NULL,              -- JSON of the engine
    given       TEXT,                       -- JSON of the engine
    PRIMARY KEY (container, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoints_by_network ON endpoints(network);

-- An address by its number in the network's range: the next one is found without a look at all of them.
CREATE TABLE leases (
    network     TEXT NOT NULL REFERENCES networks(id) ON DELETE CASCADE,
    range       INTEGER NOT NULL,           -- which of the network's ranges
    place       INTEGER NOT NULL,
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    PRIMARY KEY (network, range, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_by_container ON leases(container);

-- Ports of the machine that lead to containers.
CREATE TABLE ports (
    address     TEXT NOT NULL,              -- of the machine; 0.0.0.0 and :: are each one
    transport   TEXT NOT NULL,
    port        INTEGER NOT NULL,
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    PRIMARY KEY (transport, port, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX ports_by_container ON ports(container);

-- What holds for a whole machine, by what it is about.
CREATE TABLE machine_settings (
    subject     TEXT NOT NULL PRIMARY KEY,
    value       TEXT NOT NULL               -- JSON of the engine
) STRICT, WITHOUT ROWID;
