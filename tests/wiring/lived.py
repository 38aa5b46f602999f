"""An organisation that has lived through everything that leaves a row somewhere."""

from uuid import uuid4

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.messaging.channels.ask_provider import ask_provider
from leadsrally.messaging.leads.types import Lead
from tests.billing.invoices import an_invoice
from tests.fakes import answered
from tests.world import Line, Org, World

# One row in each table of people, as far as what fills it needs a person who is there.
_PEOPLE = """
INSERT INTO signups (organization_id, id, email, password_hash, terms_version, policy_version, created_at, expires_at)
VALUES (%(org)s, %(id)s, 'someone@example.test', 'x', '1', '1', %(now)s, %(now)s);
INSERT INTO acceptances (organization_id, id, user_id, document, document_version, accepted_at)
VALUES (%(org)s, %(id)s, %(user)s, 'terms', '1', %(now)s);
INSERT INTO sessions (organization_id, id, user_id, kind, token_hash, rotated_at, confirmed_at, created_at,
                      last_used_at, expires_at)
VALUES (%(org)s, %(id)s, %(user)s, 'client', %(hash)s, %(now)s, %(now)s, %(now)s, %(now)s, %(now)s);
INSERT INTO password_resets (organization_id, id, user_id, created_at, expires_at)
VALUES (%(org)s, %(id)s, %(user)s, %(now)s, %(now)s);
INSERT INTO email_changes (organization_id, id, user_id, old_email, new_email, created_at, expires_at)
VALUES (%(org)s, %(id)s, %(user)s, 'old@example.test', 'new@example.test', %(now)s, %(now)s);
INSERT INTO second_factors (organization_id, user_id, secret, created_at)
VALUES (%(org)s, %(user)s, '', %(now)s);
INSERT INTO recovery_codes (organization_id, user_id, code_hash)
VALUES (%(org)s, %(user)s, %(hash)s);
INSERT INTO invitations (organization_id, id, email, role, invited_by, created_at, expires_at)
VALUES (%(org)s, %(id)s, 'guest@example.test', 'agent', %(user)s, %(now)s, %(now)s);
INSERT INTO api_keys (organization_id, id, user_id, name, key_hash, scopes, created_at)
VALUES (%(org)s, %(id)s, %(user)s, 'key', '', '{}', %(now)s);
INSERT INTO notices (organization_id, id, job_id, user_id, kind, about_id, address, language, created_at)
VALUES (%(org)s, %(user)s, %(id)s, %(user)s, 'new_login', %(id)s, 'someone@example.test', 'en', %(now)s);
INSERT INTO notice_events (organization_id, id, notice_id, event, occurred_at, recorded_at)
VALUES (%(org)s, 'event', %(user)s, 'sent', %(now)s, %(now)s);
INSERT INTO incident_notices (organization_id, incident_id, counts, found_at)
VALUES (%(org)s, %(id)s, '{}', %(now)s);
INSERT INTO policy_notices (organization_id, version_id, telling, job_id, asked_at)
SELECT %(org)s, id, 'announced', %(id)s, %(now)s FROM policy_versions;
INSERT INTO audit_log (organization_id, id, actor_kind, actor_id, action, occurred_at)
VALUES (%(org)s, %(id)s, 'person', %(user)s, 'member.joined', %(now)s);
INSERT INTO idempotency_keys (organization_id, actor_id, key, request_hash, created_at)
VALUES (%(org)s, %(user)s, 'key', '', %(now)s);
INSERT INTO exports (organization_id, id, requested_by, requested_at)
VALUES (%(org)s, %(user)s, %(user)s, %(now)s);
INSERT INTO export_parts (organization_id, export_id, number, bytes, made_at)
VALUES (%(org)s, %(user)s, 1, 1, %(now)s);
INSERT INTO retention_windows (organization_id, messages_days, obeyed_from, version, changed_at)
VALUES (%(org)s, 365, %(now)s, 2, %(now)s);
INSERT INTO retention_runs (organization_id, id, kind, cutoff, due_before, started_at)
VALUES (%(org)s, %(id)s, 'messages', %(now)s, 0, %(now)s);
INSERT INTO account_deletions (organization_id, id, state_before, requested_at, erases_at)
VALUES (%(org)s, %(id)s, 'active', %(now)s, %(now)s);
INSERT INTO erasures (organization_id, id, kind, subject_id, requested_by, requested_at)
VALUES (%(org)s, %(user)s, 'message', %(id)s, %(user)s, %(now)s);
INSERT INTO provider_outcomes (organization_id, erasure_id, provider)
VALUES (%(org)s, %(user)s, 'meta');
INSERT INTO templates (organization_id, id, waba_id, provider_id, name, language, category, state, form, created_at,
                       changed_at, synced_at)
VALUES (%(org)s, %(id)s, '1', '1', 'ready', 'en_US', 'utility', 'approved', '{}', %(now)s, %(now)s, %(now)s)
"""
_POLICY = """
INSERT INTO policy_versions (id, dated, fingerprint, material, summary, published_at, announced_for)
VALUES (gen_random_uuid(), '2026-04-17', sha256('x'), false, 'The first one.', %(now)s, %(now)s)
ON CONFLICT DO NOTHING
"""
# What a customer has written about a contact.
_CONTACTS = """
INSERT INTO contact_fields (organization_id, id, key, label, type, created_at)
VALUES (%(org)s, %(id)s, 'city', 'City', 'text', %(now)s);
INSERT INTO tags (organization_id, id, name, created_at)
VALUES (%(org)s, %(id)s, 'vip', %(now)s);
INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
VALUES (%(org)s, %(contact)s, %(id)s, %(now)s);
INSERT INTO contact_notes (organization_id, id, contact_id, body, created_at)
VALUES (%(org)s, %(id)s, %(contact)s, 'likes red', %(now)s);
INSERT INTO contact_merges (organization_id, id, contact_id, loser_id, loser, filled, consents, merged_at)
VALUES (%(org)s, %(id)s, %(contact)s, %(id)s, '{}', '{}', '{}', %(now)s);
INSERT INTO contact_merge_moves (organization_id, merge_id, kind, row_key)
VALUES (%(org)s, %(id)s, 'contact_tags', 'x');
INSERT INTO segments (organization_id, id, name, condition, created_at)
VALUES (%(org)s, %(id)s, 'all', '{"all": []}', %(now)s);
INSERT INTO imports (organization_id, id, kind, actor_kind, bytes, created_at)
VALUES (%(org)s, %(id)s, 'contacts', 'system', 1, %(now)s);
INSERT INTO import_changes (organization_id, import_id, contact_id, line, before, recorded_at)
VALUES (%(org)s, %(id)s, %(contact)s, 2, '{"name": "Ada"}', %(now)s);
INSERT INTO bulk_actions (organization_id, id, kind, actor_kind, expected, margin, created_at, progressed_at)
VALUES (%(org)s, %(id)s, 'tag', 'system', 1, 0, %(now)s, %(now)s);
INSERT INTO bulk_changes (organization_id, action_id, contact_id, recorded_at)
VALUES (%(org)s, %(id)s, %(contact)s, %(now)s);
INSERT INTO erased_addresses (organization_id, address_hash, erased_at)
VALUES (%(org)s, '', %(now)s);
INSERT INTO listed_numbers (organization_id, number_hash, phone, listed_at)
VALUES (%(org)s, '', '+12025550101', %(now)s)
"""


