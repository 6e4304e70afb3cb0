"""The body as pictures show it, and the sensors' axes beside their names."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation

from anymo import body, plots
from anymo.plots import placements
from anymo.skeleton import INDEX, PLACEMENTS


def test_arms_are_lowered_and_the_sensors_go_with_them(anny_adult):
    names = ["left wrist", "right hand", "chest"]
    worn = [anny_adult.placement(name) for name in names]
    vertices, points, axes = body.standing(anny_adult, worn)
    assert np.ptp(vertices[:, 1]) < 0.75 * np.ptp(anny_adult.vertices[:, 1])
    for point in points:
        assert np.linalg.norm(vertices - point, axis=1).min() < 0.01
    assert axes[0][2, 0] < -0.8  # along the forearm is down
    assert axes[0][1, 2] > 0.8  # the watch face looks outward
    assert points[0][1] > 0 > points[1][1]
    np.testing.assert_allclose(axes[2], worn[2].rotation)
    np.testing.assert_allclose(
        points[2] - worn[2].offset_m, anny_adult.joint_position[INDEX["T8"]], atol=1e-9
    )


def test_every_name_is_shown_once_with_its_axes_and_none_overlap(anny_adult):
    names = list(PLACEMENTS)
    vertices, points, axes_world = body.standing(anny_adult, [anny_adult.placement(n) for n in names])
    figure = plots.body_placements(vertices, anny_adult.faces, points, names, axes_world)
    shown = [t for axes in figure.axes for t in axes.texts if t.get_text()]
    assert sorted(t.get_text().replace("\n", " ") for t in shown) == sorted(names)
    arrows = [t for axes in figure.axes for t in axes.texts if isinstance(t, Annotation) and t.arrow_patch]
    assert 2 * len(names) <= len(arrows) <= 3 * len(names)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [t.get_window_extent(renderer) for t in shown]
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert not any(a.overlaps(b) for a, b in pairs)
    inside = figure.bbox
    assert all(inside.x0 <= b.x0 and b.x1 <= inside.x1 and b.y1 <= inside.y1 for b in boxes)


def test_axes_are_seen_from_the_right_side():
    front, back = (placements._as_seen(np.eye(3)[None], sign)[0] for sign in (1.0, -1.0))
    np.testing.assert_array_equal(front, [[0, 0, 1], [1, 0, 0], [0, 1, 0]])  # x towards the viewer, y right
    np.testing.assert_array_equal(back, [[0, 0, -1], [-1, 0, 0], [0, 1, 0]])
