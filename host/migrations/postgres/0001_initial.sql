-- The whole schema. Ids are TypeIDs (prefix, '_', 26 letters of a UUIDv7), times are microseconds since 1970-01-01T00:00:00Z, JSON is text.
-- Keys begin with the workspace. Both folders hold the same files, tables and columns; a test compares them.

CREATE TABLE server_meta (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE workspaces (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    suspended_at BIGINT
);

-- The lock of a workspace's writers (PostgreSQL) and the numbers that grow with their commits. Up to `purged` the event log is not whole.
CREATE TABLE workspace_seq (
    workspace_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    seq BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    purged BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE users (
    workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id),
    id TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    password_hash TEXT,
    available BOOLEAN NOT NULL,
    active BOOLEAN NOT NULL,
    archive_immediately BOOLEAN NOT NULL,
    locale TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email)
);
CREATE INDEX users_by_email ON users (email);

CREATE TABLE sessions (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    workspace_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
);
CREATE INDEX sessions_of_user ON sessions (workspace_id, user_id);

CREATE TABLE api_tokens (
    workspace_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    user_id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
);

-- Settings: what apps have set for one team alone, by plugin.
CREATE TABLE teams (
    workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE team_members (
    workspace_id TEXT COLLATE "C" NOT NULL,
    team_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, team_id, user_id),
    FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id),
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
);
CREATE INDEX team_members_of_user ON team_members (workspace_id, user_id);

CREATE TABLE channels (
    workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id),
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    plugin_id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    team_id TEXT COLLATE "C",
    settings TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    health_state TEXT NOT NULL,
    health_message TEXT NOT NULL,
    capabilities TEXT,
    account TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id)
);

CREATE TABLE workspace_keys (
    workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id),
    key_id TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, key_id)
);

-- The owner is a plugin or a channel.
CREATE TABLE secrets (
    workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id),
    owner TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, owner, name)
);

CREATE TABLE enabled_plugins (
    workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id),
    plugin_id TEXT COLLATE "C" NOT NULL,
    digest TEXT NOT NULL,
    version TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    settings TEXT NOT NULL,
    granted TEXT NOT NULL,
    revision BIGINT NOT NULL,
    breaker TEXT,
    enabled_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id)
);

CREATE TABLE contacts (
    workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    fields TEXT NOT NULL,
    blocked BOOLEAN NOT NULL,
    automatic_messages_blocked BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE identities (
    workspace_id TEXT COLLATE "C" NOT NULL,
    channel_id TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    contact_id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    avatar TEXT NOT NULL,
    extra TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, external_id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
);
CREATE INDEX identities_of_contact ON identities (workspace_id, contact_id);

CREATE TABLE contact_addresses (
    workspace_id TEXT COLLATE "C" NOT NULL,
    contact_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, kind, value),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
);
CREATE INDEX contact_addresses_by_value ON contact_addresses (workspace_id, kind, value);

CREATE TABLE conversations (
    workspace_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    channel_id TEXT COLLATE "C" NOT NULL,
    contact_id TEXT COLLATE "C" NOT NULL,
    thread TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    team_id TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,
    agent_id TEXT COLLATE "C",
    offer_agent TEXT COLLATE "C",
    offer_since BIGINT,
    offer_deadline BIGINT,
    offer_by TEXT COLLATE "C",
    hold_until BIGINT,
    version BIGINT NOT NULL,
    concluded_by TEXT COLLATE "C",
    concluded_at BIGINT,
    summary TEXT NOT NULL,
    archive_immediately BOOLEAN NOT NULL,
    queued_at BIGINT NOT NULL,
    started_at BIGINT,
    last_message_at BIGINT NOT NULL,
    last_inbound_at BIGINT,
    preview TEXT,
    unread BIGINT NOT NULL,
    labels TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id)
);
-- Two fast messages of a new contact make one conversation.
CREATE UNIQUE INDEX conversations_open ON conversations (workspace_id, channel_id, thread) WHERE status <> 'concluded';
CREATE INDEX conversations_past ON conversations (workspace_id, channel_id, thread, concluded_at) WHERE status = 'concluded';
CREATE INDEX conversations_by_activity ON conversations (workspace_id, status, last_message_at, id);
CREATE INDEX conversations_of_agent ON conversations (workspace_id, agent_id, last_message_at, id) WHERE status = 'in_progress';
CREATE INDEX conversations_of_contact ON conversations (workspace_id, contact_id);
CREATE INDEX conversations_offered ON conversations (offer_deadline) WHERE offer_deadline IS NOT NULL;
CREATE INDEX conversations_held ON conversations (hold_until) WHERE hold_until IS NOT NULL;

