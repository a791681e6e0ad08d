"""Names for `metaflow.integrations`."""

ALIASES_DESC = [("AcmeEvent", ".acme_event.AcmeEvent")]
