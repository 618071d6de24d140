"""The template of the stack: what no emulator evaluates is held here, word by word."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from posicional.backends.data_bucket import ledger_statements
from posicional.backends.packages import PACKAGE, deploy_files

TEXT = (deploy_files() / "template.yaml").read_text(encoding="utf-8")


HANDLERS = (PACKAGE / "lambdas.py").read_text(encoding="utf-8")


class _Loader(yaml.SafeLoader):
    """Reads `!Ref x` as {"Ref": "x"}."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the last kind there is
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)
TEMPLATE: dict[str, Any] = yaml.load(TEXT, Loader=_Loader)  # noqa: S506 - a safe loader with CloudFormation's tags
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a kind: name -> properties."""
    return {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == kind}


def statements(name: str) -> list[dict[str, Any]]:
    """What a role may do, with every condition taken."""
    found = RESOURCES[name]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return [one["Fn::If"][1] if "Fn::If" in one else one for one in found]


def test_cloudformation_takes_it_as_it_is() -> None:
    """Short enough to be sent, and without YAML's anchors, which CloudFormation refuses."""
    assert len(TEXT.encode()) < 51_200
    assert not re.search(r"(?m)[:-] [&*][a-z]", TEXT)


def test_the_rule_has_the_article_s_name_and_sees_arrivals_only() -> None:
    """Of the bucket of the feed, below the incoming prefix, however they were uploaded."""
    rule = RESOURCES["DispararLambdaAoReceberArquivo"]["Properties"]
    assert rule["Name"] == {"Fn::Sub": "${AWS::StackName}-DispararLambdaAoReceberArquivo"}
    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [{"Ref": "Bucket"}]}, "object": {"key": [{"prefix": "dados-posicionais/"}]}},
    }
    assert len("-DispararLambdaAoReceberArquivo") + 33 <= 64  # what `posicional deploy` leaves for the stack's name


def test_a_bucket_of_the_stack_s_own_tells_of_arrivals_in_the_way_that_was_chosen() -> None:
    """EventBridge, for the rule; or the Lambda itself, of every way to make an object below the incoming prefix."""
    told = RESOURCES["Data"]["Properties"]["NotificationConfiguration"]["Fn::If"]
    prefix = {"S3Key": {"Rules": [{"Name": "prefix", "Value": "dados-posicionais/"}]}}
    function = {"Fn::GetAtt": "Receive.Arn"}
    assert told == [
        "ByRule",
        {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        {"LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": function, "Filter": prefix}]},
    ]
    assert (
        RESOURCES["DispararLambdaAoReceberArquivo"]["Condition"] == RESOURCES["MayBeTriggered"]["Condition"] == "ByRule"
    )


