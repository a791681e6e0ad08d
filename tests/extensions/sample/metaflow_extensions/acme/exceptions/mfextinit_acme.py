"""Errors of the sample organization."""

from metaflow.exception import MetaflowException


class AcmeException(MetaflowException):
    headline = "Acme failed"
