"""Versions, and access to others' results: every run is kept, under its author's name.

A namespace shows the runs of one user, or of one tag; `namespace(None)` shows everybody's.
This program reads and runs nothing, so there must be runs to read, here of two users:

    METAFLOW_USER=savin python structure.py run --tag unsampled_model
    METAFLOW_USER=david python structure.py run --tag sampled_model
    python access.py
"""

# The lines stand as they were first printed, quotes and spacing included.
# ruff: noqa: Q000 - see above
# fmt: off

from metaflow import Flow, namespace

# Access Savin's runs
namespace('user:savin')
run = Flow('MyFlow').latest_run
print(run.id)    # = 234
print(run.tags)  # = ['unsampled_model']
# Access David's runs
namespace('user:david')
run = Flow('MyFlow').latest_run
print(run.id)    # = 184
print(run.tags)  # = ['sampled_model']
# Access everyone's runs
namespace(None)
run = Flow('MyFlow').latest_run
print(run.id)    # = 184
