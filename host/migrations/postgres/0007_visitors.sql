-- What is shown live to visitors of a channel, kept while it is fresh for those who were away for a moment. `number`: at least the time of its
-- commit in µs, and greater than all before it in the workspace.
CREATE TABLE visitor_events (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    number BIGINT NOT NULL,
    channel_id TEXT NOT NULL,
    visitor TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (workspace_id, number)
);
CREATE INDEX visitor_events_by_visitor ON visitor_events (workspace_id, channel_id, visitor, number);
CREATE INDEX visitor_events_by_age ON visitor_events (number);

-- Files that visitors have uploaded and not sent yet (`state` `offered`, `source` `visitor:ID`).
CREATE INDEX files_offered ON files (created_at) WHERE state = 'offered';
CREATE INDEX files_uploaded ON files (workspace_id, source, created_at) WHERE source IS NOT NULL;