CREATE TABLE messages (
    workspace_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    channel_id TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    author_id TEXT COLLATE "C",
    direction TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    text TEXT NOT NULL,
    attachments TEXT NOT NULL,
    extra TEXT NOT NULL,
    external_id TEXT COLLATE "C",
    reply_to_external TEXT COLLATE "C",
    reply_to TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    reason TEXT,
    reactions TEXT NOT NULL,
    labels TEXT NOT NULL,
    edited_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id)
);
CREATE INDEX messages_of_conversation ON messages (workspace_id, conversation_id, id);
CREATE INDEX messages_by_external_id ON messages (workspace_id, channel_id, external_id) WHERE external_id IS NOT NULL;

-- Which of the providers' events are here already.
CREATE TABLE inbound_events (
    workspace_id TEXT COLLATE "C" NOT NULL,
    channel_id TEXT COLLATE "C" NOT NULL,
    event_key TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, event_key)
);

-- Statuses, edits, revocations and reactions that came before their message.
CREATE TABLE pending_states (
    workspace_id TEXT COLLATE "C" NOT NULL,
    channel_id TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, external_id, id)
);
CREATE INDEX pending_states_by_expiry ON pending_states (expires_at);

-- What happened: ids and codes, never what was said. Where the subject is none, it is the conversation itself.
CREATE TABLE events (
    workspace_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    conversation_id TEXT COLLATE "C",
    subject_kind TEXT COLLATE "C",
    subject_id TEXT COLLATE "C",
    actor_kind TEXT COLLATE "C",
    actor_id TEXT COLLATE "C",
    via TEXT COLLATE "C",
    data TEXT NOT NULL,
    depth BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, seq)
);
CREATE INDEX events_of_conversation ON events (workspace_id, conversation_id, seq) WHERE subject_kind IS NULL;

CREATE TABLE deliveries (
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    error TEXT,
    PRIMARY KEY (workspace_id, plugin_id, lane, seq)
);

-- Lanes that have something to do. `ready_at` is when the next of it is due; `lease` is the number of the present hold,
-- `holder` the server that has it.
CREATE TABLE lanes (
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    ready_at BIGINT NOT NULL,
    lease BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    holder BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, plugin_id, lane)
);
CREATE INDEX lanes_by_readiness ON lanes (ready_at);

CREATE TABLE timers (
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    about_kind TEXT COLLATE "C",
    about_id TEXT COLLATE "C",
    payload TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    error TEXT,
    PRIMARY KEY (workspace_id, plugin_id, name)
);
CREATE INDEX timers_of_lane ON timers (workspace_id, plugin_id, lane, next_at);

