-- What lists look for: the artifacts that everybody may read, and the organisations of a user.

CREATE INDEX artifact_public ON artifact (id) WHERE is_public = 1 AND is_deleted = 0;
CREATE INDEX member_username ON member (username);
