"""The command `metaflow acme`."""

from metaflow._vendor import click


@click.command(help="Greet.")
@click.option("--name", default="you")
def cli(name):
    click.echo(f"acme greets {name}")
