"""A drawing shows what the model has, each once, and nothing over anything else."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from sdlab import catalog
from sdlab.errors import InvalidInput
from simulations import scenario
from simulations.drawing import Usage, draw
from simulations.drawing.collapse import Collapsed
from simulations.drawing.commands import draw as draw_command
from simulations.drawing.graph import topology
from simulations.drawing.svg import Text, text_width
from simulations.model import (
    Balance,
    Balancer,
    Branch,
    Constant,
    Exponential,
    Flow,
    Fork,
    Hold,
    Model,
    Pool,
    Release,
    Serve,
    Spawn,
    Station,
    Step,
    Timeout,
)

TIME = Exponential(0.01)


def balanced(workers: int, *, also: str | None = None) -> Model:
    """Identical workers behind a balancer; a second flow may use one of them on its own."""
    names = [f"api-{number + 1}" for number in range(workers)]
    flows = [Flow("get", [Balance("front", {name: [Serve(name, TIME)] for name in names}), Serve("database", TIME)])]
    flows += [Flow("maintain", [Serve(also, TIME)])] if also else []
    return Model(
        "balanced",
        flows,
        [*(Station(name) for name in names), Station("database", 4)],
        balancers=[Balancer("front", names)],
    )


def words(model: Model, usage: Usage | None = None, flow: str | None = None) -> list[str]:
    return [shape.words for shape in draw(model, usage, flow).canvas.shapes if isinstance(shape, Text)]


def designs() -> list[Model]:
    return [
        scenario.build_model(catalog.load_design(slug), None, kind, np.empty(0, dtype=np.int64))
        for slug in catalog.slugs()
        for kind in ("design", "reference")
    ]


def test_twenty_identical_workers_are_one_symbol() -> None:
    assert words(balanced(20)).count("api × 20") == 2, "once in the topology, once in the flow"
    nodes = topology(balanced(20), Collapsed(balanced(20))).nodes
    assert [node.name for node in nodes] == ["requests", "front", "api × 20", "database"]


def test_a_worker_that_is_used_unlike_the_others_is_shown_on_its_own() -> None:
    nodes = topology(model := balanced(3, also="api-2"), Collapsed(model)).nodes
    assert {"api-1", "api-2", "api-3"} <= {node.name for node in nodes}


def test_ways_of_different_servers_are_not_one() -> None:
    model = Model(
        "two",
        [Flow("get", [Branch([(0.5, [Serve("small", TIME)]), (0.5, [Serve("large", TIME)])])])],
        [Station("small", 1), Station("large", 8)],
    )
    assert {"small", "large"} <= set(words(model))


def test_the_busiest_part_is_the_first_thing_said() -> None:
    usage = Usage("at 100 requests/s", {"api-2": 0.3, "database": 0.724})
    said = words(balanced(3), usage)
    assert said[1] == "Busiest: database, 72 % (at 100 requests/s)."
    assert "72 % busy" in said
    assert "30 % busy at most" in said


def test_a_spawned_flow_starts_where_it_is_spawned() -> None:
    model = Model(
        "spawning",
        [Flow("get", [Serve("api", TIME), Spawn("click")]), Flow("click", [Serve("log", TIME)])],
        [Station("api"), Station("log")],
    )
    links = topology(model, Collapsed(model)).links
    assert [(k.start.name, k.end.name, k.flow, k.waits) for k in links] == [
        ("requests", "api", "get", True),
        ("api", "log", "click", False),
    ]


def test_a_way_back_is_no_link_and_who_releases_is_where_he_took_the_slot() -> None:
    steps: list[Step] = [
        Serve("api", TIME),
        Hold("pool"),
        Serve("database", TIME),
        Release("pool"),
        Serve("cache", TIME),
        Serve("api", TIME),
    ]
    stations = [Station(name) for name in ("api", "database", "cache")]
    model = Model("calls", [Flow("get", steps)], stations, [Pool("pool", 5)])
    pairs = [(link.start.name, link.end.name) for link in topology(model, Collapsed(model)).links]
    assert pairs == [("requests", "api"), ("api", "pool"), ("pool", "database"), ("api", "cache")]


def test_protection_is_a_frame_with_its_words() -> None:
    model = Model("guarded", [Flow("get", [Timeout(Constant(0.05), [Serve("api", TIME)])])], [Station("api")])
    assert "time-out after 50 ms, abandoned work goes on" in words(model)


def test_only_one_flow_is_drawn_if_it_is_named() -> None:
    model = balanced(3, also="database")
    assert "maintain" not in words(model, flow="get")
    with pytest.raises(InvalidInput, match="there are: get, maintain"):
        draw(model, flow="put")


def long_tandem() -> Model:
    stations = [Station(f"stage {number}") for number in range(20)]
    return Model("tandem", [Flow("get", [Serve(station.name, TIME) for station in stations])], stations)


def fork_join() -> Model:
    parts = [[Serve(f"shard-{number}", Exponential(0.01 * (number + 1)))] for number in range(6)]
    stations = [*(Station(f"shard-{number}", 2) for number in range(6)), Station("merge")]
    return Model("fork-join", [Flow("get", [Fork(parts, wait_for=4), Serve("merge", TIME)])], stations)


@pytest.mark.parametrize("model", [*designs(), balanced(20), long_tandem(), fork_join()], ids=lambda model: model.name)
def test_no_text_lies_over_another_and_all_fit_the_width(model: Model) -> None:
    used = {station.name: 0.5 for station in model.stations}
    picture = draw(model, Usage("at 1,000 requests/s", used))
    boxes = [box(shape) for shape in picture.canvas.shapes if isinstance(shape, Text) and shape.words]
    over = [(a[0], b[0]) for a, b in combinations(boxes, 2) if overlap(a[1:], b[1:])]
    assert over == []
    assert picture.width == 1280, "readable without shrinking"
    assert all(left >= 0 and right <= picture.width for _, left, _, right, _ in boxes)


def box(text: Text) -> tuple[str, float, float, float, float]:
    width = text_width(text.words, text.size, text.bold) * 0.9
    left = text.at[0] - {"start": 0.0, "middle": width / 2, "end": width}[text.anchor]
    return text.words, left, text.at[1] - 0.75 * text.size, left + width, text.at[1] + 0.2 * text.size


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_names_are_escaped_and_the_same_model_gives_the_same_bytes() -> None:
    model = Model('<"a" & b>', [Flow("get", [Serve("<s>&", TIME)])], [Station("<s>&")])
    svg = draw(model).svg()
    texts = [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert '<"a" & b>' in texts
    assert "<s>&" in texts
    assert draw(model).svg() == svg == model._repr_svg_()


def test_png_is_the_same_picture_in_pixels() -> None:
    assert draw(balanced(2)).png().startswith(b"\x89PNG")


def test_the_command_draws_from_a_run_folder(tmp_path: Path) -> None:
    rows = [{"name": "api-local-1", "utilisation": 0.41}]
    folder = tmp_path / "run"
    saved(folder, rows)
    out = tmp_path / "out.svg"
    draw_command("url_shortener", out=out, folder=folder, deployment="reference")
    assert "Busiest: api-local-1, 41 %" in out.read_text()


def saved(folder: Path, rows: list[dict[str, object]]) -> None:
    from sdlab.runs import new_run  # noqa: PLC0415

    with new_run("simulation", "url_shortener", seed=1, command="test", runs=folder.parent / "runs") as run:
        run.write_json("stations", rows)
    run.folder.rename(folder)


def test_options_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"must end in .svg or .png"):
        draw_command("url_shortener", out=tmp_path / "picture.pdf", no_run=True)
    with pytest.raises(InvalidInput, match="does not go with --no-run"):
        draw_command("url_shortener", rate=5.0, no_run=True)
    folder = tmp_path / "run"
    saved(folder, [])
    (folder / "stations.json").write_text(json.dumps(None)[:2])
    with pytest.raises(InvalidInput, match=r"no readable stations.json"):
        draw_command("url_shortener", folder=folder, out=tmp_path / "a.svg")
