"""§§9 to 11: children, changes of the policy, whom to ask."""

from datetime import datetime
from typing import Final

from leadsrally.kit.db import Tx
from leadsrally.notices.compose import Letterhead
from leadsrally.notices.specimens import specimens
from leadsrally.privacy.clauses.types import Clause, Finding

_WITHOUT_ATTESTATION = """
SELECT count(*)
  FROM organizations AS o
 WHERE o.state <> 'pending'
   AND (SELECT count(DISTINCT a.document)
          FROM acceptances AS a
         WHERE a.organization_id = o.id
           AND a.document IN ('business_use', 'age')) < 2
"""


def _organizations_without_attestation(tx: Tx) -> int:
    return tx.value(_WITHOUT_ATTESTATION, {})


def _grown_up_and_in_business(tx: Tx, _now: datetime) -> Finding:
    silent = _organizations_without_attestation(tx)
    return Finding(silent == 0, f"{silent} organisations without attestation of business use and of age")


def _mails_say_where_we_are(_tx: Tx, _now: datetime) -> Finding:
    head = Letterhead("https://app.example", "support@example.com", "privacy@example.com")
    reach = (head.support, head.privacy)
    mute = sum(
        not all(address in form for address in reach for form in (mail.text, mail.html))
        for mail in specimens(head)
    )
    return Finding(mute == 0, f"{mute} kinds of mail without the address for questions or for privacy")


CLAUSES: Final = (
    Clause("P9.1", "Nothing about children under 16", _grown_up_and_in_business),
    Clause("P10.1", "Material changes announced 14 days ahead"),
    Clause("P11.1", "Privacy and support can be reached", _mails_say_where_we_are),
)
