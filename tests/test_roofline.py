"""The roofline picture: labels apart, the same bytes each time, and no text of others is markup."""

import math
import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfdsl.present import roofline as module
from perfdsl.present.roofline import Bandwidth, Point, Roof, Roofline, draw, picture, refused
from perfdsl.present.roofline_figure import figure, own_settings, rate
from perfdsl.present.roofline_key import NAMED, extent, shown
from perfdsl.present.roofline_labels import Box, Label, along, around, centred, first_free

ROOFS = (
    Roof("vpdpbusd", 1040e9, "int8"),
    Roof("vdpbf16ps", 517e9, "bf16"),
    Roof("fma", 260e9, "fp32"),
)
LEVELS = (
    Bandwidth("L1", 1024e9),
    Bandwidth("L2", 495e9),
    Bandwidth("L3", 210e9),
    Bandwidth("DRAM", 60e9),
)
NAMES = ("attn_q", "attn_k", "attn", "ffn_gate", "ffn_down", "dense_2", "output_norm", "token_embd")


def points(cases, names=NAMES):
    found = []
    for tokens in cases:
        for number, name in enumerate(names):
            intensity = tokens * (0.9 + 0.1 * number) if number % 3 else 0.3 + number / 10
            ceiling = min(1040e9, intensity * (60e9 if number % 2 else 210e9))
            reached = 0.5 + 0.05 * number
            found.append(Point(name, intensity, reached * ceiling, ceiling, f"{tokens} tokens"))
    return tuple(found)


FEW = Roofline("EmbeddingGemma in Q8_0", ROOFS, LEVELS, points([1, 65]), traffic="B from DRAM")
MANY = Roofline("EmbeddingGemma in Q8_0", ROOFS, LEVELS, points([1, 12, 65, 256, 512]))
PILE = Roofline("A pile", ROOFS, LEVELS, points([7] * 3))  # three points at each place
CLOSE = tuple(Roof(f"port {n}", 1e12 * 1.01**n, "") for n in range(5))
NEAR = Roofline("Roofs within 1 %", CLOSE, LEVELS[:1], ())
EVIL = "\x1b[31m\u202e $x^2$ --><script>alert(1)</script><!-- &lt; ]]> \N{SNOWMAN} 字 " + "W" * 500
HOSTILE = Roofline(
    EVIL,
    (Roof(EVIL, 1e12, EVIL),),
    (Bandwidth(EVIL, 1e11),),
    tuple(Point(f"{n}{EVIL}", 1.0 + n, 1e9, 2e9, f"{n}{EVIL}") for n in range(9)),
    unit=EVIL,
    traffic=EVIL,
)
ALL = {"few": FEW, "many": MANY, "pile": PILE, "near": NEAR, "hostile": HOSTILE}


@pytest.fixture(autouse=True)
def settings_of_pictures():
    with own_settings():
        yield


def texts(found):
    """All texts of a figure that say something, and the boxes that they take, in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    FigureCanvasAgg(found).draw()
    for each in found.findobj(Text):
        if each.get_text().strip() and each.get_visible() and each.get_rotation() % 90 == 0:
            box = extent(each)
            yield each.get_text(), Box(box.x0, box.y0, box.x1, box.y1)


@pytest.mark.parametrize("name", ALL)
def test_no_label_covers_another_and_none_leaves_the_picture(name):
    """As matplotlib measures them; labels along slopes are judged by what was taken for them."""
    made = figure(ALL[name])
    found = [(text, box) for text, box in texts(made) if not outside_the_axes(made, box)]
    whole = Box(0, 0, made.bbox.width, made.bbox.height)
    assert len(found) > 3
    for text, box in found:
        assert box.inside(whole), text
    for (one, first), (other, second) in combinations(found, 2):
        assert not first.covers(second), (one, other)


@pytest.mark.parametrize("name", ALL)
def test_labels_of_limits_and_points_stay_within_the_axes(name):
    """Beside them is the key, with marks of its own."""
    made = figure(ALL[name])
    (axes,) = made.axes
    area = axes.get_window_extent()
    frame = Box(area.x0, area.y0, area.x1, area.y1)
    inside = [each for each in axes.texts if each.get_text()]
    assert len(inside) >= len(ALL[name].roofs) + len(ALL[name].bandwidths)
    for each in inside:
        box = extent(each)
        assert Box(box.x0, box.y0, box.x1, box.y1).inside(frame), each.get_text()


def outside_the_axes(made, box):
    """Labels of ticks beyond the axes' ends: matplotlib keeps them, and does not draw them."""
    (axes,) = made.axes
    area = axes.get_window_extent()
    return box.right < 0 or box.high < 0 or box.left > made.bbox.width or (
        box.high > made.bbox.height or (box.right < area.x0 and not area.y0 - 9 < box.low < area.y1)
    )  # fmt: skip


