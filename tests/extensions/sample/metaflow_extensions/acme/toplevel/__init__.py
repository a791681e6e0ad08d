"""What `metaflow` itself shall have."""

toplevel = "acme_toplevel"
