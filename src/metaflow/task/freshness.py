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
        _refresh_global(numpy_random)
        for value in list(vars(flow_module or ModuleType("none")).values()):
            if isinstance(value, numpy_random.Generator) and _is_unseeded(value.bit_generator):
                value.bit_generator.state = type(value.bit_generator)().state
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.initial_seed().bit_length() > SEEDED_BITS // 2:
        torch.manual_seed(int.from_bytes(os.urandom(8), "little") >> 1)


def _refresh_global(numpy_random: Any) -> None:
    state = numpy_random.mtrand._rand  # noqa: SLF001 - there is no public way to ask
    bits = state._bit_generator  # noqa: SLF001 - the same
    if not _is_unseeded(bits):
        return
    if hasattr(numpy_random, "set_bit_generator"):
        # Unlike `seed()`, this leaves one that is known to be unseeded, so that what this
        # process forks in its turn is refreshed as well.
        numpy_random.set_bit_generator(type(bits)())
    else:
        numpy_random.seed()


def _is_unseeded(bit_generator: Any) -> bool:
    # A user's `numpy.random.seed` leaves a generator that knows of no seed sequence.
    entropy = getattr(getattr(bit_generator, "_seed_seq", None), "entropy", None)
    return isinstance(entropy, int) and entropy.bit_length() > SEEDED_BITS
