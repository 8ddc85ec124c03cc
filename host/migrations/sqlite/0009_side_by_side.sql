-- Several messages of a channel are under way at once, one of each conversation.
CREATE INDEX sends_of_conversation ON sends (workspace_id, conversation_id, id);
CREATE INDEX sends_under_way ON sends (workspace_id, channel_id) WHERE state = 'sending';
DROP INDEX sends_of_channel;

-- What the channel's health was learnt from: `send`, or anything else.
ALTER TABLE channels ADD COLUMN health_by TEXT NOT NULL DEFAULT '';
