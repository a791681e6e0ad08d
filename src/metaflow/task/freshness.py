"""What a forked task must not share with its siblings: the state of random generators."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

SEEDED_BITS = 64
"""A numpy generator made without a seed carries an entropy of about 128 bits; nobody types
such a number, so a smaller one is the user's own seed and must stay."""


def refresh_random_generators(flow_module: ModuleType | None) -> None:
    """Give this process random numbers of its own, as a fresh interpreter would have.

    Python's `random` does so itself after a fork. Generators that the user has seeded in
    the flow's module keep their state, because a fresh import would seed them alike.

    Parameters
    ----------
    flow_module : module, optional
        Where the flow's class lives; unseeded numpy generators among its globals are
        replaced in place.
    """
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
        for value in list(vars(flow_module or ModuleType("none")).values()):
            if isinstance(value, numpy_random.Generator) and _is_unseeded(value):
                value.bit_generator.state = type(value.bit_generator)().state
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(int.from_bytes(os.urandom(8), "little") >> 1)


def _is_unseeded(generator: Any) -> bool:
    entropy = getattr(getattr(generator.bit_generator, "seed_seq", None), "entropy", None)
    return isinstance(entropy, int) and entropy.bit_length() > SEEDED_BITS
