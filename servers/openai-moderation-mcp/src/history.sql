CREATE TABLE verdict (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    at INTEGER NOT NULL,
    hash TEXT NOT NULL,
    excerpt TEXT,
    model TEXT NOT NULL,
    flagged INTEGER NOT NULL,
    categories TEXT NOT NULL,
    scores TEXT NOT NULL
);
CREATE INDEX verdict_owner ON verdict (owner, id);
CREATE INDEX verdict_hash ON verdict (owner, hash);
