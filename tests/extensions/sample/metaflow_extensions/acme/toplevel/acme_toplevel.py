"""Names for `from metaflow import ...`."""

ACME_VERSION = "7"


def acme_greeting():
    return "hello from acme"
