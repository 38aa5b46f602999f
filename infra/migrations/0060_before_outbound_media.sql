-- P1.3: files that we send. One is uploaded first and belongs to no message until it is attached to one.

ALTER TABLE media
    ALTER COLUMN message_id DROP NOT NULL,
    ADD COLUMN provider_id text CHECK (length(provider_id) BETWEEN 1 AND 64),  -- what Meta calls its copy of the file
    ADD COLUMN provider_until timestamptz,                                     -- and until when it keeps it
    DROP CONSTRAINT media_state_check,
    ADD CONSTRAINT media_state_check CHECK (state IN ('awaited', 'pending', 'stored', 'refused', 'gone')),
    DROP CONSTRAINT media_check1,
    ADD CONSTRAINT media_settled CHECK ((state IN ('awaited', 'pending')) = (settled_at IS NULL)),
    ADD CONSTRAINT media_awaited_bytes CHECK (state <> 'awaited' OR bytes IS NOT NULL),  -- as announced
    ADD CONSTRAINT media_sent CHECK (message_id IS NOT NULL OR state <> 'pending'),
    ADD CONSTRAINT media_at_provider CHECK ((provider_id IS NULL) = (provider_until IS NULL)),
    DROP CONSTRAINT media_reason_check,
    ADD CONSTRAINT media_reason_check CHECK (reason IN ('elsewhere', 'type', 'too_large', 'empty', 'disconnected',
                                                        'missing', 'erased', 'size', 'unused'));

GRANT INSERT (organization_id, id, place, file_name, content_type, bytes, state, created_at),
      UPDATE (message_id, place, state, reason, file_name, content_type, bytes, sha256, settled_at)
   ON media TO leadsrally_api;

GRANT SELECT (organization_id, id, message_id, place, file_name, content_type, bytes, state, provider_id,
              provider_until),
      UPDATE (provider_id, provider_until)
   ON media TO leadsrally_send_message;

-- Who fetches files also takes away those that nobody sent, and can delete no other row.
GRANT DELETE ON media TO leadsrally_fetch_media;
CREATE POLICY unsent_only ON media AS RESTRICTIVE FOR DELETE TO leadsrally_fetch_media USING (message_id IS NULL);
