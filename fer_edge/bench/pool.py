"""Several boards at one set of faces: each takes the next when it is free, and answers are kept in the faces' order."""

from __future__ import annotations

import heapq
import queue
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from fer_edge.bench.answers import AnswerFile, Record
from fer_edge.bench.device import Answer, Device
from fer_edge.bench.link import PortGone
from fer_edge.bench.protocol import BAUD_RATE
from fer_edge.bench.result import BoardShare
from fer_edge.board import VirtualBoard
from fer_edge.errors import BoardError, FerEdgeError
from fer_edge.faces import Faces
from fer_edge.network import IntegerNetwork
from fer_edge.terminal import shown

VIRTUAL = "virtual"
MOST = 64
"""Virtual boards that one name starts, at most: each is a process."""


def names(given: Sequence[str]) -> tuple[str, ...]:
    """Ports as the user names them, with `virtual:N` as N times `virtual`. FerEdgeError for the same port twice."""
    found: list[str] = []
    for name in given:
        several = re.fullmatch(rf"{VIRTUAL}:(\d+)", name)
        if several and not 1 <= int(several[1]) <= MOST:
            raise FerEdgeError(f"{name}: not 1 to {MOST} virtual boards.", "Give as many as the computer has cores.")
        found += [VIRTUAL] * int(several[1]) if several else [name]
    for name in found:
        if name != VIRTUAL and found.count(name) > 1:
            raise FerEdgeError(f"Port {name} is named twice.", "Name each board once.")
    return tuple(found)


@dataclass
class Member:
    """A board at work. `virtual`: what it is if we started it; `answered`: faces of this run; `lost`: why it answers no
    more, or None."""

    name: str
    device: Device
    virtual: VirtualBoard | None = None
    answered: int = 0
    lost: str | None = None

    def explained(self, error: BoardError) -> BoardError:
        """`error`, or what a virtual board says of its end if that is why its port went away; it is lost then."""
        if self.virtual is not None and isinstance(error, PortGone):
            try:
                self.virtual.check(ending=True)
            except BoardError as crash:
                self.lost = crash.what
                return crash
        return error

    def share(self) -> BoardShare:
        """For the report."""
        return BoardShare(self.name, self.device.link.port, self.answered, self.lost)


class Dealer:
    """Faces that nobody has answered, by index; the first ones first. For several threads."""

    def __init__(self, indices: range) -> None:
        self._left = list(indices)  # sorted, hence a heap
        self._dealt = 0
        self._stopped = False
        self._changed = threading.Condition()

    def take(self) -> int | None:
        """A face for whoever asks; None if there is none just now."""
        with self._changed:
            if not self._left or self._stopped:
                return None
            self._dealt += 1
            return heapq.heappop(self._left)

    def answered(self) -> None:
        """Tell that one of those dealt is answered."""
        with self._changed:
            self._dealt -= 1
            self._changed.notify_all()

    def give_back(self, indices: Sequence[int]) -> None:
        """Let others have what was taken."""
        with self._changed:
            self._dealt -= len(indices)
            for index in indices:
                heapq.heappush(self._left, index)
            self._changed.notify_all()

    def wait(self) -> bool:
        """Wait until there is a face to take (True), or there will be none any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._left or not self._dealt or self._stopped)
            return bool(self._left) and not self._stopped

    def stop(self) -> None:
        """Deal no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


_Told = tuple[Member, tuple[int, Answer, int] | BaseException | None]
"""A member's answer to a face, with how many requests were sent again; why it gave up; or None when it is done."""


def share(members: Sequence[Member], network: IntegerNetwork, faces: Faces, answers: AnswerFile[Record]) -> None:
    """Have the faces not yet answered answered by `members`. What a board that fails had is given to the others.

    BoardError when none is left. `seconds` of a record count from the answer before, whichever board gave that.
    """
    dealer = Dealer(range(len(answers.records), len(faces)))
    told: queue.SimpleQueue[_Told] = queue.SimpleQueue()
    workers = [threading.Thread(target=_work, args=(m, dealer, network, faces, told), daemon=True) for m in members]
    for worker in workers:
        worker.start()
    try:
        _collect(members, faces, answers, told)
    finally:
        dealer.stop()
        for worker in workers:
            worker.join()
    if len(answers.records) < len(faces):
        raise BoardError(f"No board is left. {' '.join(f'{m.name}: {m.lost}' for m in members)}", "Mend one of them.")


def _collect(
    members: Sequence[Member], faces: Faces, answers: AnswerFile[Record], told: queue.SimpleQueue[_Told]
) -> None:
    """Keep answers in order, until no member has any more."""
    early: dict[int, Record] = {}
    right, working, since = sum(r.predicted == r.label for r in answers.records), len(members), time.perf_counter()
    with tqdm(
        total=len(faces), initial=len(answers.records), desc="bench", unit="img", dynamic_ncols=True, disable=None
    ) as bar:
        while working:
            member, item = told.get()
            if isinstance(item, BoardError):
                member.lost = item.what
                tqdm.write(shown(f"{member.name} is lost, the others go on: {item.what}"))
            elif isinstance(item, BaseException):
                raise item
            if not isinstance(item, tuple):
                working -= 1
                continue
            index, answer, retries = item
            member.answered += 1
            early[index] = record(faces, index, answer, 0.0, retries)
            while (kept := early.pop(len(answers.records), None)) is not None:
                now = time.perf_counter()
                answers.append(replace(kept, seconds=round(now - since, 6)))
                since = now
                right += kept.predicted == kept.label
                bar.set_postfix_str(f"accuracy {right / len(answers.records):.2%}", refresh=False)
                bar.update()


def record(faces: Faces, index: int, answer: Answer, seconds: float, retries: int) -> Record:
    """An answer to one of `faces` as it is kept."""
    return Record(
        image=index,
        name=faces.names[index],
        label=int(faces.labels[index]),
        predicted=answer.predicted,
        logits=answer.logits,
        cycles=answer.cycles,
        microseconds=answer.microseconds,
        seconds=seconds,
        retries=retries,
    )


def _work(
    member: Member, dealer: Dealer, network: IntegerNetwork, faces: Faces, told: queue.SimpleQueue[_Told]
) -> None:
    """A thread: one board's part."""
    taken: deque[int] = deque()
    try:
        if member.device.link.baud_rate == BAUD_RATE:
            member.device.link.raise_baud_rate()
        while dealer.wait():
            retries = member.device.link.retries
            for answer in member.device.infer_all(_deal(dealer, taken, network, faces)):
                retried = member.device.link.retries
                told.put((member, (taken.popleft(), answer, retried - retries)))
                dealer.answered()
                retries = retried
    except BaseException as error:  # the main thread's to judge
        told.put((member, member.explained(error) if isinstance(error, BoardError) else error))
    else:
        told.put((member, None))
    finally:
        dealer.give_back(taken)


def _deal(dealer: Dealer, taken: deque[int], network: IntegerNetwork, faces: Faces) -> Iterator[np.ndarray]:
    """Images for one board, as it has room for them."""
    while (index := dealer.take()) is not None:
        taken.append(index)
        yield network.device_input(faces.images[index, None])[0]
