"""`posicional deploy` and `posicional destroy`: a feed on AWS, in one stack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posicional.cli.words import feed_argument
from posicional.errors import UsageError

if TYPE_CHECKING:
    from posicional.backends.stack import Account, Deployment
    from posicional.contract.feed import Feed

stack_option = click.option("--stack", metavar="NAME", help="The stack's name [default: posicional-<feed>].")


@click.command(
    epilog="""\b
Examples:
  posicional deploy examples/planos/feed.yaml --plan
  posicional deploy examples/planos/feed.yaml --bucket meu-bucket-dados -p AlertEmail=ops@example.com
  posicional deploy examples/planos/feed.yaml --rollback"""
)
@feed_argument
@stack_option
@click.option("--bucket", metavar="NAME", help="The bucket of the data [default: the feed's store, or one of its own].")
@click.option(
    "-p",
    "--parameter",
    "given",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the template; keeps its value.",
)
@click.option("--plan", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--rollback", is_flag=True, help="Go back to the deployment before the current one.")
def deploy(
    feed_path: Path, stack: str | None, bucket: str | None, given: tuple[str, ...], plan: bool, rollback: bool
) -> int:
    """Bring a feed to AWS, or bring it up to date.

    Packs code and contract, uploads them under their digest, creates or updates one stack, and ends with a sweep.
    Takes credentials and region from where the AWS command line takes them. A run that has begun ends as it began,
    with the contract of its time.
    """
    from posicional.cli.outside import not_installed

    try:
        from posicional.backends import stack as stacks
    except ModuleNotFoundError as error:
        raise not_installed("aws", error) from error
    from posicional.contract.feed import Feed

    feed = Feed.load(feed_path)
    name = _stack_name(feed, stack)
    account = stacks.Account.current()
    click.echo(f"{name} in {account.region}, account {account.identity}")
    stacks.make_code_bucket(account)
    record = stacks.deployments(account, name)
    wanted = (
        deployment_before(name, record) if rollback else _wanted(feed, account, name, bucket, _pairs(given), record)
    )
    return _bring_about(feed, account, name, wanted, plan=plan)


def _bring_about(feed: Feed, account: Account, name: str, wanted: Deployment, *, plan: bool) -> int:
    from posicional.backends import data_bucket
    from posicional.backends import stack as stacks

    bucket = wanted.parameters["Bucket"]
    change, changes = stacks.change_set(account, name, wanted.template, wanted.parameters)
    for one in changes:
        click.echo(f"  {one}")
    if not changes:
        click.echo("  the stack is as it should be")
    native = wanted.parameters["Trigger"] == "s3"
    function = _receiving(account, name)
    existing = wanted.parameters["OwnBucket"] == "no"
    lacks = data_bucket.bucket_change(account, bucket, name, function, native=native) if existing else None
    for text in lacks.texts if lacks else ():
        click.echo(f"  change AWS::S3::Bucket                  {bucket}: {text}")
    if plan:
        if change:
            stacks.drop_change_set(account, name, change)
        click.echo("nothing has been changed (--plan)")
        return 0
    if change:
        stacks.carry_out(account, name, change, lambda text: click.echo(f"  {text}"))
        stacks.note_deployment(account, name, wanted)
    if lacks:
        data_bucket.change_bucket(account, bucket, lacks)
    made = stacks.outputs(account, name)
    click.echo(f"swept: {stacks.invoke(account, made['Sweep'])}")
    for text in _next(feed, made, wanted.parameters):
        click.echo(text)
    return 0


def _receiving(account: Account, name: str) -> str:
    """The Lambda that objects are told to, as an ARN."""
    return f"arn:aws:lambda:{account.region}:{account.identity}:function:{name}-receber"


def _next(feed: Feed, made: Mapping[str, str], parameters: Mapping[str, str]) -> list[str]:
    """What there is now, and what to do with it."""
    texts = [
        "",
        f"bucket     s3://{made['Bucket']}",
        f"alerts     {made['Topic']}",
        f"dashboard  {made['Dashboard']}",
        "",
        f"send       aws s3 cp FILE s3://{made['Bucket']}/dados-posicionais/",
        f"look       posicional status {feed.path} --store s3://{made['Bucket']}",
        f"be told    aws sns subscribe --topic-arn {made['Topic']} --protocol email --notification-endpoint YOU",
    ]
    if parameters.get("OpenSearchArn") or parameters.get("SearchDomain") == "yes":
        texts.append(f"let in     {made['JobRole']}, where OpenSearch has fine-grained access (docs/aws.md)")
    return texts


def _wanted(
    feed: Feed,
    account: Account,
    name: str,
    bucket: str | None,
    given: Mapping[str, str],
    record: list[Deployment],
) -> Deployment:
    """Pack and upload; the parameters are those given, those of the feed, and else what they were before."""
    from posicional.backends import packages
    from posicional.backends import stack as stacks

    before = dict(record[-1].parameters) if record and stacks.describe(account, name) else {}
    runtime = given.get("Runtime", before.get("Runtime", "python3.13"))
    architecture = given.get("Architecture", before.get("Architecture", "x86_64"))
    keys = {}
    for key, package in {
        "ContractKey": packages.contract_package(feed),
        "GlueScriptKey": packages.glue_script(),
        "LambdaKey": packages.lambda_package(runtime.removeprefix("python"), architecture),
        "GlueWheelsKey": packages.glue_package(),
    }.items():
        keys[key], sent = stacks.upload(account, package)
        click.echo(f"  {'uploaded' if sent else 'there already'}: {keys[key]} ({package.mebibytes})")
    data = bucket or before.get("Bucket") or _bucket_of(feed) or f"{name}-dados-{account.identity}"
    own = before.get("OwnBucket") if before.get("Bucket") == data else None
    parameters = {
        "Trigger": "eventbridge",
        **before,
        "Feed": feed.name,
        "Bucket": data,
        "OwnBucket": own or ("no" if stacks.bucket_is_there(account, data) else "yes"),
        "CodeBucket": account.code_bucket,
        "Zone": str(feed.timezone),
        "DeadlineCron": f"cron({feed.deadline.at.minute} {feed.deadline.at.hour} * * ? *)",
        **keys,
        **given,
    }
    template = (packages.deploy_files() / "template.yaml").read_text(encoding="utf-8")
    last = record[-1].number if record else 0
    return stacks.Deployment(last + 1, last, template, parameters)


def deployment_before(name: str, record: list[Deployment]) -> Deployment:
    """The deployment before the current one, as the next one."""
    from posicional.backends.stack import Deployment

    current = record[-1] if record else None
    target = next((one for one in record if current and one.number == current.before), None)
    if current is None or target is None:
        raise UsageError("there is no earlier deployment to go back to", where=name)
    click.echo(f"  back to deployment {target.number}")
    return Deployment(current.number + 1, target.before, target.template, target.parameters)


def _stack_name(feed: Feed, given: str | None) -> str:
    """A name from which every other can be made: the rule's is the longest, of 64 letters at most."""
    name = given or f"posicional-{feed.name.replace('_', '-')}"
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,32}", name):
        raise UsageError(
            "not a name for a stack", where=name, expected="small letters, digits and -, 33 at most, a letter first"
        )
    return name


