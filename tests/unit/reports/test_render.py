from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from reports import render
from reports.build import build, measured_loads
from reports.collect import choose_study, read_study
from reports.document import Report, Table
from reports.style import THEMES, VARIABLES
from reports.verdict import Verdict
from tests.unit.reports.synthetic import SyntheticStudy

VOID = {"meta", "link", "br", "img", "rect", "hr"}


class Page(HTMLParser):
    """Checks nesting while it collects tags, ids and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())


@pytest.fixture(scope="session")
def page(whole: tuple[Report, Verdict]) -> Page:
    return Page(render.html(whole[0]))


def report_of(study: SyntheticStudy) -> Report:
    chosen = choose_study(study.slug, runs=study.runs)
    return build(read_study(chosen), measured_loads(chosen))[0]


def test_the_first_screen_has_title_verdict_numbers_and_the_figure_in_this_order(
    page: Page, whole: tuple[Report, Verdict]
) -> None:
    classes = [(tag, attributes.get("class")) for tag, attributes in page.tags]
    order = [classes.index(one) for one in (("h1", None), ("p", "verdict"), ("dl", "numbers"))]
    svg = [tag for tag, _ in page.tags].index("svg")
    table = [tag for tag, _ in page.tags].index("table")
    assert sorted([*order, svg, table]) == [*order, svg, table]
    assert whole[1].sentence in page.text
    assert len(whole[0].key_numbers) == 5


def test_the_page_asks_no_other_host_for_anything(page: Page) -> None:
    fetched = [value for _, attributes in page.tags for name in ("src", "href", "xlink:href", "srcset", "action")
               if (value := attributes.get(name))]  # fmt: skip
    assert [value for value in fetched if not re.match(r"#|data:,$|[\w.]+\.(html|md)$", value)] == []
    assert "script" not in {tag for tag, _ in page.tags}


def test_styles_fetch_nothing_and_every_colour_variable_is_defined(whole: tuple[Report, Verdict]) -> None:
    text = render.html(whole[0])
    assert "@import" not in text
    assert [url for url in re.findall(r"url\(([^)]*)\)", text) if not url.startswith("#")] == []
    used = set(re.findall(r"var\(--(\w+)\)", text))
    assert used <= {*VARIABLES.values(), "font"}
    assert not any(stand_in in text for stand_in in VARIABLES)


def test_ids_are_unique_and_every_reference_has_its_target(page: Page, whole: tuple[Report, Verdict]) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    text = render.html(whole[0])
    wanted = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text))
    assert {name for pair in wanted for name in pair if name} <= set(ids)


def test_every_figure_says_in_words_what_it_shows(page: Page, whole: tuple[Report, Verdict]) -> None:
    labels = [attributes.get("aria-label") or "" for tag, attributes in page.tags if tag == "svg"]
    assert len(whole[0].figures) == 7
    assert len(labels) == 14, "wide and narrow of each"
    assert all(len(label) > 40 for label in labels)


def test_every_table_has_a_caption_and_scoped_headers(page: Page) -> None:
    tags = [tag for tag, _ in page.tags]
    assert tags.count("caption") == tags.count("table") > 10
    assert all(attributes.get("scope") for tag, attributes in page.tags if tag == "th")


def test_every_number_of_the_design_appears_with_its_source(page: Page, whole_runs: Path) -> None:
    design = read_study(choose_study("paste_bin", runs=whole_runs)).design
    assert len(design.sources) > 20
    for path, source in design.sources.items():
        assert path in page.text
        assert source.text in page.text


def test_markup_in_a_designs_text_stays_text(page: Page, whole: tuple[Report, Verdict]) -> None:
    assert "Paste bin <test> & co" in page.text
    assert "mostly <b>read</b>" in page.text
    assert not {"test", "b"} & {tag for tag, _ in page.tags}
    text = render.markdown(whole[0])
    assert "mostly &lt;b&gt;read&lt;/b&gt;" in text
    assert r"a round 100 requests/s \| in the mean" in text
    assert r"the \*rest\*" in text


def test_an_invalid_window_is_never_shown_without_the_word(page: Page, whole: tuple[Report, Verdict]) -> None:
    text = page.text
    measured = [one.text for section in whole[0].sections if section.id == "comparison" for table in section.tables
                for rows in table.groups if "INVALID window" in rows.heading for row in rows.rows
                for one in (row[1], row[3])]  # fmt: skip
    assert len(measured) == 12
    assert all(cell.startswith("INVALID ") for cell in measured)
    assert "INVALID: the generator was 12 ms late at p99, more than 5 ms" in text
    wide = next(figure.wide for figure in whole[0].figures if figure.name == "latency")
    assert len(re.findall(r">INVALID<", wide)) == 3, "p50, p95 and p99 of the one window"


def test_rendering_again_gives_the_same_bytes(whole: tuple[Report, Verdict], whole_runs: Path, tmp_path: Path) -> None:
    chosen = choose_study("paste_bin", runs=whole_runs)
    again = build(read_study(chosen), measured_loads(chosen))
    written: list[dict[str, bytes]] = []
    for name, one in (("a", whole), ("b", again)):
        render.write([one], tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        written.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert written[0] == written[1]
    assert {"paste_bin.html", "paste_bin.md", "paste_bin.json", "index.html", "index.md"} < set(written[0])
    assert not [name for name in written[0] if ".partial" in name]


def test_links_of_markdown_resolve_and_each_figure_file_is_whole_in_both_themes(
    whole: tuple[Report, Verdict], tmp_path: Path
) -> None:
    render.write([whole], tmp_path)
    for name in ("paste_bin.md", "index.md"):
        text = (tmp_path / name).read_text()
        links = re.findall(r'\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"', text)
        targets = {target for pair in links for target in pair if target}
        assert targets
        assert [target for target in targets if not (tmp_path / target).is_file()] == []
    figures = sorted((tmp_path / "figures").iterdir())
    assert len(figures) == 14
    for path in figures:
        root = ElementTree.fromstring(path.read_text())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("aria-label")
        theme = THEMES["dark" if ".dark" in path.name else "light"]
        assert theme["#040404"] in path.read_text(), "an opaque ground"


def test_markdown_tables_have_as_many_cells_in_each_row(whole: tuple[Report, Verdict]) -> None:
    width = 0
    for line in render.markdown(whole[0]).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert cells == width or not cells or not width
        width = cells


def test_both_forms_show_every_number(page: Page, whole: tuple[Report, Verdict]) -> None:
    text = render.markdown(whole[0])
    for section in whole[0].sections:
        for table in section.tables:
            for rows in table.groups:
                for row in rows.rows:
                    for one in row:
                        assert " ".join(one.text.split()) in page.text
                        assert one.text in text or render.markdown_text(one.text) in text


def test_the_index_keeps_designs_that_were_written_before(whole: tuple[Report, Verdict], tmp_path: Path) -> None:
    _, verdict = whole
    render.write([whole], tmp_path)
    other = Report("chat", "Chat", "", "Nothing known.", "", ())
    render.write([(other, verdict)], tmp_path)
    index = (tmp_path / "index.html").read_text()
    assert 'href="paste_bin.html"' in index
    assert 'href="chat.html"' in index


@pytest.mark.parametrize(("part", "section", "command"), [
    ("load_test", "day", "./lab simulate paste_bin"),
    ("load_test", "breakdown", "./lab simulate paste_bin"),
    ("load_test", "capacity", "./lab capacity paste_bin"),
    ("load_test", "cache", "./lab run"),
    ("day", "comparison", "./lab run"),
    ("day", "latency", "./lab run"),
    ("day", "assumptions", "./lab run"),
])  # fmt: skip
def test_a_missing_part_names_the_command_that_fills_it(
    tmp_path: Path, part: str, section: str, command: str, reports_of_one_part: dict[str, Report]
) -> None:
    found = next(one for one in reports_of_one_part[part].sections if one.id == section)
    assert f"`{command}`" in " ".join([found.gap, *found.text])
    assert found.figure is None or part == "load_test"
    Page(render.html(reports_of_one_part[part]))


@pytest.fixture(scope="session")
def reports_of_one_part(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    measured, simulated = (SyntheticStudy(tmp_path_factory.mktemp(name)) for name in ("measured", "simulated"))
    measured.pair(100, 0.01, 0.01)
    with simulated.run("simulation", {"mode": "day", "calibration": "assumed"}) as run:
        run.write_json("summary", [])
    return {"load_test": report_of(measured), "day": report_of(simulated)}


def test_overridden_values_are_marked(study: SyntheticStudy) -> None:
    study.overrides = ["cost.api_worker_usd_per_hour=1.5"]
    study.capacity(100)
    section = next(one for one in report_of(study).sections if one.id == "assumptions")
    row = next(row for table in section.tables for rows in table.groups for row in rows.rows
               if row[0].text == "cost.api_worker_usd_per_hour")  # fmt: skip
    assert [cell.text for cell in row[1:]] == ["1.5", "overridden", "--set cost.api_worker_usd_per_hour=1.5"]
    assert "1 overridden for these runs" in section.text[0]


def test_the_clients_floor_stands_beside_the_clients_calibrated_time(study: SyntheticStudy) -> None:
    study.calibration()
    floor, calibrated = clients_table(study).groups
    assert [[cell.text for cell in row] for row in (*floor.rows, *calibrated.rows)] == [
        ["null endpoint, from the send to the answer", "0.210 ms ± 10.0 µs", "0.190 ms", "0.400 ms", "300"],
        ["of it the endpoint's own CPU", "30.0 µs", "–", "–", "300"],
        ["the client's floor: the rest", "0.180 ms", "–", "–", "300"],
        ["beside it: how late it was sent", "–", "60.0 µs", "0.120 ms", "300"],
        ["read", "0.240 ms", "0.230 ms", "0.293 ms", "900"],
    ]


def test_a_floor_of_an_invalid_window_is_not_shown_without_the_word(study: SyntheticStudy) -> None:
    study.calibration(floor_invalid=("the generator was late",))
    table = clients_table(study)
    assert all(cell.text in ("–", "300") or "INVALID " in cell.text for row in table.groups[0].rows for cell in row[1:])
    assert table.note.endswith(" INVALID: the generator was late.")


def clients_table(study: SyntheticStudy) -> Table:
    section = next(one for one in report_of(study).sections if one.id == "assumptions")
    return next(table for table in section.tables if table.caption.startswith("What the client"))


def test_a_broken_law_is_named(study: SyntheticStudy) -> None:
    with study.run("simulation", {"mode": "day"}) as run:
        run.write_json("summary", [])
        broken = {"law": "Little's law", "station": "api-1", "left": 2.0, "right": 3.0, "relative_difference": 0.33}
        held = {"law": "Little's law", "station": "api-2", "left": 2.0, "right": 2.0, "relative_difference": 0.0}
        run.write_json("checks", [{**broken, "ok": False}, {**held, "ok": True}])
    section = next(one for one in report_of(study).sections if one.id == "checks")
    assert section.text == ("1 of 2 do NOT hold.",)
    assert [cell.text for cell in section.tables[1].groups[0].rows[0]][:2] == ["Little's law", "api-1"]


def test_a_cache_sized_by_bytes_is_shown_with_its_bytes(study: SyntheticStudy) -> None:
    cache = {"name": "videos", "policy": "lru", "lookups": 10, "hits": 5, "hit_ratio": 0.5}
    with study.run("simulation", {"mode": "day"}) as run:
        run.write_json("summary", [])
        sizes: list[dict[str, int | None]] = [
            {"capacity_entries": None, "capacity_bytes": 2_000_000},
            {"capacity_entries": 300},
        ]
        run.write_json("caches", [{**cache, **size} for size in sizes])
    section = next(one for one in report_of(study).sections if one.id == "cache")
    assert [row[1].text for row in section.tables[0].groups[0].rows] == ["2,000,000 bytes", "300 entries"]
