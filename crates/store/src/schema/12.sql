-- What builds say of an image beside it, and the images that they made with it for other machines: what goes with it as one index.

CREATE TABLE image_indexes (
    image       TEXT NOT NULL PRIMARY KEY REFERENCES images(id) ON DELETE CASCADE,  -- the one that has the names
    about       TEXT NOT NULL               -- JSON: annotations of the index
) STRICT;

CREATE TABLE index_members (
    head        TEXT NOT NULL REFERENCES image_indexes(image) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    image       TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    about       TEXT NOT NULL,              -- JSON: annotations of its manifest, statements
    PRIMARY KEY (head, position)
) STRICT;
CREATE INDEX index_members_by_image ON index_members(image);

-- Images without a name that are there for the sake of one that has names.
CREATE VIEW other_members AS
    SELECT DISTINCT index_members.image FROM index_members JOIN image_names ON image_names.image = head
    WHERE index_members.image <> head;
