"""The figures show the data they were given, and can be drawn without warnings or a display."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

import minicnn
from minicnn import Tensor, figures
from minicnn.datasets.scenes.dataset import Scenes
from minicnn.images.colour import RGB_TO_YUV
from minicnn.images.labels import VOID
from minicnn.learning.metrics import Confusion
from minicnn.models.multi_scale import MultiScale, SingleScale

RECORDS = [
    {"step": 10, "loss": 2.0, "accuracy": 0.2, "rate": 0.01, "pictures_per_second": 3.0},
    {"step": 20, "loss": 1.0, "accuracy": 0.5, "rate": 0.01, "pictures_per_second": 3.0},
    {"step": 20, "val_accuracy": 0.45, "val_class_accuracy": 0.3, "val_iou": 0.2},
    {"step": 30, "loss": 0.9, "accuracy": 0.6, "rate": 0.01, "pictures_per_second": 3.0},
    {"step": 40, "val_accuracy": 0.40, "val_class_accuracy": 0.35, "val_iou": 0.2},
]


@pytest.fixture(scope="module")
def pictures():
    return list(Scenes(size=(48, 64), test=3).split("test"))


def drawn(figure):
    """The figure, after it has really been drawn: layout and fonts only complain then."""
    assert isinstance(figure, Figure)
    figure.savefig(io.BytesIO(), format="png")
    return figure


def texts(figure):
    return [t.get_text() for axes in figure.axes for t in (axes.title, axes._left_title)]


def images(axes):
    return [np.asarray(image.get_array()) for image in axes.get_images()]


def test_curves_show_training_and_validation():
    losses, accuracies = drawn(figures.curves(RECORDS, "my run")).axes
    (line,) = losses.lines
    assert line.get_xydata().tolist() == [[10, 2.0], [20, 1.0], [30, 0.9]]
    training, validation, classes = accuracies.lines
    assert training.get_ydata().tolist() == [0.2, 0.5, 0.6]
    assert validation.get_xydata().tolist() == [[20, 0.45], [40, 0.40]]
    assert classes.get_ydata().tolist() == [0.3, 0.35]
    assert "45.0% at step 20" in accuracies.get_title()


@pytest.mark.parametrize("records", [[], RECORDS[:2], RECORDS[2:3]])
def test_curves_of_a_log_without_one_kind_of_record(records):
    assert len(drawn(figures.curves(records)).axes) == 2


def test_prediction_sheet_shows_input_truth_and_prediction(pictures):
    predictions = [p.labels.copy() for p in pictures]
    predictions[1] = (predictions[1] + 1) % 8
    predictions[2][:24] = (predictions[2][:24] + 1) % 8  # the upper half is wrong
    sheet = drawn(figures.prediction_sheet(pictures, predictions, Scenes.classes, Scenes.colours))
    assert len(sheet.axes) == 9
    assert np.array_equal(images(sheet.axes[0])[0], pictures[0].image)
    assert np.array_equal(images(sheet.axes[4])[0], Scenes.colours[pictures[1].labels])
    assert np.array_equal(images(sheet.axes[5])[0], Scenes.colours[predictions[1]])
    headings = [axes.get_title() for axes in sheet.axes]
    assert headings[:3] == ["input", "truth", "prediction: 100% right"]
    assert headings[5] == "0% right" and headings[8] == "50% right"
    (legend,) = sheet.legends
    assert [t.get_text() for t in legend.get_texts()] == list(Scenes.classes)


def test_compare_sheet_has_a_column_for_each_network_and_the_table(pictures):
    maps = [p.labels for p in pictures]
    table = [("algorithm", "pixel accuracy"), ("one", "66.0 %"), ("three", "78.8 %")]
    sheet = figures.compare_sheet(
        pictures[:2],
        {"one": maps[:2], "three": maps[:2]},
        Scenes.classes,
        Scenes.colours,
        "",
        table,
    )
    *cells, below = drawn(sheet).axes
    assert len(cells) == 8
    assert [a.get_title().split(":")[0] for a in cells[:4]] == ["input", "truth", "one", "three"]
    (made,) = below.tables
    assert made[2, 1].get_text().get_text() == "78.8 %"


def test_a_sheet_needs_a_prediction_for_each_picture(pictures):
    with pytest.raises(ValueError, match="one label map for each"):
        figures.prediction_sheet(pictures, [], Scenes.classes, Scenes.colours)


def test_accuracy_leaves_void_out():
    truth = np.array([[0, 1, VOID, VOID]])
    assert figures.accuracy(truth, np.array([[0, 0, 0, 1]])) == 0.5
    assert np.isnan(figures.accuracy(truth[:, 2:], truth[:, 2:]))


def test_names_are_written_where_their_class_is():
    labels = np.zeros((40, 60), np.uint8)
    labels[:, 30:] = 1
    labels[0, 0] = 2  # too small to be named
    axes = Figure().subplots()
    figures.sheets.write_names(axes, labels, ["sky", "tree", "car"])
    assert sorted(t.get_text() for t in axes.texts) == ["sky", "tree"]
    for text in axes.texts:
        x, y = (round(v) for v in text.get_position())
        assert ["sky", "tree"][labels[y, x]] == text.get_text()


def test_a_name_fits_into_its_picture_or_is_left_out():
    found = {}
    for inches in (4.0, 1.2, 0.7):
        figure = Figure(figsize=(inches, 3))
        axes = figure.add_axes([0, 0, 1, 1])
        axes.imshow(np.zeros((300, int(100 * inches))))
        labels = np.zeros((300, int(100 * inches)), np.uint8)
        figures.sheets.write_names(axes, labels, ["foreground object"])
        figure.canvas.draw()
        found[inches] = [t.get_text() for t in axes.texts]
        for text in axes.texts:
            box, room = text.get_window_extent(), axes.get_window_extent()
            assert room.x0 <= box.x0 and box.x1 <= room.x1
    assert found == {4.0: ["foreground object"], 1.2: ["foreground\nobject"], 0.7: []}


def test_confusion_figure_shows_rows_in_per_cent():
    confusion = Confusion(("sky", "tree", "cow"))
    confusion.add(np.array([[0, 0, 0, 0, 1]]), np.array([[0, 0, 0, 1, 1]]))
    (axes,) = drawn(figures.confusion_figure(confusion)).axes
    numbers = {tuple(map(int, t.get_position())): t.get_text() for t in axes.texts}
    assert numbers == {(0, 0): "75", (1, 0): "25", (1, 1): "100"}
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        "sky (80 %)",
        "tree (20 %)",
        "cow (0 %)",
    ]


@pytest.mark.parametrize("tables", ["full", "random"])
def test_filters_of_all_stages(tables):
    minicnn.manual_seed(0)
    network = MultiScale(8, width=0.25, tables=tables)
    sheet = drawn(figures.filters(network, most=20))
    assert len(sheet.axes) == 3
    titles = texts(sheet)
    assert "stage 1: 4 filters 7x7, in the colours that they answer to" in titles
    assert any(t.startswith("stage 3: the strongest 20 of") for t in titles)
    assert images(sheet.axes[0])[0].shape == (7, 16 * 8 - 1, 3)
    assert images(sheet.axes[1])[0].shape == (15, 16 * 8 - 1, 3)


def test_filters_on_edges_and_on_colours():
    sheet = figures.filters(SingleScale(8, width=0.25, normalise="both"))
    assert (
        "stage 1: 4 filters 7x7, in the colours that they answer to: to edges, then to areas"
        in (texts(sheet))
    )
    rows = images(sheet.axes[0])[0]
    assert rows.shape == (7, 16 * 8 - 1, 3)
    assert (rows[:, 8 * 8 :] == 1).all() and not (rows[:, 7 * 8 : 8 * 8 - 1] == 1).all()  # 8 tiles


def test_a_filter_on_brightness_is_grey_and_one_on_red_is_red():
    network = SingleScale(2, width=0.25)
    weight = network.stages.stages[0].weight.data
    weight[0] = 0
    weight[0, 0] = np.linspace(-1, 1, 49).reshape(7, 7)
    weight[1] = RGB_TO_YUV[:, 0][:, None, None]  # what a red patch is in Y, U and V
    sheet = images(figures.filters(network).axes[0])[0]
    grey, red = sheet[:, :7], sheet[:, 8:15]
    assert np.allclose(grey, grey[..., :1], atol=1e-4) and np.ptp(grey) > 0.9
    assert np.allclose(red, [1, 0.5, 0.5], atol=1e-4)


def test_a_network_without_filters_is_refused():
    with pytest.raises(ValueError, match="no convolution"):
        figures.filters(minicnn.nn.Linear(3, 4))


@pytest.mark.parametrize(("kind", "scales"), [(SingleScale, 1), (MultiScale, 3)])
def test_feature_maps_by_stage_and_scale(kind, scales, pictures):
    minicnn.manual_seed(0)
    network = kind(8, width=0.25)
    sheet = drawn(figures.feature_maps(network, pictures[0].image, most=8))
    assert len(sheet.axes) == 4 * scales
    assert np.array_equal(images(sheet.axes[0])[0], pictures[0].image)
    assert "stage 1: 4 of 4 maps 100x84" in texts(sheet)  # 64x48 and 2 x 21 - 6 around
    assert "stage 3: 8 of 64 maps 16x12" in texts(sheet)
    maps = images(sheet.axes[3])[0]
    assert maps.shape == (2 * 13 - 1, 4 * 17 - 1) and maps.min() == 0 and maps.max() == 1


def test_planes_are_shown_at_every_scale(pictures):
    levels = MultiScale(8, width=0.25).preprocess(pictures[0].image)
    sheet = drawn(figures.planes(levels, "YUV"))
    assert len(sheet.axes) == 9
    assert np.array_equal(images(sheet.axes[4])[0], levels[1][1])  # U at a half


def test_the_graph_of_a_result_has_a_box_for_everything_and_an_arrow_for_every_use():
    a, b = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0])
    result = (a * a + b).sum()
    figure = figures.draw_graph(result, {"a": a})
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert sorted(t for t in texts if t) == ["Add\n2", "Mul\n2", "Sum\nnumber", "a\n2", "input\n2"]
    assert len([t for t in texts if not t]) == 5  # a is read twice
    result.backward()
    with pytest.raises(ValueError, match="no graph; draw it before backward"):
        figures.draw_graph(result)


def test_the_picture_of_a_connection_table():
    figure = drawn(figures.draw_table([(0, 0), (2, 0), (2, 3), (2, 3)], 4, 5))
    (axes,) = figure.axes
    expected = np.zeros((4, 5))
    expected[0, 0] = expected[2, 0] = 1
    expected[2, 3] = 2
    assert np.array_equal(images(axes)[0], expected)
    assert figure.get_suptitle() == "4 of 20 edges\n4 input maps, 5 output maps"
    above, right = axes.child_axes
    assert [t.get_text() for t in above.get_xticklabels()] == ["2", "0", "0", "2", "0"]
    assert [t.get_text() for t in right.get_yticklabels()] == ["1", "0", "3", "0"]
    large = minicnn.nn.tables.random_fan_in(64, 256, 32)
    assert images(drawn(figures.draw_table(large)).axes[0])[0].sum() == 256 * 32


@pytest.mark.parametrize(
    ("table", "sentence"),
    [([(3, 0)], "a map outside of 3 inputs"), ([], "at least one"), ([0, 1], "expected edges")],
)
def test_tables_that_cannot_be_drawn(table, sentence):
    with pytest.raises(ValueError, match=sentence):
        figures.draw_table(table, 3, 2)


def test_long_names_of_whole_pictures_are_cut_and_do_not_vanish():
    classes = ("Tomato___Tomato_Yellow_Leaf_Curl_Virus", "golden_retriever_adult_1", "a b")
    shown = [SimpleNamespace(image=np.zeros((4, 4, 3), np.uint8), label=k) for k in (0, 1, 2)]
    titles = [a.get_title() for a in figures.answer_sheet(shown, [0, 0, 2], classes).axes[:3]]
    assert titles[0] == "✓ Tomato___Tomato_Yellow_…"
    assert titles[1] == "✗ Tomato___Tomato_Yellow_…\nis golden_retriever_adult_1"
    assert titles[2] == "✓ a b"