def _bucket_of(feed: Feed) -> str:
    found = re.fullmatch(r"s3://([^/]+)/?", feed.store)
    return found[1] if found else ""


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if wrong := [name for name, mark, _ in pairs if not (name and mark)]:
        raise click.BadParameter(f"{wrong[0]}: expected NAME=VALUE")
    return {name: value for name, _, value in pairs}


@click.command(
    epilog="""\b
Example:
  posicional destroy examples/planos/feed.yaml --yes"""
)
@feed_argument
@stack_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(feed_path: Path, stack: str | None, yes: bool) -> int:
    """Remove a feed's stack from AWS. Its data stay, ledger and all.

    The bucket is kept with everything in it; deploying again takes it as it is, and goes on with every day.
    """
    from posicional.cli.outside import not_installed

    try:
        from posicional.backends import data_bucket
        from posicional.backends import stack as stacks
    except ModuleNotFoundError as error:
        raise not_installed("aws", error) from error
    from posicional.contract.feed import Feed

    feed = Feed.load(feed_path)
    name = _stack_name(feed, stack)
    account = stacks.Account.current()
    made: Mapping[str, Any] = stacks.outputs(account, name)
    if not yes:
        click.confirm(f"Remove the stack {name} in {account.region}?", abort=True)
    stacks.delete(account, name, lambda text: click.echo(f"  {text}"))
    bucket = made.get("Bucket", "")  # which a stack that could not be made does not tell
    if bucket:
        data_bucket.stop_notifying(account, bucket, name, _receiving(account, name))
    click.echo(f"removed; the data stay in s3://{bucket}" if bucket else "removed")
    return 0
