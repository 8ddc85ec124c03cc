-- Attachments whose bytes are still with the provider: one row each from the commit that stores the message until the bytes are here.
-- `next_at`: when it is to be tried, or when whoever tries it is taken for dead; null: not before somebody asks for it.
CREATE TABLE fetches (
    workspace_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER,
    lease INTEGER NOT NULL,
    holder INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    PRIMARY KEY (workspace_id, message_id, position),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX fetches_by_due ON fetches (next_at) WHERE next_at IS NOT NULL;