-- The outbound queue; `id` is the message's order in it.
CREATE TABLE sends (
    workspace_id TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    channel_id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    lease BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    holder BIGINT NOT NULL DEFAULT 0,
    error TEXT,
    PRIMARY KEY (workspace_id, message_id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX sends_by_due ON sends (next_at);
CREATE INDEX sends_of_channel ON sends (workspace_id, channel_id, id);

CREATE TABLE storage (
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    revision BIGINT NOT NULL,
    expires_at BIGINT,
    about TEXT COLLATE "C",
    PRIMARY KEY (workspace_id, plugin_id, key)
);
CREATE INDEX storage_about ON storage (workspace_id, about) WHERE about IS NOT NULL;
CREATE INDEX storage_by_expiry ON storage (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE collection_rows (
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    collection TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    row TEXT NOT NULL,
    about TEXT COLLATE "C",
    PRIMARY KEY (workspace_id, plugin_id, collection, key)
);
CREATE INDEX collection_rows_about ON collection_rows (workspace_id, about) WHERE about IS NOT NULL;

CREATE TABLE collection_values (
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    collection TEXT COLLATE "C" NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    number BIGINT,
    text TEXT COLLATE "C",
    key TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id, collection, key, field),
    FOREIGN KEY (workspace_id, plugin_id, collection, key) REFERENCES collection_rows (workspace_id, plugin_id, collection, key) ON DELETE CASCADE
);
CREATE INDEX collection_values_by_number ON collection_values (workspace_id, plugin_id, collection, field, number, key);
CREATE INDEX collection_values_by_text ON collection_values (workspace_id, plugin_id, collection, field, text, key);

-- Verified requests whose plugin failed.
CREATE TABLE parked_requests (
    workspace_id TEXT COLLATE "C" NOT NULL,
    channel_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    error TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id)
);

CREATE TABLE plugin_logs (
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    level TEXT COLLATE "C" NOT NULL,
    message TEXT NOT NULL,
    call_key TEXT NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id, id)
);

-- What each plugin keeps, by which its quotas are judged: kept with every commit of its calls.
CREATE TABLE plugin_keeps (
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    storage_keys BIGINT NOT NULL,
    storage_bytes BIGINT NOT NULL,
    collection_rows BIGINT NOT NULL,
    timers BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id)
);

-- What calls have used, by minute (microseconds divided by 60,000,000), all nodes together.
CREATE TABLE plugin_used (
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    minute BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    faults BIGINT NOT NULL,
    cpu_us BIGINT NOT NULL,
    host_calls BIGINT NOT NULL,
    http_calls BIGINT NOT NULL,
    http_bytes BIGINT NOT NULL,
    log_lines BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id, minute)
);
CREATE INDEX plugin_used_by_minute ON plugin_used (minute);

-- Calls under way on each node, as it last said.
CREATE TABLE plugin_running (
    node TEXT COLLATE "C" NOT NULL,
    workspace_id TEXT COLLATE "C" NOT NULL,
    plugin_id TEXT COLLATE "C" NOT NULL,
    running BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (node, workspace_id, plugin_id)
);

-- What the operator has set for a plugin in a workspace; the plugin `*` is all of them.
CREATE TABLE plugin_limits (
    workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id),
    plugin_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id, name)
);

CREATE TABLE files (
    workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id),
    id TEXT COLLATE "C" NOT NULL,
    mime TEXT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 BYTEA,
    state TEXT COLLATE "C" NOT NULL,
    source TEXT,
    channel_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- How many conversations each folder holds, kept with every change. `agent_id` is empty where nobody's.
CREATE TABLE folder_counters (
    workspace_id TEXT COLLATE "C" NOT NULL,
    team_id TEXT COLLATE "C" NOT NULL,
    folder TEXT COLLATE "C" NOT NULL,
    agent_id TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, team_id, folder, agent_id)
);

CREATE TABLE audit (
    workspace_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    user_id TEXT COLLATE "C",
    action TEXT COLLATE "C" NOT NULL,
    subject_kind TEXT COLLATE "C",
    subject_id TEXT COLLATE "C",
    data TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE idempotency_keys (
    workspace_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    route TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    request_hash BYTEA NOT NULL,
    status BIGINT,
    response TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id, route, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Full-text search. `search_words` is each database's own: the words of the document `n`, folded, the workspace's term among them.
CREATE TABLE search_documents (
    n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C",
    contact_id TEXT COLLATE "C",
    UNIQUE (workspace_id, id)
);
CREATE TABLE search_words (
    n BIGINT NOT NULL PRIMARY KEY,
    words TSVECTOR NOT NULL
);
CREATE INDEX search_words_by_word ON search_words USING GIN (words);

-- How far the event log is in the index.
CREATE TABLE search_cursors (
    workspace_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    seq BIGINT NOT NULL
);
