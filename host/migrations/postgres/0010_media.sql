-- Bytes of files without a row: noted before they are written, and by what lets go of a file. `due`: when they are removed, unless a row comes before.
CREATE TABLE loose_files (
    workspace_id TEXT NOT NULL,
    file_id TEXT NOT NULL,
    due BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, file_id)
);
CREATE INDEX loose_files_by_due ON loose_files (due);

-- Bytes of the largest file that the channel takes in or sends, where an administrator has set one.
ALTER TABLE channels ADD COLUMN max_file_bytes BIGINT;

-- The bound in bytes that an attachment was over.
ALTER TABLE fetches ADD COLUMN bound BIGINT;

-- Pictures that were stored before anybody looked at them (0006): 1 until that is made up for.
ALTER TABLE files ADD COLUMN unseen BIGINT;
UPDATE files SET unseen = 1 WHERE width IS NULL AND state = 'ready' AND mime IN ('image/jpeg', 'image/png', 'image/webp', 'image/gif');
CREATE INDEX files_unseen ON files (workspace_id, id) WHERE unseen = 1;

-- What was uploaded at the desk and not sent yet.
CREATE INDEX files_unsent ON files (created_at) WHERE state = 'uploaded';
