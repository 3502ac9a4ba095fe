CREATE TABLE image (
    number INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    tool TEXT NOT NULL,
    prompt TEXT NOT NULL,
    -- The other arguments, as JSON; of files only where they came from.
    parameters TEXT NOT NULL,
    -- What OpenAI told of the tokens of the request, as JSON.
    usage TEXT,
    format TEXT NOT NULL,
    width INTEGER,
    height INTEGER,
    bytes INTEGER NOT NULL,
    -- A local file or a URL; without either the image is in its pieces.
    path TEXT,
    url TEXT,
    UNIQUE (owner, id)
);
CREATE TABLE piece (
    owner TEXT NOT NULL,
    image TEXT NOT NULL,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (owner, image, number)
);
