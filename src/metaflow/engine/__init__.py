"""Run a flow: a pure plan decides, a thin loop does; no process is started here."""
