"""The older path of the kinds of what decorators add to a code package."""

from metaflow.code_package.content_type import ContentType

__all__ = ["ContentType"]