def lived_through(world: World, line: Line) -> None:
    """Everything that leaves a row somewhere."""
    user = uuid4()
    an_invoice(world, Org(line.organization_id, "theirs"))
    world._insert(
        "users",
        {
            "organization_id": line.organization_id,
            "id": user,
            "email": f"{line.key}@example.test",
            "password_hash": "$2b$12$" + "a" * 53,
            "role": "owner",
            "created_at": world.clock.now,
        },
    )
    world.execute(_POLICY, now=world.clock.now)
    for statement in _PEOPLE.split(";"):
        given = {"org": line.organization_id, "user": user, "id": uuid4(), "now": world.clock.now}
        world.execute(statement, hash=bytes(32), **given)
    thread = world.conversation(line)
    picture = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/m", "MediaContentType0": "image/png"}
    world.text(line, None, **picture)
    world.score()
    world.reply(line, thread, "We open at nine")
    world.work("send_message")
    world.report(line, "SM" + "e" * 32, "delivered")
    contact = world.value("SELECT contact_id FROM conversations WHERE id = %(id)s", id=thread)
    ids = {"org": line.organization_id, "id": uuid4(), "contact": contact, "now": world.clock.now}
    for statement in _CONTACTS.split(";"):
        world.execute(statement, **ids)
    here = """INSERT INTO presence (organization_id, user_id, conversation_id, writing, seen_at)
              VALUES (%(org)s, %(user)s, %(id)s, true, %(now)s)"""
    world.execute(here, org=line.organization_id, user=user, id=thread, now=world.clock.now)
    copy = """INSERT INTO provider_copies (organization_id, id, channel_id, what, provider_id, ends_at, asked_at, next_at)
              VALUES (%(org)s, %(id)s, %(id)s, 'message', 'SM1', %(now)s, %(now)s, %(now)s)"""
    world.execute(copy, org=line.organization_id, id=line.id, now=world.clock.now)
    world.agrees(line)
    world.reply(line, thread, "Out: {{unsubscribe_link}}", links=runtime.of("api").unsubscribe_links)
    world.text(line, "STOP")
    world.clock.pass_(seconds=1)
    world.text(line, "START")
    world.text(line, "STOP")
    with runtime.of("api").db.tenant(line.organization_id) as tx:
        ask_provider(tx, line.organization_id, "test", line.id, actor=SYSTEM, now=world.clock.now)
    number = world.whatsapp_line(Org(line.organization_id, "theirs"))
    world.whatsapp(number, "Hello", from_user_id=f"US.{line.id.hex}")
    world.whatsapp(number, type="revoke", revoke={"original_message_id": "wamid.later"})
    world.whatsapp(number, type="reaction", reaction={"emoji": "x"})  # to nothing: put aside
    page = world.lead_page(Org(line.organization_id, "theirs"))
    left = Lead("8000000000001", "9000000000001", world.clock.now, answered(phone_number="+12025550171"))
    world.leads.add(left)
    world.lead(page, left.id)
    world.work("fetch_lead")
