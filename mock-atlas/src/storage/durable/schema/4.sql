-- The quotas of users and organisations. Only owners who have a quota have a row.

CREATE TABLE quota (
    owner TEXT PRIMARY KEY REFERENCES namespace (name),
    bytes_limit INTEGER NOT NULL,
    -- The size of the files that the owner's versions and box uploads name, each counted as often as it is named.
    bytes_used INTEGER NOT NULL
);
