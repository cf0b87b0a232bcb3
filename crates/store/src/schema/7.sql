-- Volumes that say what they are, images that containers have mounted, and secrets.

ALTER TABLE volumes ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';   -- JSON: name to value
ALTER TABLE volumes ADD COLUMN options TEXT NOT NULL DEFAULT '{}';  -- JSON, as `--opt` gave them

-- Images that are mounted in a container, beside the one that it is made of.
CREATE TABLE container_images (
    container   TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    image       TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    PRIMARY KEY (container, image)
) STRICT, WITHOUT ROWID;
CREATE INDEX container_images_by_image ON container_images(image);

-- Who needs an image, and why does not matter.
CREATE VIEW image_holders AS
    SELECT image, name, status FROM containers WHERE image IS NOT NULL
    UNION
    SELECT container_images.image, name, status FROM container_images JOIN containers ON id = container;
