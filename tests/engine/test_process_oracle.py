"""The engine against the token game of ``tests.engine.oracle``; ORACLE_SEEDS says how many processes."""

import os

from tests.engine import oracle


def test_the_engine_and_the_token_game_agree_on_random_processes():
    seeds = int(os.environ.get("ORACLE_SEEDS", "300"))
    assert sum(oracle.play(seed) for seed in range(seeds)) > 10 * seeds
