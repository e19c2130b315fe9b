WITH found AS (
    SELECT id FROM artifact WHERE username = $1 AND name = $2 AND is_deleted = 0 FOR KEY SHARE
), numbered AS (
    INSERT INTO artifact_type (artifact_id, name, last_number) SELECT id, $3, 1 FROM found
    ON CONFLICT (artifact_id, name) DO UPDATE SET last_number = artifact_type.last_number + 1
    WHERE artifact_type.last_number < $4 RETURNING id, last_number
), made AS (
    INSERT INTO version
    (type_id, number, client_id, build, metadata, upload, file_state, created)
    SELECT id, last_number, $5, CAST($6 AS BIGINT), $7, $8, $9, $10 FROM numbered
), tagged AS (
    INSERT INTO version_tag (type_id, number, tag)
    SELECT id, last_number, substring($11, 16 * place + 1, 16)
    FROM numbered, generate_series(0, length($11) / 16 - 1) AS place
