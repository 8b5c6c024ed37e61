"""Chapters run in as many processes as there are cores; each process computes with one thread."""

import contextlib
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from minicnn.course.book.running import ChapterError, run


def cores():
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def results_of_all(chapters):
    """A context with a function: chapter -> its results (see running.run), which waits for them.
    All chapters run meanwhile; those that still do are stopped when the context is left early."""
    processes = min(cores(), len(chapters))
    if processes < 2:
        yield run
        return
    # a new interpreter each, since threads of kernels do not survive a fork
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _begin) as pool:
        before = set(multiprocessing.active_children())
        coming = {chapter: pool.submit(run, chapter) for chapter in chapters}

        def results_of(chapter):
            try:
                return coming[chapter].result()
            except BrokenProcessPool as error:
                raise ChapterError(
                    f"the process that ran a chapter, {chapter.path.name} or one beside it, was "
                    "ended from outside (too little memory?): build them one by one, with NN"
                ) from error

        try:
            yield results_of
        except BaseException:
            for future in coming.values():
                future.cancel()
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            raise


def _begin():
    """In each process: Ctrl-C is for the first one, and the cores are shared already."""
    import minicnn

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    minicnn.set_num_threads(1)
