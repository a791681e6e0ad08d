"""Commands of flows."""

from metaflow._vendor import click


@click.group()
def cli():
    pass


@cli.group(help="Commands of acme.")
def acme():
    pass


@acme.command(help="Count the steps.")
@click.option("--loud/--quiet", default=False)
@click.pass_obj
def count(obj, loud):
    assert obj.flow_datastore.flow_name == obj.flow.name
    assert {obj.environment.TYPE, obj.metadata.TYPE} == {"local"}
    click.echo(f"{obj.flow.name} has {len(list(obj.graph))} steps{'!' if loud else ''}")
