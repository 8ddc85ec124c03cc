-- Pictures: how large they are as they are shown, and the smaller one that is kept beside them (`src/pictures.rs`). Null where it is none, or none
-- that may be shown.
ALTER TABLE files ADD COLUMN width INTEGER;
ALTER TABLE files ADD COLUMN height INTEGER;
ALTER TABLE files ADD COLUMN preview_mime TEXT;
ALTER TABLE files ADD COLUMN preview_size INTEGER;
