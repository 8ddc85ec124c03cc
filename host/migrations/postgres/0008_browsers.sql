-- From where visitors' files came, kept for a day: `network` is made from the address and the channel, and nobody's address can be read in it.
CREATE TABLE visitor_uploads (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    file_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    network TEXT NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, file_id)
);
CREATE INDEX visitor_uploads_by_network ON visitor_uploads (workspace_id, channel_id, network, created_at);
CREATE INDEX visitor_uploads_by_age ON visitor_uploads (created_at);

-- From when on a visitor's tokens are good: the newest that has come back. Only of visitors who got another than their first.
CREATE TABLE visitor_tokens (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    channel_id TEXT NOT NULL,
    visitor TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, visitor)
);
CREATE INDEX visitor_tokens_by_age ON visitor_tokens (since);
