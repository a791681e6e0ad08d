"""How values are stored: in open formats where they have one, as pickles otherwise."""
