"""Programs that start flows: `Runner`, `run_flow`, `Deployer` and their notebook forms.

Each module is imported when one of its names is asked for, because none of them is needed
by a program that only defines a flow.
"""
