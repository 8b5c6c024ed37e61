"""What figures give to classes of rooms that know no figures: a Run draws its curves when it ends
and shows them in a notebook, an Evaluation has sheets of examples, a Segmentation the stages of
its labelling. `import minicnn` loads this file."""

from minicnn.basics import displays
from minicnn.basics.writing import save_png
from minicnn.figures.hand_made import channels_figure
from minicnn.figures.photographs import answer_sheet
from minicnn.figures.scores import curves
from minicnn.figures.sheets import prediction_sheet
from minicnn.figures.stages import stage_figures
from minicnn.inference.evaluation import Evaluation
from minicnn.inference.segmenting import Segmentation
from minicnn.learning import fitting
from minicnn.learning.run import Run


def _draw_curves(run):
    if run.folder is not None:
        save_png(curves(run.log.records, what=run.task.what), run.folder / "curves.png", dpi=120)


def _show_run(run):
    curve = displays.picture(curves(run.log.records, what=run.task.what))
    return f"<div>{displays.paragraphs(repr(run))}{curve}</div>"


def _sheets(self, rows=6):
    """Figures of the examples, `rows` on each: picture, truth, prediction, and the legend; of whole
    pictures `rows` squared, each under what it was called."""
    classes, photographs = self.confusion.classes, self.confusion.what == "pictures"
    step = rows * rows if photographs else rows
    for first in range(0, len(self.examples), step):
        pictures, predictions = zip(*self.examples[first : first + step], strict=True)
        if photographs:
            yield answer_sheet(pictures, predictions, classes)
        else:
            yield prediction_sheet(pictures, predictions, classes, self.colours)


def _stages(self):
    """{name: matplotlib Figure} of what the labelling did, step by step; {} for argmax, and for
    functions that are no Labelling."""
    if self.seen is None or not hasattr(self.seen[3], "regions"):
        return {}
    drawn = {}
    if self.channels is not None:
        drawn["channels"] = channels_figure(*self.channels(self.seen[0]))
    return drawn | stage_figures(*self.seen, self.classes, self.colours)


fitting.at_end.append(_draw_curves)
Run._repr_html_ = _show_run
Evaluation.sheets = _sheets
Segmentation.stages = _stages
