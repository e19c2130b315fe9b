-- Webhooks, and the deliveries to them. The transaction that makes a change writes its deliveries as well.

CREATE TABLE webhook (
    id BLOB PRIMARY KEY,
    url TEXT NOT NULL,
    -- A bit for each event.
    events INTEGER NOT NULL,
    -- USERNAME or USERNAME/NAME; null for everything.
    place TEXT,
    -- It is as it was given, since each signature needs it.
    secret TEXT NOT NULL,
    created INTEGER NOT NULL
);

-- The log of deliveries, and the list of those that wait. No row of a webhook is needed: one that is removed takes
-- its deliveries along, and what a change has added meanwhile is never tried.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    webhook BLOB NOT NULL,
    event BLOB NOT NULL,
    kind TEXT NOT NULL,
    time INTEGER NOT NULL,
    -- What the event is about, as JSON.
    subject TEXT NOT NULL,
    -- The number of a new version that only the statement knew which made it.
    number INTEGER,
    -- 0: pending, 1: delivered, 2: failed
    state INTEGER NOT NULL,
    -- Whether a try is under way, which counts as lost at the time in `due`.
    claimed INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    -- The time of the change, or of the wish to deliver again.
    began INTEGER NOT NULL,
    due INTEGER NOT NULL,
    -- The status and the error of the last try.
    status INTEGER,
    error TEXT
);

CREATE INDEX delivery_due ON delivery (webhook, due) WHERE state = 0;
CREATE INDEX delivery_ended ON delivery (id) WHERE state <> 0;
