-- Channels: names that point at a version of a type.

CREATE TABLE channel (
    type_id INTEGER NOT NULL REFERENCES artifact_type (id),
    name TEXT NOT NULL,
    -- The number of the version.
    version INTEGER NOT NULL,
    -- The last changes, as JSON.
    changes TEXT NOT NULL,
    PRIMARY KEY (type_id, name)
);
