-- When the server gives a parked request to its plugin again by itself; null: not before something about the app or channel changes.
ALTER TABLE parked_requests ADD COLUMN retry_at BIGINT;
ALTER TABLE parked_requests DROP COLUMN state;
CREATE INDEX parked_requests_by_retry ON parked_requests (retry_at) WHERE retry_at IS NOT NULL;

-- What an app that is off has offered is found at each start.
CREATE INDEX conversations_offered_by ON conversations (workspace_id, offer_by) WHERE offer_by IS NOT NULL;
