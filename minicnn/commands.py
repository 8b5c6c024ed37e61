"""What each command of `minicnn` does, over the functions that Python has too. `o` are the options
as cli.py reads them. A command prints its result to stdout, everything else to stderr, and returns
its exit status, or None for 0."""

import contextlib
import json
import math
import re
import sys
import time
from pathlib import Path

import minicnn
from minicnn import checkpoints, datasets, evaluation, models
from minicnn.covers import cover_file, with_classifier
from minicnn.information import choose_algorithm, choose_device, facts, lines_of
from minicnn.kernel import algorithm
from minicnn.options import check_plot, new_folder, split_settings
from minicnn.writing import save_png, write_atomically


def demo(o):
    from minicnn.demo import demo

    _use_threads(o)
    result = demo(o.out, o.seed, quiet=o.json)
    if o.json:
        print(json.dumps(result))


def train(o):
    settings, data_options = split_settings(o.set)
    if o.model == "cover":
        return _train_cover(o, settings, data_options)
    o.data = o.data or "scenes"
    with _machine(o) as device, new_folder(o.out, f"runs/{o.model}") as out:
        options = {
            "out": out,
            "epochs": o.epochs,
            "minutes": o.minutes,
            "steps": o.steps,
            "recipe": o.recipe,
            "fold": o.fold,
            "seed": o.seed,
            "device": device,
            "settings": settings,
            "data_options": data_options,
            "overfit_one": o.overfit_one,
            "skip_bad": o.skip_bad,
        }
        if o.greedy:
            if o.start:
                raise ValueError("--greedy begins at the first block; --start does not go with it")
            run = minicnn.train_greedily(o.model, o.data, **options)[-1]
        else:
            run = minicnn.train(o.model, o.data, start=o.start, **options)
    _report_training(run, o.json)


def _train_cover(o, settings, data_options):
    flags = ("data", "fold", "minutes", "steps", "greedy", "overfit_one", "out")
    wrong = [
        f"--{name.replace('_', '-')}" for name in flags if getattr(o, name) not in (None, False)
    ]
    wrong += [f"--set data.{name}" for name in data_options]
    if wrong:
        raise ValueError(f"train cover follows the network that it is for; leave {wrong[0]} away")
    if not o.start:
        raise ValueError("train cover: for which network? minicnn train cover --start RUN")
    with _machine(o) as device:
        classifier = minicnn.train_cover(
            o.start,
            **({"epochs": o.epochs} if o.epochs else {}),
            settings=settings,
            seed=o.seed,
            device=device,
            skip_bad=o.skip_bad,
            progress=_bar,
        )
    about = {"cover": str(cover_file(checkpoints.find(o.start)))} | classifier.about
    if o.json:
        return print(json.dumps(about))
    print(f"cover: {about['segments']} segments, loss {about['losses'][-1]:.3f}; {about['cover']}")
    print(f"next: minicnn evaluate {o.start} --set labelling=cover")


def resume(o):
    with _machine(o) as device:
        _report_training(minicnn.resume(o.run, device=device, skip_bad=o.skip_bad), o.json)


def _report_training(run, as_json):
    best = run.config["best"]
    if as_json:
        result = {"run": str(run.folder), "steps": run.step, "best": best, "config": run.config}
        return print(json.dumps(result | {"gpu_launches_a_step": run.launches}))
    print(f"{run.config['model']}: {run.step} steps done, the weights are in {run.folder}")
    if run.begun_at == run.step:
        how = f"minicnn train {run.config['model']} --start {run.folder}"
        print(f"they were done before; a longer training that begins with these weights: {how}")
    if best:
        print(f"best on val: pixel accuracy {best['val_accuracy']:.1%} at step {best['step']}")
    if run.launches:
        print(f"GPU kernels: {run.launches} launches a step, besides the array functions of cupy")
    print(f"next: minicnn evaluate {run.folder}")