@pytest.mark.parametrize("name", ["few", "many", "pile"])
def test_each_point_and_each_limit_has_its_label(name):
    """By name, or by number with the name in the key, where there are many."""
    roofline = ALL[name]
    found = [text for text, _ in texts(figure(roofline))]
    drawn = roofline.drawable()
    if len(drawn) > NAMED:
        assert {f"{n}  {each}" for n, each in enumerate(NAMES, 1)} <= set(found)
        assert all(found.count(str(n)) >= 3 for n in range(1, len(NAMES) + 1))
    else:
        assert sorted(t for t in found if t in NAMES) == sorted(each.name for each in drawn)
    assert {each.case for each in drawn} <= set(found)
    assert "vdpbf16ps (bf16)  517 GMAC/s" in found


def test_what_is_drawn_lies_where_it_is():
    """Lines, read back from the figure in data coordinates: roofs, slopes, points, ceilings."""
    (axes,) = figure(FEW).axes
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()]
    for roof in ROOFS:
        assert any(ys == [roof.rate] * 2 and xs[0] == roof.rate / 1024e9 for xs, ys in lines)
    for level in LEVELS:
        slopes = [
            (xs, ys) for xs, ys in lines if len(xs) == 2 and ys[1] == 1040e9 and xs[1] != xs[0]
        ]
        assert any(
            math.isclose(y, x * level.rate) and math.isclose(ys[1], xs[1] * level.rate)
            for xs, ys in slopes for x, y in zip(xs, ys, strict=True)
        )  # fmt: skip
    for point in FEW.points:
        assert ([point.intensity], [point.measured]) in lines
        assert ([point.intensity], [point.ceiling]) in lines
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        assert left < point.intensity < right
        assert low < point.measured <= point.ceiling < high


@pytest.mark.parametrize("name, form", [("hostile", "svg"), ("few", "png")])
def test_a_picture_is_the_same_bytes_each_time(name, form):
    assert picture(ALL[name], form) == picture(ALL[name], form)


SETTINGS = """
import sys
import matplotlib
matplotlib.rcParams.update({"lines.linewidth": 9, "font.size": 40, "svg.hashsalt": "x"})
from perfdsl.present.roofline import picture
from tests.test_roofline import FEW
sys.stdout.buffer.write(picture(FEW, "svg"))
assert matplotlib.rcParams["font.size"] == 40
"""


def test_it_is_the_same_in_another_process_whatever_is_set_there():
    """Other random names, other settings for other pictures, which stay as they are."""
    run = subprocess.run(
        [sys.executable, "-c", SETTINGS], capture_output=True, check=True, timeout=300
    )
    assert run.stdout == picture(FEW, "svg")
    assert b"<dc:date>" not in run.stdout


def test_no_text_is_markup():
    """Outlines only: no script, no link out, nothing of a name but in a comment made harmless."""
    content = picture(HOSTILE, "svg")
    tree = ET.fromstring(content)  # noqa: S314 - we have just written it
    tags = {each.tag.rpartition("}")[2] for each in tree.iter()}
    assert tags <= {
        "svg", "metadata", "RDF", "Work", "type", "format", "title", "creator", "Agent", "defs",
        "style", "g", "path", "use", "clipPath", "rect",
    }  # fmt: skip
    links = [value for each in tree.iter() for key, value in each.attrib.items() if "href" in key]
    assert all(link.startswith("#") for link in links)
    assert b"<script" not in content
    assert b"\x1b" not in content
    assert "\u202e".encode() not in content


