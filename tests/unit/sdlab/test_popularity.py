import numpy as np
import pytest

from sdlab.popularity import _CELLS, _ranked
from sdlab.workload import by_share


@pytest.mark.parametrize("keys", [1, 2, 4096])
def test_the_guide_table_ranks_as_a_search_does_also_on_the_bounds_of_ranks_and_cells(keys: int) -> None:
    weights = np.arange(1, keys + 1, dtype=np.float64) ** -1.0
    cumulative = np.cumsum(weights) / weights.sum()
    corners = np.concatenate([cumulative, np.array([0.25, 0.5]), np.arange(0, _CELLS, 7) / _CELLS])
    uniform = np.concatenate([corners, np.nextafter(corners, 0.0), np.nextafter(corners, 1.0)])
    uniform = uniform[uniform < 1.0]
    assert _ranked(cumulative, uniform).tolist() == np.searchsorted(cumulative, uniform, side="right").tolist()


def test_a_share_of_0_is_never_drawn() -> None:
    drawn = by_share([0.0, 0.5, 0.0, 0.5, 0.0], 10_000, 1, "operations")
    assert set(drawn.tolist()) == {1, 3}
