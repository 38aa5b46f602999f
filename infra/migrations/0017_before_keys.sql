-- Whoever moves sealed secrets to another master key (`leadsrally keys rotate`): reads and rewrites the blobs of
-- all tenants, and sees of their rows nothing but where each blob belongs.

GRANT SELECT (organization_id, id, kind, credentials), UPDATE (credentials) ON channels TO leadsrally_keys;
CREATE POLICY rotation ON channels FOR SELECT TO leadsrally_keys USING (true);
CREATE POLICY rotation_writes ON channels FOR UPDATE TO leadsrally_keys USING (true) WITH CHECK (true);
