"""R12, R13: what is kept outside the database has an end that is declared, and it is the policy's."""

import pytest

from infra.local.functions import declaration
from leadsrally.kit.storage import HOUSE, Key
from leadsrally.privacy.backups.shelf import BACKUPS, REHEARSALS
from leadsrally.privacy.retention import BACKUPS as RULE
from tests.aws.stack import resources

QUEUES = sorted(name for name, made in resources().items() if made["Type"] == "AWS::SQS::Queue")


@pytest.mark.parametrize("name", QUEUES)
def test_R12_a_bell_is_kept_for_a_day_and_a_dead_one_for_two_weeks(name: str) -> None:
    seconds = resources()[name]["Properties"]["MessageRetentionPeriod"]
    assert seconds == (14 * 86_400 if name.endswith("DeadQueue") else 86_400)


def test_R12_logs_are_kept_for_thirty_days() -> None:
    assert declaration()["provider"]["logRetentionInDays"] == 30


def test_R13_the_bucket_deletes_backups_itself_should_nobody_else() -> None:
    rules = {
        rule["Id"]: rule
        for rule in resources()["FilesBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    }
    rule = rules["backups"]
    assert rule["Status"] == "Enabled"
    assert rule["Prefix"] == Key.prefix(HOUSE, BACKUPS)
    assert rule["ExpirationInDays"] == RULE.after.days
    rehearsals = rules["rehearsals-of-backups"]
    assert (rehearsals["Prefix"], rehearsals["ExpirationInDays"]) == (Key.prefix(HOUSE, REHEARSALS), 1)


def test_R13_no_old_version_of_a_file_outlives_it() -> None:
    assert "VersioningConfiguration" not in resources()["FilesBucket"]["Properties"]
    assert "ObjectLockEnabled" not in resources()["FilesBucket"]["Properties"]


def test_whoever_makes_backups_touches_nothing_else() -> None:
    statements = resources()["BackupsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    for statement in statements:
        told = str(statement["Resource"]) + str(statement.get("Condition", ""))
        assert str(HOUSE) in told or "purpose': 'backup'" in told or "kms" in str(statement["Action"])
