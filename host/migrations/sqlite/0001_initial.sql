-- The whole schema. Ids are TypeIDs (prefix, '_', 26 letters of a UUIDv7), times are microseconds since 1970-01-01T00:00:00Z, JSON is text.
-- Keys begin with the workspace. Both folders hold the same files, tables and columns; a test compares them.

CREATE TABLE server_meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE workspaces (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    suspended_at INTEGER
) STRICT;

-- The lock of a workspace's writers (PostgreSQL) and the numbers that grow with their commits. Up to `purged` the event log is not whole.
CREATE TABLE workspace_seq (
    workspace_id TEXT NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    seq INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    purged INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT,
    available INTEGER NOT NULL,
    active INTEGER NOT NULL,
    archive_immediately INTEGER NOT NULL,
    locale TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email)
) STRICT;
CREATE INDEX users_by_email ON users (email);

CREATE TABLE sessions (
    token_hash BLOB NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
) STRICT;
CREATE INDEX sessions_of_user ON sessions (workspace_id, user_id);

CREATE TABLE api_tokens (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
) STRICT;

-- Settings: what apps have set for one team alone, by plugin.
CREATE TABLE teams (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;

CREATE TABLE team_members (
    workspace_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, team_id, user_id),
    FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id),
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_of_user ON team_members (workspace_id, user_id);

CREATE TABLE channels (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL UNIQUE,
    plugin_id TEXT NOT NULL,
    name TEXT NOT NULL,
    team_id TEXT,
    settings TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    health_state TEXT NOT NULL,
    health_message TEXT NOT NULL,
    capabilities TEXT,
    account TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id)
) STRICT;

CREATE TABLE workspace_keys (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, key_id)
) STRICT;

-- The owner is a plugin or a channel.
CREATE TABLE secrets (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, owner, name)
) STRICT;

CREATE TABLE enabled_plugins (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    plugin_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    version TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    settings TEXT NOT NULL,
    granted TEXT NOT NULL,
    revision INTEGER NOT NULL,
    breaker TEXT,
    enabled_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id)
) STRICT;

CREATE TABLE contacts (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    fields TEXT NOT NULL,
    blocked INTEGER NOT NULL,
    automatic_messages_blocked INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;

CREATE TABLE identities (
    workspace_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    name TEXT NOT NULL,
    avatar TEXT NOT NULL,
    extra TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, external_id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_of_contact ON identities (workspace_id, contact_id);

CREATE TABLE contact_addresses (
    workspace_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, kind, value),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_addresses_by_value ON contact_addresses (workspace_id, kind, value);

CREATE TABLE conversations (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    thread TEXT NOT NULL,
    recipient TEXT NOT NULL,
    team_id TEXT,
    status TEXT NOT NULL,
    agent_id TEXT,
    offer_agent TEXT,
    offer_since INTEGER,
    offer_deadline INTEGER,
    offer_by TEXT,
    hold_until INTEGER,
    version INTEGER NOT NULL,
    concluded_by TEXT,
    concluded_at INTEGER,
    summary TEXT NOT NULL,
    archive_immediately INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    last_message_at INTEGER NOT NULL,
    last_inbound_at INTEGER,
    preview TEXT,
    unread INTEGER NOT NULL,
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id)
) STRICT;
-- Two fast messages of a new contact make one conversation.
CREATE UNIQUE INDEX conversations_open ON conversations (workspace_id, channel_id, thread) WHERE status <> 'concluded';
CREATE INDEX conversations_past ON conversations (workspace_id, channel_id, thread, concluded_at) WHERE status = 'concluded';
CREATE INDEX conversations_by_activity ON conversations (workspace_id, status, last_message_at, id);
CREATE INDEX conversations_of_agent ON conversations (workspace_id, agent_id, last_message_at, id) WHERE status = 'in_progress';
CREATE INDEX conversations_of_contact ON conversations (workspace_id, contact_id);
CREATE INDEX conversations_offered ON conversations (offer_deadline) WHERE offer_deadline IS NOT NULL;
CREATE INDEX conversations_held ON conversations (hold_until) WHERE hold_until IS NOT NULL;

CREATE TABLE messages (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    author TEXT NOT NULL,
    author_id TEXT,
    direction TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    attachments TEXT NOT NULL,
    extra TEXT NOT NULL,
    external_id TEXT,
    reply_to_external TEXT,
    reply_to TEXT,
    state TEXT NOT NULL,
    reason TEXT,
    reactions TEXT NOT NULL,
    labels TEXT NOT NULL,
    edited_at INTEGER,
    revoked_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id)
) STRICT;
CREATE INDEX messages_of_conversation ON messages (workspace_id, conversation_id, id);
CREATE INDEX messages_by_external_id ON messages (workspace_id, channel_id, external_id) WHERE external_id IS NOT NULL;

-- Which of the providers' events are here already.
CREATE TABLE inbound_events (
    workspace_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    event_key TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, event_key)
) STRICT, WITHOUT ROWID;