def evaluate(o):
    settings, data_options = split_settings(o.set)
    changes, labelling = _changes(settings), _labelling(settings, "of the data (data.KEY) and ")
    with _machine(o) as device, new_folder(o.out, None) as out:
        result = minicnn.evaluate(
            _trained(o.model, device, changes),
            o.data,
            o.split,
            o.fold,
            labelling=labelling,
            data_options=data_options,
            device=device,
            skip_bad=o.skip_bad,
            examples=6 * o.sheets if out else 0,
            progress=_bar,
        )
        if out:
            from minicnn.figures import confusion_figure

            for number, sheet in enumerate(result.sheets(), 1):
                save_png(sheet, out / f"sheet-{number}.png")
            save_png(confusion_figure(result.confusion), out / "confusion.png")
            write_atomically(out / "scores.json", json.dumps(result.as_dict(), indent=1) + "\n")
    _print(json.dumps(result.as_dict()) if o.json else result.lines())
    if out and not o.json:
        print(f"\nsheets and confusion matrix: {out}")


def segment(o):
    failed, done, settings = 0, [], dict(o.set)
    changes, labelling = _changes(settings), _labelling(settings)
    if o.stages and labelling.name == "argmax":
        which = "superpixels, labelling=crf or labelling=cover"
        raise ValueError(f"--stages shows what a labelling does: add --set labelling={which}")
    with _machine(o) as device, new_folder(o.out, "segmented") as out:
        network = _trained(o.model, device, changes)  # once for all pictures
        labelling = with_classifier(labelling, network.network, network.weights)
        for path in o.images:
            begun = time.perf_counter()
            try:
                result = minicnn.segment(path, network, o.size, labelling=labelling)
            except ValueError as error:
                failed += 1
                print(f"minicnn: {error}", file=sys.stderr)
                continue
            shares = dict(zip(result.classes, result.shares.round(6).tolist(), strict=True))
            files = result.save(out)
            for stage, figure in result.stages().items() if o.stages else ():
                start = files[0].name.removesuffix("overlay.png")
                files += (files[0].with_name(f"{start}{stage}.png"),)
                save_png(figure, files[-1])
            files = [str(file) for file in files]
            seconds = round(time.perf_counter() - begun, 3)
            done.append({"image": path, "files": files, "shares": shares, "seconds": seconds})
            if not o.json:
                most = sorted(shares.items(), key=lambda item: -item[1])[:3]
                named = ", ".join(f"{name} {share:.0%}" for name, share in most if share)
                print(f"{path}: {named}; {files[0]}", flush=True)
    if o.json:
        print(json.dumps({"pictures": done, "failed": failed}))
    return 2 if failed else 0


def show(o):
    from minicnn.showing import show

    with new_folder(o.out, None) as out:
        _print(show(o.run, o.filters, o.features, o.curve, out, o.layers))


def data_list(o):
    _print(datasets.listing())


def data_install(o):
    datasets.install(o.name, o.source)


def data_show(o):
    from minicnn.datasets.inspection import survey
    from minicnn.figures import contact_sheet

    dataset = datasets.load(o.name, o.fold, **split_settings(o.set, only_data=True)[1])
    found = survey(dataset, _bar)
    _print(found.lines())
    with new_folder(o.out, f"{dataset.name}-sheet") as out:
        sheet = contact_sheet(dataset, o.split, o.count, shares=found.shares)
        save_png(sheet, out / f"{o.split}.png")
        print(f"sheet: {out / f'{o.split}.png'}")


def data_check(o):
    from minicnn.datasets.inspection import check

    options = split_settings(o.set, only_data=True)[1]
    return check(o.name, progress=_bar, fold=o.fold, **options)


def gradcheck(o):
    from minicnn.checking import gradient_errors
    from minicnn.ops import all_cases

    cases = [case for case in all_cases() if o.op in (None, _operation(case))]
    if not cases:
        names = sorted({_operation(case) for case in all_cases()})
        raise ValueError(f"there is no operation {o.op!r}; there are {', '.join(names)}")
    if not o.json:
        print(f"{'operation':33} {'case':22} {'inputs':32} {'error':>8}  gradient")
    rows = []
    for case in cases:
        report, errors = "", []

        def f(*x, case=case):
            return case.function(*x, **case.options)

        try:
            errors = gradient_errors(f, *case.arrays)
            minicnn.gradcheck(f, *case.arrays)
        except minicnn.GradientError as error:
            report = str(error)
        shapes = " ".join("x".join(map(str, a.shape)) or "scalar" for a in case.arrays)
        row = {"op": _operation(case), "case": case.label, "inputs": shapes}
        row["errors"] = [None if e is None or math.isinf(e) else e for e in errors]
        rows.append(row | {"right": not report, "report": report})
        if not o.json:
            verdict = "WRONG" if report else "right"
            worst = max((e for e in errors if e is not None), default=math.inf)
            line = f"{row['op']:33} {case.label:22} {shapes:32} {worst:8.1e}  {verdict}"
            print(line, flush=True)
            _print(f"    {line}" for line in report.splitlines())
    wrong = sum(not row["right"] for row in rows)
    if o.json:
        print(json.dumps(rows))
    else:
        print(f"{len(rows) - wrong} of {len(rows)} gradients are right")
    return 1 if wrong else 0


