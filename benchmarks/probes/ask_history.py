"""Ask the client one question about very many runs, in a fresh process; say how long it took.

    ask_history.py QUESTION NAMESPACE

QUESTION is one of the functions below, NAMESPACE a tag or `none`. The import does not count,
the first access does.
"""

import json
import sys
import time
from itertools import islice

from metaflow import Flow, namespace

FLOW = "Nightly"
PAGE = 100


def latest():
    return [Flow(FLOW).latest_run]


def latest_successful():
    return [Flow(FLOW).latest_successful_run]


def newest():
    return islice(Flow(FLOW), PAGE)


def common_tag():
    return islice(Flow(FLOW).runs("nightly"), PAGE)


def rare_tag():
    return islice(Flow(FLOW).runs("released"), PAGE)


def both_tags():
    return islice(Flow(FLOW).runs("nightly", "candidate"), PAGE)


QUESTIONS = {
    question.__name__: question
    for question in (latest, latest_successful, newest, common_tag, rare_tag, both_tags)
}


def main():
    question, space = sys.argv[1:]
    namespace(None if space == "none" else space)
    begin = time.perf_counter()
    shown = [(run.id, run.finished, run.successful, run.user_tags) for run in QUESTIONS[question]()]
    print(json.dumps({"seconds": time.perf_counter() - begin, "answer": len(shown)}))


main()
