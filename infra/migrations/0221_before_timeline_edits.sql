-- P7.1: a person's timeline tells for as long as the audit log is kept when somebody edited them, and what of them.
CREATE INDEX audit_log_edits_of ON audit_log (organization_id, target_id, occurred_at DESC, id DESC)
    WHERE action = 'contact.edited';
