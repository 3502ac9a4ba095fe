-- A collection holds vectors of one model and one number of dimensions.
CREATE TABLE collection (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    dimensions INTEGER NOT NULL,
    -- Whether the API was asked for this number of dimensions: some models take no such wish.
    shortened INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (owner, name)
);
-- Vectors of unit length, one after the other, as little-endian 32-bit floats. A segment never changes: its vector at a
-- slot is in use, or dead since its item was replaced or deleted.
CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    collection INTEGER NOT NULL REFERENCES collection (id) ON DELETE CASCADE,
    size INTEGER NOT NULL,
    vectors BLOB NOT NULL
);
CREATE INDEX segment_collection ON segment (collection, size);
CREATE TABLE dead (
    owner TEXT NOT NULL,
    segment INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    slot INTEGER NOT NULL,
    PRIMARY KEY (segment, slot)
);
CREATE TABLE item (
    owner TEXT NOT NULL,
    collection INTEGER NOT NULL REFERENCES collection (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    segment INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    metadata TEXT,
    text TEXT NOT NULL,
    PRIMARY KEY (collection, id)
);
CREATE UNIQUE INDEX item_slot ON item (collection, segment, slot);
