"""Where processes run, and that cores are kept awake."""

from __future__ import annotations

import struct
from pathlib import Path

from sdlab import cores


def test_a_request_to_stay_awake_holds_a_latency_of_zero_and_says_if_somebody_listens(tmp_path: Path) -> None:
    device = tmp_path / "latency"
    device.touch()
    with cores.kept_awake(str(device)) as awake:
        assert awake
        assert device.read_bytes() == struct.pack("=i", 0)
    with cores.kept_awake(str(tmp_path / "none")) as awake:
        assert not awake


def test_each_api_process_gets_a_core_if_one_is_left_for_the_rest() -> None:
    there = cores.usable()
    assert cores.apart(len(there)) is None
    if len(there) > 1:
        placed = cores.apart(1)
        assert placed is not None
        assert (placed.api, placed.others) == (there[:1], there[1:])
