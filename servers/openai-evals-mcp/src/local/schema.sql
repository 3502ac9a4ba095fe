CREATE TABLE evals (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL,
    updated INTEGER NOT NULL,
    UNIQUE (owner, id)
);
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL,
    eval TEXT NOT NULL,
    status TEXT NOT NULL,
    lease INTEGER NOT NULL,
    work TEXT NOT NULL,
    error TEXT,
    UNIQUE (owner, id)
);
CREATE INDEX runs_of_eval ON runs (owner, eval, seq);
CREATE TABLE items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    run TEXT NOT NULL,
    row INTEGER NOT NULL,
    stage TEXT NOT NULL,
    holder TEXT NOT NULL,
    lease INTEGER NOT NULL,
    doc TEXT NOT NULL,
    work TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    UNIQUE (owner, id)
);
CREATE INDEX items_of_run ON items (owner, run, stage, seq);
