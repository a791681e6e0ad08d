"""Older paths of what users change flows with: `metaflow.user_decorators.<part>`."""
