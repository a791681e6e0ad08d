"""Ask the client one question in a fresh process and say how long the answer took.

    ask_client.py QUESTION FLOW RUNS

QUESTION is one of the functions below. The import does not count, the first access does.
"""

import json
import sys
import time
from itertools import islice

from metaflow import Flow, namespace


def latest(flow, runs):
    return Flow(flow).latest_run.id


def finished(flow, runs):
    return sum(run.finished for run in Flow(flow))


def artifacts(flow, runs):
    return sum(run["start"].task["value"].data for run in islice(Flow(flow), runs))


def tasks(flow, runs):
    return sum(1 for run in islice(Flow(flow), runs) for step in run for _ in step)


QUESTIONS = {question.__name__: question for question in (latest, finished, artifacts, tasks)}


def main():
    question, flow, runs = sys.argv[1:]
    namespace(None)
    begin = time.perf_counter()
    answer = QUESTIONS[question](flow, int(runs))
    print(json.dumps({"seconds": time.perf_counter() - begin, "answer": answer}))


main()
