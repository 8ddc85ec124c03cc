-- A place in the outbound queue is a message to send, or a change of one that the channel has: `edit`, with the content that it is to have, or `revoke`.
ALTER TABLE sends ADD COLUMN action TEXT NOT NULL DEFAULT 'send';
ALTER TABLE sends ADD COLUMN content TEXT;

-- The change that was asked of the channel and is not done: JSON `{"action","state","reason","text","by"}`.
ALTER TABLE messages ADD COLUMN pending_change TEXT;

-- The channel's ids of a message beside `messages.external_id`, which is the last of them.
CREATE TABLE message_parts (
    workspace_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, external_id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX message_parts_of_message ON message_parts (workspace_id, message_id, position);

-- What a message said before it was edited; `until`: when it was.
CREATE TABLE message_versions (
    workspace_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    until INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    attachments TEXT NOT NULL,
    PRIMARY KEY (workspace_id, message_id, until),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
