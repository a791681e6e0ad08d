"""Read what runs have stored, without running anything."""

from metaflow import Flow

for run in Flow("RainfallFlow"):
    years = sorted(run.data.wettest) if run.successful else "no result"
    print(run.id, run.created_at.strftime("%H:%M:%S"), years)
