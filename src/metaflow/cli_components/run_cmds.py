"""The older path of the `run` command: `metaflow.cli_components.run_cmds`."""