def test_names_are_cut_and_their_signs_are_no_formulas():
    assert shown("a$b$c") == "a$b$c"
    assert len(shown(EVIL)) == 32
    assert "x^2" in shown("$x^2$")
    assert picture(Roofline("$\\frac{", ROOFS, LEVELS, ()), "svg")


def test_points_without_a_place_are_named_in_the_key():
    """Infinite intensity, nothing moved, no time: on logarithmic axes they are nowhere."""
    lost = [
        Point("rope", math.inf, 1e9, 1e9, "a"),
        Point("norm", 0.0, 1e9, 1e9, "a"),
        Point("pool", 1.0, 0.0, 1e9, "a"),
        Point("scale", 1.0, 1e9, math.nan, "a"),
    ]
    roofline = Roofline("", ROOFS, LEVELS, (*points([1]), *lost))
    assert [each.name for each in roofline.left_out()] == ["rope", "norm", "pool", "scale"]
    found = {text for text, _ in texts(figure(roofline))}
    assert {"rope", "norm", "pool", "scale", "without work or traffic:"} <= found


def test_a_roofline_without_limits_is_refused():
    for roofs, levels in (((), LEVELS), (ROOFS, ()), ((Roof("x", 0.0, ""),), LEVELS)):
        with pytest.raises(ValueError, match="needs roofs and bandwidths"):
            picture(Roofline("", roofs, levels, ()), "svg")


def test_a_picture_is_written_by_its_suffix(tmp_path):
    for name, begin in (("a.svg", b"<?xml"), ("b.PNG", b"\x89PNG")):
        assert refused(tmp_path / name) is None
        draw(FEW, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)
    found = refused(tmp_path / "c.pdf")
    assert found is not None
    assert "a picture ends in .svg or .png" in found.title


def test_a_missing_library_is_told_before_anything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    found = refused(tmp_path / "a.svg")
    assert found is not None
    assert found.code == "P856"
    assert "perfdsl[plot]" in (found.help or "")


def test_rates_have_the_prefix_that_reads_best():
    assert rate(1.04e12, "MAC/s") == "1.04 TMAC/s"
    assert rate(60e9, "B/s") == "60 GB/s"
    assert rate(999.0, "B/s") == "999 B/s"
    assert rate(0.1, "") == "0.1"


# -------------------------------------------------------------------------- labels alone

places = st.floats(0, 400)
sizes = st.tuples(st.floats(5, 60), st.floats(5, 15))


@given(st.lists(st.tuples(places, places, sizes), min_size=1, max_size=25))
@settings(max_examples=20)
def test_labels_find_places_that_cover_nothing(wanted):
    """However crowded the points are: there is room further away."""
    frame = Box(-1500, -1500, 1900, 1900)
    taken = [centred(x, y, 9, 9) for x, y, _ in wanted]
    for x, y, size in wanted:
        place = first_free(around(x, y, size, 6.0), taken, frame)
        assert place is not None
        taken += place.boxes()
    placed = taken[len(wanted) :]
    assert not any(one.covers(other) for one, other in combinations(placed, 2))


def test_a_turned_label_takes_its_strip_and_not_the_corners():
    """Its ends and its middle are taken; the corners of the upright box around it are free."""
    label = Label(0, 0, 100, 10, math.pi / 4)
    boxes = label.boxes()
    for share in (-0.49, 0.0, 0.49):
        at = centred(100 * share * math.sqrt(0.5), 100 * share * math.sqrt(0.5), 1, 1)
        assert any(box.covers(at) for box in boxes)
    assert not any(box.covers(centred(30, -30, 10, 10)) for box in boxes)


def test_labels_of_a_line_stay_between_its_ends():
    found = list(along((0, 0), (100, 0), (60, 10), 0.9))
    assert found[0].x == pytest.approx(70)
    assert all(30 - 1e-9 <= each.x <= 70 + 1e-9 for each in found)
    assert {round(each.y) for each in found} == {7, -7}
    assert next(along((0, 0), (10, 0), (60, 10), 0.9)).x == 5
