-- The first schema. Booleans are 0 or 1, times are microseconds since 1970, ids of clients are 16 bytes.

CREATE TABLE namespace (
    name TEXT PRIMARY KEY,
    -- 0: the root account, 1: a user, 2: an organisation
    kind INTEGER NOT NULL,
    password BLOB,
    -- The code of the second factor.
    two_factor BLOB,
    -- The namespace as a registry of boxes, as JSON.
    registry TEXT NOT NULL
);

CREATE TABLE member (
    organization TEXT NOT NULL REFERENCES namespace (name),
    username TEXT NOT NULL REFERENCES namespace (name),
    -- 0: read, 1: write, 2: admin
    role INTEGER NOT NULL,
    PRIMARY KEY (organization, username)
);

CREATE TABLE token (
    id BLOB PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    username TEXT NOT NULL REFERENCES namespace (name),
    description TEXT NOT NULL,
    created INTEGER NOT NULL,
    -- Orders tokens of the same time.
    position INTEGER NOT NULL
);

-- The id of the store of files, which has it as well: one row.
CREATE TABLE store (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL
);

CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    -- The name in the store: random, and never used again.
    key TEXT NOT NULL UNIQUE,
    -- 0: being written, 1: ready, 2: deleted
    state INTEGER NOT NULL,
    -- The last sign of life of whoever writes the file. Of a deleted file, the time at which a sweep found it.
    seen INTEGER,
    -- The id of the multipart upload under way, in a store that has such.
    multipart TEXT,
    -- These are known once the file is ready.
    size INTEGER,
    digest BLOB,
    sha256 BLOB,
    -- How the bytes are damaged, as a check has found.
    damage TEXT,
    -- The number of changes since the description beside the bytes was written.
    undescribed INTEGER NOT NULL DEFAULT 1
);

CREATE INDEX file_not_ready ON file (state, id) WHERE state <> 1;
CREATE INDEX file_damaged ON file (id) WHERE damage IS NOT NULL;
CREATE INDEX file_undescribed ON file (id) WHERE state = 1 AND undescribed > 0;

CREATE TABLE artifact (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL,
    name TEXT NOT NULL,
    is_public INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL,
    -- The Vagrant box, as JSON.
    vagrant_box TEXT,
    -- The number of downloads of the box. It changes more often than the box, whose JSON has an old one.
    downloads INTEGER NOT NULL DEFAULT 0,
    -- The number of versions of the box.
    box_versions INTEGER NOT NULL DEFAULT 0,
    UNIQUE (username, name)
);

CREATE INDEX artifact_box ON artifact (username, name) WHERE vagrant_box IS NOT NULL;

-- A type outlives its versions and its artifact: its numbers are never given again.
CREATE TABLE artifact_type (
    id INTEGER PRIMARY KEY,
    artifact_id INTEGER NOT NULL REFERENCES artifact (id),
    name TEXT NOT NULL,
    last_number INTEGER NOT NULL,
    UNIQUE (artifact_id, name)
);

CREATE TABLE version (
    id INTEGER PRIMARY KEY,
    type_id INTEGER NOT NULL REFERENCES artifact_type (id),
    number INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    build INTEGER,
    -- The metadata as JSON, in the order in which it is served.
    metadata TEXT NOT NULL,
    upload BLOB NOT NULL UNIQUE,
    -- 0: no file, 1: awaited, 2: stored
    file_state INTEGER NOT NULL,
    file_id INTEGER REFERENCES file (id),
    created INTEGER NOT NULL,
    UNIQUE (type_id, number)
);

CREATE INDEX version_visible ON version (type_id, number) WHERE file_state <> 1;
CREATE INDEX version_stored ON version (type_id, number) WHERE file_state = 2;
CREATE INDEX version_awaited ON version (type_id, number) WHERE file_state = 1;
CREATE INDEX version_build ON version (type_id, build, number) WHERE file_state <> 1 AND build IS NOT NULL;
CREATE INDEX version_file ON version (file_id) WHERE file_id IS NOT NULL;

-- One row for each key, and for each key with its value, of the metadata of each visible version.
CREATE TABLE version_tag (
    type_id INTEGER NOT NULL,
    tag BLOB NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (type_id, tag, number)
) WITHOUT ROWID;

-- The current uploads of boxes. The file is that of a direct upload which awaits its callback.
CREATE TABLE box_upload (
    id BLOB PRIMARY KEY,
    artifact_id INTEGER NOT NULL REFERENCES artifact (id),
    file_id INTEGER REFERENCES file (id)
);

CREATE INDEX box_upload_artifact ON box_upload (artifact_id);
