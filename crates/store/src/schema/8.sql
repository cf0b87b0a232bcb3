-- Secrets and configs, each sealed with a key that is not in here, and which containers were given them.

CREATE TABLE secrets (
    id          TEXT NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL,              -- secret or config
    name        TEXT NOT NULL,
    created_ns  INTEGER NOT NULL,
    updated_ns  INTEGER NOT NULL,
    version     INTEGER NOT NULL,           -- counts up with each new content
    labels      TEXT NOT NULL,              -- JSON: name to value
    key_id      TEXT NOT NULL,              -- which key it is sealed with
    sealed      BLOB NOT NULL,              -- form, nonce, ciphertext, tag: secrets/seal.rs
    UNIQUE (kind, name)
) STRICT;

-- By name: a container is given what has the name when it starts.
CREATE TABLE container_secrets (
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    PRIMARY KEY (container, kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX container_secrets_by_name ON container_secrets(kind, name);
