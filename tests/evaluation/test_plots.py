import base64
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from anymo import plots
from anymo.plots import placements
from anymo.records import Gravity, SensorStream


def stream(rate_hz: float, *, gyro: bool = True, gravity: Gravity = "included") -> SensorStream:
    wave = np.sin(np.arange(100) / rate_hz)[:, None] * np.ones(3)
    valid = np.arange(100) % 10 != 0
    return SensorStream(
        acc=np.where(valid[:, None], wave, np.nan),
        gyro=wave if gyro else None,
        valid=valid,
        rate_hz=rate_hz,
        placement="left wrist",
        gravity=gravity,
    )


def texts(figure: Figure) -> set[str]:
    return {t.get_text() for t in figure.findobj(Text) if isinstance(t, Text)}


def test_png_data_uri_is_a_png() -> None:
    uri = plots.png_data_uri(plots.confusion(np.eye(2, dtype=int), ["sit", "walk"]))
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data)[:8] == b"\x89PNG\r\n\x1a\n"


def test_signal_pair_shares_scales_and_names_units() -> None:
    figure = plots.signal_pair(stream(50.0), stream(100.0))
    left, right = figure.axes[:2]
    assert left.get_ylim() == right.get_ylim()
    assert "acceleration, m/s²\n(gravity included)" in texts(figure)
    assert np.isnan(left.get_lines()[0].get_ydata()).sum() == 10


def test_signal_pairs_share_scales_by_what_is_drawn() -> None:
    far = replace(stream(50.0), acc=5 * stream(50.0).acc)
    figure = plots.signal_pairs(
        [plots.SignalPair(stream(50.0), far), plots.SignalPair(far, stream(50.0), "a", "b")]
    )
    assert len(figure.axes) == 8
    acc, gyro = ([figure.axes[k] for k in rows] for rows in ((0, 1, 4, 5), (2, 3, 6, 7)))
    assert len({axes.get_ylim() for axes in acc}) == len({axes.get_ylim() for axes in gyro}) == 1
    assert acc[0].get_ylim()[1] > 4 * gyro[0].get_ylim()[1]
    assert {"Recorded: left wrist", "Simulated: left wrist", "a: left wrist", "b: left wrist"} <= texts(
        figure
    )


def test_signal_pair_without_gyroscopes_has_one_row() -> None:
    assert len(plots.signal_pair(stream(50.0, gyro=False), stream(50.0, gyro=False)).axes) == 2
    mixed = plots.signal_pair(stream(50.0, gyro=False), stream(50.0, gravity="removed"))
    assert {"no gyroscope", "acceleration, m/s²\n(gravity differs)"} <= texts(mixed)


def test_moments_have_a_row_for_each_recording_found() -> None:
    found = [("b", 10.0, 15.0, 0.4), ("a", 0.0, 5.0, 0.9), ("b", 20.0, 25.0, 0.6)]
    rows, scale = plots.moments(found, {"a": 60.0, "b": 30.0, "unfound": 9.0}, title="walks").axes
    assert [label.get_text() for label in rows.get_yticklabels()] == ["b", "a"]
    (dots,) = rows.collections
    assert np.asarray(dots.get_offsets()).tolist() == [[12.5, 0], [22.5, 0], [2.5, 1]]  # the best on top
    assert np.asarray(dots.get_array()).tolist() == [0.4, 0.6, 0.9]
    assert [bar.get_width() for bar in rows.patches] == [30.0, 60.0]
    assert scale.get_ylabel() == "similarity"


def test_body_shows_each_sensor_once_where_it_can_be_seen() -> None:
    box = np.array([[x, y, z] for x in (-0.1, 0.1) for y in (-0.3, 0.3) for z in (0.0, 1.7)])
    faces = np.array([[4, 6, 7, 5], [0, 1, 3, 2]])  # front and back, counter-clockwise from outside
    points = np.array([[0.1, 0.1, 1.0], [-0.1, 0.1, 1.0]])
    front, back = plots.body_placements(box, faces, points, ["chest", "upper back"]).axes
    assert [t.get_text() for t in front.texts] == ["chest"]
    assert [t.get_text() for t in back.texts] == ["upper back"]
    # the person's left is on the viewer's right from the front, and on the left from the back
    assert front.texts[0].get_position()[0] > 0 > back.texts[0].get_position()[0]


def test_names_do_not_overlap() -> None:
    heights = np.array([0.0, 0.01, 0.02, 0.03])
    spread = placements._spread(heights, np.full(4, 0.1))
    assert np.diff(spread).min() >= 0.1 - 1e-12
    assert spread.mean() == pytest.approx(heights.mean())


def test_confusion_prints_counts_of_an_absent_class_too() -> None:
    figure = plots.confusion(np.array([[3, 1], [0, 0]]), ["sit", "walk"])
    assert {"3", "1", "sit (4)", "walk (0)"} <= texts(figure)


def test_embedding_map_names_each_activity_once_in_the_legend() -> None:
    labels = [f"activity {i}" for i in range(12)] * 2
    xy = np.random.default_rng(0).normal(size=(24, 2))
    figure = plots.embedding_map(xy, labels, np.arange(24) >= 12)
    assert len(figure.legends[0].get_texts()) == 13


def test_loss_curves_hide_unused_panels() -> None:
    history = {name: [(0, 2.0), (1, 1.0)] for name in "abcd"}
    visible = [axes.get_visible() for axes in plots.loss_curves(history).axes]
    assert visible == [True] * 4 + [False] * 2


def test_global_style_is_left_alone() -> None:
    from matplotlib import rcParams

    before = dict(rcParams)
    plots.loss_curves({"a": [(0, 1.0)]})
    assert dict(rcParams) == before


def legend(spans: list[tuple[float, float, str]]) -> tuple[list[str], int]:
    (found,) = plots.label_timeline(stream(50.0), spans, title="Captions").legends
    return [t.get_text() for t in found.get_texts()], found._ncols


def test_a_timeline_names_labels_side_by_side_and_sentences_below_each_other() -> None:
    assert legend([(0.0, 1.0, "walking"), (1.0, 2.0, "running")]) == (["walking", "running"], 5)
    sentences = [f"a person walks for the time number {k}" for k in range(30)]
    spans = [(float(k), k + 1.0 + (k >= 6), said) for k, said in enumerate(sentences)]
    assert legend(spans) == ([*sentences[6:], "6 more, not named here"], 1)  # those that last longest
    assert "Captions: left wrist" in {
        axes.get_title(loc="left")
        for axes in plots.label_timeline(stream(50.0), spans, title="Captions").axes
    }


def test_label_efficiency_joins_amounts_of_one_kind_alone() -> None:
    curve = dict.fromkeys(("1", "10", "25 %", "100 %"), (0.5, 0.4, 0.6))
    panels = {"one": {"probe": curve, "forest": {"10": (0.3, 0.2, 0.4)}}, "one, virtual": {"forest": curve}}
    kinds = [["1", "10"], ["25 %", "100 %"]]
    figure = plots.label_efficiency(panels, kinds, dict.fromkeys(panels, 0.25), "macro-F1")
    axes, virtual = figure.axes
    forest = [container[0].get_color() for container in (*axes.containers[-1:], *virtual.containers)]
    assert len(set(forest)) == 1  # of one colour in all panels
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "10", "25 %", "100 %"]
    joined = [[round(x) for x in container[0].get_xdata()] for container in axes.containers]
    assert joined == [[0, 1], [2, 3], [1]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["chance", "probe", "forest"]
