-- A deleted row is looked for once in each table that refers to it, and no longer twice: NO ACTION first asks whether
-- another row has taken its key in the meantime, which none does here. Half the time of erasing a message or a contact.
-- contact_identities stays as it is: what RESTRICT says cannot be put off to the commit. Checked in the next migration,
-- so that nobody waits for that.
ALTER TABLE conversations
    DROP CONSTRAINT conversations_organization_id_contact_id_fkey,
    ADD CONSTRAINT conversations_organization_id_contact_id_fkey FOREIGN KEY (organization_id, contact_id)
        REFERENCES contacts (organization_id, id) ON DELETE RESTRICT NOT VALID;
ALTER TABLE consent_events
    DROP CONSTRAINT consent_events_organization_id_contact_id_fkey,
    ADD CONSTRAINT consent_events_organization_id_contact_id_fkey FOREIGN KEY (organization_id, contact_id)
        REFERENCES contacts (organization_id, id) ON DELETE RESTRICT NOT VALID;
ALTER TABLE consent_states
    DROP CONSTRAINT consent_states_organization_id_contact_id_fkey,
    ADD CONSTRAINT consent_states_organization_id_contact_id_fkey FOREIGN KEY (organization_id, contact_id)
        REFERENCES contacts (organization_id, id) ON DELETE RESTRICT NOT VALID;
ALTER TABLE disclosures
    DROP CONSTRAINT disclosures_organization_id_contact_id_fkey,
    ADD CONSTRAINT disclosures_organization_id_contact_id_fkey FOREIGN KEY (organization_id, contact_id)
        REFERENCES contacts (organization_id, id) ON DELETE RESTRICT NOT VALID;
ALTER TABLE leads
    DROP CONSTRAINT leads_organization_id_contact_id_fkey,
    ADD CONSTRAINT leads_organization_id_contact_id_fkey FOREIGN KEY (organization_id, contact_id)
        REFERENCES contacts (organization_id, id) ON DELETE RESTRICT NOT VALID;
ALTER TABLE contact_tags
    DROP CONSTRAINT contact_tags_organization_id_contact_id_fkey,
    ADD CONSTRAINT contact_tags_organization_id_contact_id_fkey FOREIGN KEY (organization_id, contact_id)
        REFERENCES contacts (organization_id, id) ON DELETE RESTRICT NOT VALID;
ALTER TABLE contact_notes
    DROP CONSTRAINT contact_notes_organization_id_contact_id_fkey,
    ADD CONSTRAINT contact_notes_organization_id_contact_id_fkey FOREIGN KEY (organization_id, contact_id)
        REFERENCES contacts (organization_id, id) ON DELETE RESTRICT NOT VALID;
ALTER TABLE contact_merges
    DROP CONSTRAINT contact_merges_organization_id_contact_id_fkey,
    ADD CONSTRAINT contact_merges_organization_id_contact_id_fkey FOREIGN KEY (organization_id, contact_id)
        REFERENCES contacts (organization_id, id) ON DELETE RESTRICT NOT VALID;
ALTER TABLE messages
    DROP CONSTRAINT messages_organization_id_conversation_id_fkey,
    ADD CONSTRAINT messages_organization_id_conversation_id_fkey FOREIGN KEY (organization_id, conversation_id)
        REFERENCES conversations (organization_id, id) ON DELETE RESTRICT NOT VALID;
ALTER TABLE media
    DROP CONSTRAINT media_organization_id_message_id_fkey,
    ADD CONSTRAINT media_organization_id_message_id_fkey FOREIGN KEY (organization_id, message_id)
        REFERENCES messages (organization_id, id) ON DELETE RESTRICT NOT VALID;
