-- P1.3: files that came with a message. A row is written with its message; a job then fetches the file from
-- its provider into the storage, at a place that follows from organization_id and id.

CREATE TABLE media (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    message_id      uuid NOT NULL,
    place           smallint NOT NULL CHECK (place >= 0),      -- within its message
    source          text CHECK (length(source) <= 2048),       -- the provider's address or id; NULL once settled
    file_name       text NOT NULL DEFAULT '' CHECK (length(file_name) <= 255),
    content_type    text NOT NULL CHECK (length(content_type) <= 255),  -- as told; once stored, as seen
    bytes           bigint CHECK (bytes > 0),
    sha256          bytea CHECK (length(sha256) = 32),
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'stored', 'refused', 'gone')),
    reason          text CHECK (reason IN ('elsewhere', 'type', 'too_large', 'empty', 'disconnected',
                                           'missing', 'erased')),
    created_at      timestamptz NOT NULL,
    settled_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, message_id, place),
    -- No cascade: a message can be deleted only after its files are out of the storage (erase_media.py).
    FOREIGN KEY (organization_id, message_id) REFERENCES messages (organization_id, id),
    CHECK ((state = 'pending') = (source IS NOT NULL)),
    CHECK ((state = 'pending') = (settled_at IS NULL)),
    CHECK ((state = 'stored') = (bytes IS NOT NULL AND sha256 IS NOT NULL)),
    CHECK ((state IN ('refused', 'gone')) = (reason IS NOT NULL))
);

ALTER TABLE media ENABLE ROW LEVEL SECURITY;
ALTER TABLE media FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON media
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());

CREATE POLICY own_queue_fetch ON jobs TO leadsrally_fetch_media
    USING (queue = 'fetch_media') WITH CHECK (queue = 'fetch_media');

GRANT INSERT ON media TO leadsrally_webhook_twilio;

GRANT SELECT, UPDATE, DELETE ON jobs TO leadsrally_fetch_media;
GRANT SELECT ON media TO leadsrally_fetch_media;
GRANT UPDATE (state, reason, content_type, bytes, sha256, source, settled_at) ON media TO leadsrally_fetch_media;
-- The way from a file to the channel it came through.
GRANT SELECT (organization_id, id, conversation_id) ON messages TO leadsrally_fetch_media;
GRANT SELECT (organization_id, id, channel_id) ON conversations TO leadsrally_fetch_media;
GRANT SELECT (organization_id, id, kind, account_sid, credentials, state) ON channels
    TO leadsrally_fetch_media;
-- Where a file lies at its provider is for the function that fetches it.
GRANT SELECT (organization_id, id, message_id, place, file_name, content_type, bytes, sha256, state, reason,
              created_at, settled_at) ON media TO leadsrally_api;
