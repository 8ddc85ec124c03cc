-- Business hours as JSON; null where nobody has set any.
ALTER TABLE teams ADD COLUMN hours TEXT;
ALTER TABLE channels ADD COLUMN hours TEXT;
-- When the contact was last told that it is closed, or came back to a conversation that was done: not again before it has been open.
ALTER TABLE conversations ADD COLUMN closed_reply_at INTEGER;
