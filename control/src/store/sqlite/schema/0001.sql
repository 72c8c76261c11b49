-- Records by key. A removed one stays without a value, so that whoever asks what changed hears of it, and so that
-- the newest revision is that of the newest record.
CREATE TABLE record (
    kind     INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    value    TEXT,
    revision INTEGER NOT NULL CHECK (revision > 0),
    digest   BLOB    NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_revision ON record (revision);

-- The log. What it is filtered by is read from the text that is hashed, so that the two can't differ.
CREATE TABLE audit (
    id       INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    previous BLOB    NOT NULL,
    hash     BLOB    NOT NULL,
    text     TEXT    NOT NULL,
    at       TEXT GENERATED ALWAYS AS (text ->> '$.at') VIRTUAL,
    event    TEXT GENERATED ALWAYS AS (text ->> '$.event') VIRTUAL,
    actor    TEXT GENERATED ALWAYS AS (text ->> '$.actor') VIRTUAL,
    flag     TEXT GENERATED ALWAYS AS (text ->> '$.flag') VIRTUAL,
    org      TEXT GENERATED ALWAYS AS (text ->> '$.org') VIRTUAL
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_event ON audit (event);
CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_flag ON audit (flag) WHERE flag IS NOT NULL;
CREATE INDEX audit_org ON audit (org) WHERE org IS NOT NULL;

-- What is written after a commit that failed, in its place.
CREATE TABLE failure (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL
) STRICT;
INSERT INTO failure (id, count) VALUES (1, 0);
