-- Bytes of files without a row: noted before they are written, and by what lets go of a file. `due`: when they are removed, unless a row comes before.
CREATE TABLE loose_files (
    workspace_id TEXT NOT NULL,
    file_id TEXT NOT NULL,
    due INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, file_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX loose_files_by_due ON loose_files (due);
