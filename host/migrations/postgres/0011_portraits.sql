-- Pictures of people: a row for each identity whose channel has said where one is. `source`: where the provider has it; `file_id`: the one that is shown, once one
-- is here; `asked_at`: when it was last said to be fetched. The rest as in `fetches`; null `next_at`: nothing is to be done.
CREATE TABLE portraits (
    workspace_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    source TEXT NOT NULL,
    file_id TEXT,
    asked_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT,
    lease BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, external_id),
    FOREIGN KEY (workspace_id, channel_id, external_id) REFERENCES identities (workspace_id, channel_id, external_id)
);
CREATE INDEX portraits_by_due ON portraits (next_at) WHERE next_at IS NOT NULL;
