"""Commands of `metaflow`."""

CMDS_DESC = [("acme", ".acme_command.cli")]
