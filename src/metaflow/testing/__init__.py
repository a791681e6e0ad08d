"""For tests of flows: run one step in this process, or a whole flow in a store of its own."""
