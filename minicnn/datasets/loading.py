"""Pictures loaded ahead: while the network computes, background threads read the next ones.

Decoding a picture and preparing it takes milliseconds in which the network would wait. One thread
is enough where a step takes one picture, several may share the work where it takes many. They run
no parallel kernel, because Numba's threads may be driven from one Python
thread at a time, which is the network's. So `transform` is plain numpy, Pillow and scipy.
"""

import itertools
import queue
import threading
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from minicnn.datasets.dataset import DataError
from minicnn.images.labels import VOID

_END, _NONE = object(), object()
CHANCES = 200  # variants in a row of which nothing is left, until it is no bad luck any more


class Loader:
    """Iterates over pictures of `split` in the given order.

        with Loader(split, order, transform) as loader:
            for item in loader: ...

    split      a sequence of Pictures (`dataset.split("train")`)
    order      indices into split: a list, or an iterator that may be endless
    transform  transform(picture, position) makes the item that is handed out (without it, the
               picture); position counts along `order` from `start`, so that random jitter can be
               a function of it and a resumed run jitters as the uninterrupted one
    ahead      how many items may wait, loaded, until they are asked for; 0: none
    skip_bad   pass over pictures that cannot be read instead of raising their DataError
    threads    how many read and transform: several, where a step takes many pictures
    batch_size, collate
               instead of single items, collate([items]) is handed out, of those of so many places
               in a row that are not passed over; it is made in the thread that made the items

    `only`, if it is set before the loop, is asked for the number of a batch (of places, where
    batch_size is 1) whether it is wanted; others are not even read.

    A picture that is void all over is always passed over, since nothing can be learnt from it, and
    so is one of which `transform` makes None. `position` is that of the last place handed out;
    `skipped` lists (name, message) of bad pictures, `void` the names of void ones and `empty` those
    of which nothing was left, each once. The thread ends with the loop, also when the loop
    is left early; what was raised in it is raised in the loop.
    """

    def __init__(
        self,
        split,
        order,
        transform=None,
        ahead=4,
        skip_bad=False,
        start=0,
        threads=1,
        batch_size=1,
        collate=lambda items: items[0],
    ):
        self.split, self.order, self.transform = split, order, transform
        self.ahead, self.skip_bad, self.start = ahead, skip_bad, start
        self.threads, self.batch_size, self.collate = threads, batch_size, collate
        self.position, self.skipped, self.void, self.empty = None, [], [], []
        self.only = None
        self._running = lambda: None

    def __iter__(self):
        items = self._ahead() if self.ahead else self._items()
        run = self._hand_out(items)
        self._running = weakref.ref(run)  # weak: an abandoned loop shall end by itself
        return run

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Ends the loop that runs, and its thread, if there is one."""
        if (run := self._running()) is not None:
            run.close()

    def _hand_out(self, items):
        try:
            for position, item in items:
                self.position = position
                yield item
        finally:
            items.close()

    def _ahead(self):
        """The items of `_items`, which runs in a thread as far as the queue has room."""
        waiting, stop = queue.Queue(self.ahead), threading.Event()

        def work():
            error = None
            try:
                for numbered in self._items():
                    waiting.put((numbered, None))
                    if stop.is_set():
                        return
            except BaseException as caught:  # it belongs to the consumer, whatever it is
                error = caught
            waiting.put((_END, error))

        thread = threading.Thread(target=work, name="minicnn loader", daemon=True)
        thread.start()
        try:
            while True:
                numbered, error = waiting.get()
                if error is not None:
                    raise error
                if numbered is _END:
                    return
                yield numbered
        finally:
            stop.set()
            while thread.is_alive():  # it may be waiting for room: make some
                try:
                    waiting.get(timeout=0.01)
                except queue.Empty:
                    pass
            thread.join()

    def _items(self):
        """(position, item) one after the other, what is to be passed over left out."""
        in_a_row = 0
        for position, passed_over, item in self._batches():
            for noted, note in passed_over:
                if note not in noted:
                    noted.append(note)
            if item is not _NONE:
                in_a_row = 0
                yield position, item
                continue
            in_a_row += len(passed_over)
            # An endless order would be passed over for ever; but the bad ones of two epochs may
            # come together, and chance may do better next time.
            if in_a_row >= 2 * len(self.split) + (CHANCES if self.empty else 0):
                raise DataError(
                    f"none of {in_a_row} pictures in a row could be used: {len(self.skipped)} "
                    f"cannot be read, {len(self.void)} are void all over, and of {len(self.empty)} "
                    "nothing labelled was left as they were turned or cut"
                )

    def _batches(self):
        """What `_batch` makes of one batch of places after the other, in order; in several threads
        if there are several."""
        places = enumerate(self.order, self.start)
        batches = iter(lambda: list(itertools.islice(places, self.batch_size)), [])
        if self.only is not None:
            batches = (some for some in batches if self.only(some[0][0] // self.batch_size))
        if self.threads == 1:
            yield from map(self._batch, batches)
            return
        with ThreadPoolExecutor(self.threads, "minicnn reader") as pool:
            waiting = deque()
            try:
                while True:
                    room = self.threads + 1 - len(waiting)
                    some = itertools.islice(batches, room)
                    waiting.extend(pool.submit(self._batch, batch) for batch in some)
                    if not waiting:
                        return
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _batch(self, places):
        """(the last position, [(list to be noted in, note)] of what is passed over, item or
        _NONE)."""
        outcomes = [self._prepare(*place) for place in places]
        items = [item for noted, item in outcomes if noted is None]
        passed_over = [outcome for outcome in outcomes if outcome[0] is not None]
        return places[-1][0], passed_over, self.collate(items) if items else _NONE

    def _prepare(self, position, index):
        """Reads a picture: (None, the item of it), or (list to be noted in, note)."""
        name = self.split.names[int(index)]
        try:
            picture = self.split[int(index)]
        except DataError as error:
            if not self.skip_bad:
                raise
            return self.skipped, (name, str(error))
        labels = getattr(picture, "labels", None)
        if labels is not None and (labels == VOID).all():
            return self.void, picture.name
        if self.transform is None:
            return None, picture
        try:
            item = self.transform(picture, position)
        except Exception as error:
            error.add_note(f"while the picture {picture.name} was prepared")
            raise
        return (None, item) if item is not None else (self.empty, picture.name)
