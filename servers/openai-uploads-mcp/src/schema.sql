CREATE TABLE upload (
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    asked TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (owner, id)
);

CREATE INDEX upload_asked ON upload (owner, asked);

CREATE TABLE part (
    owner TEXT NOT NULL,
    upload TEXT NOT NULL,
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    md5 TEXT NOT NULL,
    PRIMARY KEY (owner, upload, number)
);