def test_schedules_ring_in_the_feed_s_zone() -> None:
    """At the moment that is said, tried again, and never lost without a trace."""
    schedules = of_kind("AWS::Scheduler::Schedule")
    assert set(schedules) == {"DeadlineSchedule", "SweepSchedule"}
    for words in schedules.values():
        assert words["ScheduleExpressionTimezone"] == {"Ref": "Zone"}
        assert words["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert words["Target"]["RetryPolicy"]["MaximumRetryAttempts"] > 0
        assert words["Target"]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": "Failures.Arn"}}
    assert TEMPLATE["Parameters"]["SweepRate"]["Default"] == "rate(15 minutes)"


def test_every_physical_name_is_the_stack_s() -> None:
    """Two stacks of one account never meet; only the bucket is named by the user."""
    names = ("FunctionName", "RoleName", "TopicName", "QueueName", "AlarmName", "LogGroupName", "DashboardName", "Name")
    for resource, words in RESOURCES.items():
        for name in names:
            if name in words.get("Properties", {}) and words["Type"] not in (
                "AWS::Lambda::Permission",
                "AWS::IAM::RolePolicy",
            ):
                assert "AWS::StackName" in json.dumps(words["Properties"][name]), resource


def test_the_glue_job_leaves_what_is_once_to_the_ledger() -> None:
    """No retries and no queue of its own, and several runs at once."""
    job = RESOURCES["Job"]["Properties"]
    assert (job["MaxRetries"], job["ExecutionClass"], job["JobRunQueuingEnabled"]) == (0, "STANDARD", False)
    assert job["ExecutionProperty"]["MaxConcurrentRuns"] == {"Ref": "GlueConcurrency"}
    assert "Timeout" in job
    assert job["DefaultArguments"]["--python-modules-installer-option"] == "--no-index"
    assert job["DefaultArguments"]["--region"] == {"Ref": "AWS::Region"}


@pytest.mark.parametrize("name", [name for name, one in RESOURCES.items() if one["Type"] == "AWS::CloudWatch::Alarm"])
def test_an_alarm_reaches_people_and_can_ring(name: str) -> None:
    """It tells the topic, and asks for no longer stretch than CloudWatch takes."""
    alarm = RESOURCES[name]["Properties"]
    assert alarm["AlarmActions"] == [{"Ref": "Alerts"}]
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 24 * 3600
    if alarm["Namespace"] == "posicional":
        assert alarm["Dimensions"] == [{"Name": "feed", "Value": {"Ref": "Feed"}}]
        assert f'"{alarm["MetricName"]}"' in HANDLERS


def test_a_dead_schedule_rings_by_its_silence() -> None:
    """45 minutes without a completed sweep."""
    alarm = RESOURCES["NoHeartbeat"]["Properties"]
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 45 * 60


def test_the_bucket_is_kept_and_closed() -> None:
    """Encrypted, private, of one owner, with versions; it outlives the stack, and the ledger outlives the data."""
    bucket = RESOURCES["Data"]
    words = bucket["Properties"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert set(words["PublicAccessBlockConfiguration"].values()) == {True}
    assert words["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert words["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule["Id"]: rule for rule in words["LifecycleConfiguration"]["Rules"]}
    assert rules["uploads-given-up"]["AbortIncompleteMultipartUpload"]
    assert not any(rule.get("Prefix", "").startswith("controle") for rule in rules.values())
    assert not any("ExpirationInDays" in rule for rule in rules.values() if rule.get("Prefix") == "dados-posicionais/")


def test_an_existing_bucket_gets_the_same_rules() -> None:
    """What `posicional deploy` adds to a policy is what the template says."""
    wanted = {one["Sid"]: one for one in ledger_statements("b")}
    found = {
        one["Sid"]: one for one in RESOURCES["DataPolicy"]["Properties"]["PolicyDocument"]["Statement"] if "Sid" in one
    }
    for sid, statement in wanted.items():
        said = json.dumps(found[sid]).replace('{"Fn::Sub": "arn:${AWS::Partition}:s3:::${Bucket}', '"arn:aws:s3:::b')
        assert json.loads(re.sub(r'("arn:aws:s3:::b[^"]*")\}', r"\1", said)) == statement


ROLES = ("ReceiveRole", "SweepRole", "DeadlineRole", "ScheduleRole", "JobRole")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_what_it_touches(role: str) -> None:
    """No wildcard where there is a name: only what has none stands for all."""
    nameless = ("xray:", "cloudwatch:PutMetricData", "ec2:", "glue:GetConnection")
    for statement in statements(role):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert "*" not in json.dumps(actions)
        if statement["Resource"] == "*":
            assert all(action.startswith(nameless) for action in actions)


def test_only_the_sweep_deletes_and_only_what_is_made() -> None:
    """Never an arrival, never a fact."""
    for role in ROLES:
        deleting = [one for one in statements(role) if "Delete" in json.dumps(one["Action"]) and "s3" in str(one)]
        if role != "SweepRole":
            assert deleting == []
            continue
        paths = re.findall(r"\$\{Bucket\}/([a-z-]+)/", json.dumps(deleting))
        assert paths == ["dados-parquet", "dados-rejeitados", "dados-processados"]


def test_the_receiving_role_cannot_write_results() -> None:
    """That is the Glue job's."""
    assert "dados-processados" not in json.dumps(statements("ReceiveRole"))
    assert "dados-processados" in json.dumps(statements("JobRole"))


def test_alarms_can_use_the_key_of_the_topic() -> None:
    """With the key that AWS has for SNS they would be lost without a word."""
    policy = json.dumps(RESOURCES["AlertsKey"]["Properties"]["KeyPolicy"])
    assert "cloudwatch.amazonaws.com" in policy
    assert RESOURCES["Alerts"]["Properties"]["KmsMasterKeyId"] == {"Fn::GetAtt": "AlertsKey.Arn"}


def test_a_new_account_can_have_it() -> None:
    """It refuses reserved concurrency, and more memory than this; and nothing costs money that nobody has asked for."""
    words = {name: one.get("Default") for name, one in TEMPLATE["Parameters"].items()}
    assert words["MemorySize"] <= 3008
    assert "ReservedConcurrentExecutions" not in TEXT
    assert (words["SearchDomain"], words["Subnet"], words["Vpc"], words["SecretArn"]) == ("no", "", "", "")
    assert set(words) - {name for name, default in words.items() if default is not None} == {
        "Feed",
        "Bucket",
        "CodeBucket",
        "ContractKey",
        "GlueScriptKey",
        "GlueWheelsKey",
        "LambdaKey",
    }


def test_a_domain_of_the_stack_is_encrypted_and_lets_one_role_in() -> None:
    """At rest, between nodes and on the way, by TLS 1.2 at least; made when asked for, in the VPC if there is one."""
    domain = RESOURCES["Domain"]
    words = domain["Properties"]
    assert domain["Condition"] == "MakeDomain"
    assert words["EncryptionAtRestOptions"] == words["NodeToNodeEncryptionOptions"] == {"Enabled": True}
    assert words["DomainEndpointOptions"]["EnforceHTTPS"] is True
    assert words["DomainEndpointOptions"]["TLSSecurityPolicy"].startswith("Policy-Min-TLS-1-2")
    allowed = words["AccessPolicies"]["Statement"]
    assert [one["Principal"] for one in allowed] == [{"AWS": {"Fn::GetAtt": "JobRole.Arn"}}]
    vpc = {"SubnetIds": [{"Ref": "Subnet"}], "SecurityGroupIds": [{"Ref": "SecurityGroup"}]}
    assert words["VPCOptions"] == {"Fn::If": ["InVpc", vpc, {"Ref": "AWS::NoValue"}]}
    granted = RESOURCES["MayPublish"]["Properties"]["PolicyDocument"]["Statement"]
    assert [one["Resource"] for one in granted] == [{"Fn::Sub": "${Domain.Arn}/*"}]


def test_in_a_vpc_the_job_has_a_connection_of_its_own() -> None:
    """In the subnet and the group that were named, and none otherwise; the way to S3 costs nothing."""
    network = RESOURCES["Network"]
    place = network["Properties"]["ConnectionInput"]["PhysicalConnectionRequirements"]
    assert network["Condition"] == "InVpc"
    assert (place["SubnetId"], place["SecurityGroupIdList"]) == ({"Ref": "Subnet"}, [{"Ref": "SecurityGroup"}])
    endpoint = RESOURCES["StorageEndpoint"]
    assert (endpoint["Condition"], endpoint["Properties"]["VpcEndpointType"]) == ("MakeEndpoint", "Gateway")
    used = {"Connections": [{"Ref": "Network"}]}
    assert RESOURCES["Job"]["Properties"]["Connections"] == {"Fn::If": ["InVpc", used, {"Ref": "AWS::NoValue"}]}


def test_a_secret_is_the_job_s_alone() -> None:
    """One role may read the one secret that was named; what the job is given is its name."""
    readers = {role for role in ROLES for one in statements(role) if "secretsmanager" in json.dumps(one)}
    assert readers == {"JobRole"}
    reading = next(one for one in statements("JobRole") if one["Sid"] == "Secret")
    assert (reading["Action"], reading["Resource"]) == ("secretsmanager:GetSecretValue", {"Ref": "SecretArn"})
    given = RESOURCES["Job"]["Properties"]["DefaultArguments"]["--variables"]
    assert given == {"Fn::If": ["HasSecret", {"Ref": "SecretArn"}, "-"]}
    assert TEXT.count("Ref SecretArn") == 3  # in its condition, the argument, and the policy


def test_producers_put_arrivals_and_nothing_else() -> None:
    """Other accounts, when they are named: below the incoming prefix."""
    policy = RESOURCES["DataPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [one["Fn::If"][1] for one in policy if "Fn::If" in one]
    assert [(one["Sid"], one["Effect"], one["Action"]) for one in allowed] == [("Producers", "Allow", "s3:PutObject")]
    assert allowed[0]["Resource"]["Fn::Sub"].endswith("/dados-posicionais/*")
    assert all(one["Effect"] == "Deny" for one in policy if "Fn::If" not in one)


def test_the_dashboard_is_json_and_names_what_the_handlers_measure() -> None:
    """With every name that stands in it put in."""
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"]
    shown = json.dumps([one["properties"]["metrics"] for one in widgets])
    for name in ("DaysOverdue", "MissedDeadline", "Heartbeat", "RefusedFiles", "FailedGlueRuns", "Rows", "Rejects"):
        assert name in shown
        assert f'"{name}"' in HANDLERS


def test_what_costs_money_by_the_metric_has_feed_and_file_only() -> None:
    """Every further dimension would be a metric for each of its values."""
    assert set(re.findall(r'add_dimension\("(\w+)"', HANDLERS)) == {"feed", "file"}


def test_every_exception_to_a_policy_check_says_why() -> None:
    """In a sentence, beside it."""
    for name, one in RESOURCES.items():
        for skip in one.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert re.fullmatch(r"CKV2?_AWS_\d+", skip["id"]), name
            assert len(skip["comment"]) > 5, name
