-- Files that come by WhatsApp, and those of a message that its author takes back.

GRANT SELECT (organization_id, id, message_id), INSERT,
      UPDATE (state, reason, source, file_name, bytes, sha256, settled_at) ON media TO leadsrally_webhook_meta;
