"""Frozen values that every layer shares: identities, references, specs and records."""
