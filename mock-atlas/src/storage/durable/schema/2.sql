-- The limits of tokens, and their last use.

-- The text of the scope, such as `write:acme/web`; that of all tokens before was unlimited.
ALTER TABLE token ADD COLUMN scope TEXT NOT NULL DEFAULT 'admin';
-- The time from which the token is void.
ALTER TABLE token ADD COLUMN expires INTEGER;
-- The last use, precise to a minute.
ALTER TABLE token ADD COLUMN last_use INTEGER;
