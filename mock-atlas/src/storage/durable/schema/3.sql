-- The audit: who changed what, and who tried. Nothing refers to it, and a restored snapshot leaves it.

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    username TEXT,
    token BLOB,
    address TEXT,
    forwarded_for TEXT,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    -- The slug of the version.
    version TEXT,
    status INTEGER,
    -- The id of the request.
    request TEXT NOT NULL
);

CREATE INDEX audit_time ON audit (time);