-- Statuses, edits, revocations and reactions that came before their message.
CREATE TABLE pending_states (
    workspace_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, external_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_states_by_expiry ON pending_states (expires_at);

-- What happened: ids and codes, never what was said. Where the subject is none, it is the conversation itself.
CREATE TABLE events (
    workspace_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    conversation_id TEXT,
    subject_kind TEXT,
    subject_id TEXT,
    actor_kind TEXT,
    actor_id TEXT,
    via TEXT,
    data TEXT NOT NULL,
    depth INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_of_conversation ON events (workspace_id, conversation_id, seq) WHERE subject_kind IS NULL;

CREATE TABLE deliveries (
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    lane TEXT NOT NULL,
    seq INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (workspace_id, plugin_id, lane, seq)
) STRICT, WITHOUT ROWID;

-- Lanes that have something to do. `ready_at` is when the next of it is due; `lease` is the number of the present hold,
-- `holder` the server that has it.
CREATE TABLE lanes (
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    lane TEXT NOT NULL,
    ready_at INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    holder INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, plugin_id, lane)
) STRICT, WITHOUT ROWID;
CREATE INDEX lanes_by_readiness ON lanes (ready_at);

CREATE TABLE timers (
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    lane TEXT NOT NULL,
    about_kind TEXT,
    about_id TEXT,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (workspace_id, plugin_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_of_lane ON timers (workspace_id, plugin_id, lane, next_at);

-- The outbound queue; `id` is the message's order in it.
CREATE TABLE sends (
    workspace_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    holder INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    PRIMARY KEY (workspace_id, message_id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
) STRICT;
CREATE INDEX sends_by_due ON sends (next_at);
CREATE INDEX sends_of_channel ON sends (workspace_id, channel_id, id);

CREATE TABLE storage (
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    revision INTEGER NOT NULL,
    expires_at INTEGER,
    about TEXT,
    PRIMARY KEY (workspace_id, plugin_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX storage_about ON storage (workspace_id, about) WHERE about IS NOT NULL;
CREATE INDEX storage_by_expiry ON storage (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE collection_rows (
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    row TEXT NOT NULL,
    about TEXT,
    PRIMARY KEY (workspace_id, plugin_id, collection, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX collection_rows_about ON collection_rows (workspace_id, about) WHERE about IS NOT NULL;

CREATE TABLE collection_values (
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    collection TEXT NOT NULL,
    field TEXT NOT NULL,
    number INTEGER,
    text TEXT,
    key TEXT NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id, collection, key, field),
    FOREIGN KEY (workspace_id, plugin_id, collection, key) REFERENCES collection_rows (workspace_id, plugin_id, collection, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX collection_values_by_number ON collection_values (workspace_id, plugin_id, collection, field, number, key);
CREATE INDEX collection_values_by_text ON collection_values (workspace_id, plugin_id, collection, field, text, key);

-- Verified requests whose plugin failed.
CREATE TABLE parked_requests (
    workspace_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    error TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id)
) STRICT;

CREATE TABLE plugin_logs (
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    call_key TEXT NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id, id)
) STRICT, WITHOUT ROWID;

-- What each plugin keeps, by which its quotas are judged: kept with every commit of its calls.
CREATE TABLE plugin_keeps (
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    storage_keys INTEGER NOT NULL,
    storage_bytes INTEGER NOT NULL,
    collection_rows INTEGER NOT NULL,
    timers INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id)
) STRICT, WITHOUT ROWID;

-- What calls have used, by minute (microseconds divided by 60,000,000), all nodes together.
CREATE TABLE plugin_used (
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    minute INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    faults INTEGER NOT NULL,
    cpu_us INTEGER NOT NULL,
    host_calls INTEGER NOT NULL,
    http_calls INTEGER NOT NULL,
    http_bytes INTEGER NOT NULL,
    log_lines INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id, minute)
) STRICT, WITHOUT ROWID;
CREATE INDEX plugin_used_by_minute ON plugin_used (minute);

-- Calls under way on each node, as it last said.
CREATE TABLE plugin_running (
    node TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    running INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (node, workspace_id, plugin_id)
) STRICT, WITHOUT ROWID;

-- What the operator has set for a plugin in a workspace; the plugin `*` is all of them.
CREATE TABLE plugin_limits (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    plugin_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, plugin_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE files (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    mime TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB,
    state TEXT NOT NULL,
    source TEXT,
    channel_id TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;

-- How many conversations each folder holds, kept with every change. `agent_id` is empty where nobody's.
CREATE TABLE folder_counters (
    workspace_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    folder TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, team_id, folder, agent_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    user_id TEXT,
    action TEXT NOT NULL,
    subject_kind TEXT,
    subject_id TEXT,
    data TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;

CREATE TABLE idempotency_keys (
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    status INTEGER,
    response TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, user_id, route, key)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Full-text search. `search_words` is each database's own: the words of the document `n`, folded, the workspace's term among them.
CREATE TABLE search_documents (
    n INTEGER NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    conversation_id TEXT,
    contact_id TEXT,
    UNIQUE (workspace_id, id)
) STRICT;
CREATE VIRTUAL TABLE search_words USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0');

-- How far the event log is in the index.
CREATE TABLE search_cursors (
    workspace_id TEXT NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
