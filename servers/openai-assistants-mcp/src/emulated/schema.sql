CREATE TABLE assistants (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (owner, id)
);
CREATE TABLE threads (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL,
    conversation TEXT,
    tail TEXT,
    deleted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (owner, id)
);
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL,
    thread TEXT NOT NULL,
    run TEXT,
    item TEXT,
    gone INTEGER NOT NULL DEFAULT 0,
    UNIQUE (owner, id)
);
CREATE INDEX messages_of_thread ON messages (owner, thread, seq);
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL,
    thread TEXT NOT NULL,
    phase TEXT NOT NULL,
    stamp TEXT NOT NULL,
    lease INTEGER NOT NULL,
    response TEXT,
    work TEXT NOT NULL,
    metadata TEXT NOT NULL,
    UNIQUE (owner, id)
);
CREATE INDEX runs_of_thread ON runs (owner, thread, seq);
CREATE UNIQUE INDEX active_run_of_thread ON runs (owner, thread) WHERE phase <> 'done';
CREATE TABLE steps (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL,
    thread TEXT NOT NULL,
    run TEXT NOT NULL,
    UNIQUE (owner, id)
);
CREATE INDEX steps_of_run ON steps (owner, run, seq);
