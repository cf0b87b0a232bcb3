-- Ports by ranges: a container that wants a thousand has one row of them.

CREATE TABLE port_ranges (
    address     TEXT NOT NULL,              -- of the machine; 0.0.0.0 and :: are each one
    transport   TEXT NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,           -- less than 1,024 more
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    PRIMARY KEY (transport, first, address)
) STRICT, WITHOUT ROWID;
INSERT INTO port_ranges SELECT address, transport, port, port, container FROM ports;
CREATE INDEX port_ranges_by_container ON port_ranges(container);
DROP TABLE ports;