def _operation(case):
    """Its public name. What takes its arrays as a list, or draws a random mask, is checked by way
    of a function `concat_of`, `dropout_with_key`."""
    return re.sub("_(of|with_key)$", "", case.function.__name__)


def bench(o):
    if o.profile:
        from minicnn.benching.steps import profile_step

        if not o.names:
            raise ValueError("bench --profile: name a model, for example multi-scale")
        with _machine(o) as device:
            for model in o.names:
                _print(profile_step(model, device=device))
        return None
    if o.device == "emulated":
        raise ValueError(
            "bench --device emulated: only with --profile, for it says nothing of GPUs"
        )
    from minicnn.benching import bench

    chosen = o.threads, o.repeats, o.all, o.only, o.json, o.plot
    with algorithm(choose_algorithm(o.tf32, o.device)):
        found = bench(o.names, o.against, o.device, *chosen)
    return 1 if any("WRONG" in skipped["reason"] for skipped in found["skipped"]) else 0


def exercise(o):
    from minicnn.exercising import commands

    return commands.exercise(o)


def table(o):
    from minicnn import published
    from minicnn.figures import published_figure

    found, path = published.load_table(o.name)
    check_plot(o.plot)
    if o.put:
        name, file = o.put
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        try:
            measured = json.loads(text)
        except ValueError:
            raise ValueError(f"table --put {name} {file}: this is no JSON") from None
        published.put(found, name, measured, o.train)
        published.save_table(found, path)
    elif o.train:
        raise ValueError("--train COMMAND goes with --put ROW FILE")
    _print(json.dumps(published.with_commands(found)) if o.json else published.lines(found))
    if o.plot or not (o.json or o.put):
        plot = o.plot or f"{path.stem}-table.png"
        published_figure(found, published.cells(found)).savefig(plot)
        print(f"\nas a picture: {plot}", file=sys.stderr if o.json else sys.stdout)


def lectures_list(o):
    from minicnn.book import commands

    commands.show_list()


def lectures_build(o):
    from minicnn.book import commands

    with new_folder(o.out, "book") as out:
        commands.build(o.to, o.chapter, out)


def lectures_open(o):
    from minicnn.book import commands

    return commands.open_in_jupyter(o.chapter)


def info(o):
    found = facts()
    _print(json.dumps(found) if o.json else lines_of(found))


# ------------------------------------------------------------------------------ what several share
def _print(lines):
    for line in [lines] if isinstance(lines, str) else lines:
        print(line)


def _use_threads(o):
    if o.threads:
        minicnn.set_num_threads(o.threads)


@contextlib.contextmanager
def _machine(o):
    """Inside, what was chosen holds: threads, device, algorithm. Gives the device."""
    _use_threads(o)
    name = choose_device(o.device)
    with minicnn.device(name), algorithm(choose_algorithm(o.tf32, name)):
        yield name


def _changes(settings):
    """Takes out of `settings` what a trained network can be told: {option: value}."""
    return {name: settings.pop(name) for name in list(settings) if name in models.LATER}


def _trained(model, device, changes):
    """The Trained of a name, with these options changed."""
    found = evaluation.trained(model, device)
    found.network.change(**changes)
    return found


def _labelling(settings, others=""):
    """The Labelling that --set asks for."""
    from minicnn.grouping.labelling import Labelling

    for key, value in settings.items():
        if "labelling" not in settings:
            what = f"only options {others}of a labelling (labelling=crf gamma=20)"
            raise ValueError(f"--set {key}={value}: {what} apply here")
    return Labelling(settings.pop("labelling", "argmax"), **settings)


def _bar(iterable, total=None):
    """A bar in a terminal, nothing elsewhere."""
    from tqdm.std import tqdm

    return tqdm(iterable, total=total, leave=False, disable=not sys.stderr.isatty())
