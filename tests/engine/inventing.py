"""Makes up processes from random numbers: every block inside every other one."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.engine.blocks import Call, Loop, Sequence, Split, Sub, Task
from tests.engine.blocks_of_compensation import Around, Undo, Undoable, names, scope_of
from tests.engine.blocks_of_events import Awaited, Guard, Guarded
from tests.engine.blocks_of_repeats import Again, Many
from tests.engine.blocks_of_scopes import Scoped, Thrower, Thrown
from tests.engine.tokens import Block

DEPTHS = (1, 2, 2, 3)


class Inventor:
    """Makes up a process; the same numbers give the same process."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.number = 0
        self.guarded = 0  # how many activities with events are round what is made up now
        self.kinds = [
            self._split,
            self._sub,
            self._call,
            self._loop,
            self._many,
            self._again,
            self._guarded,
            self._awaited,
            self._thrown,
            self._scoped,
            self._undone,
            self._split,
            self._guarded,
        ]

    def process(self) -> Sub | Scoped:
        depth = self.random.choice(DEPTHS)
        if self._chance(0.1):
            return self._scoped(depth)
        return Sub("p", Sequence([self.block(depth) for _ in range(self.random.choice([1, 1, 2]))]))

    def block(self, depth: int) -> Block:
        if depth <= 0 or self._chance(0.2):
            return self._task()
        return self.random.choice(self.kinds)(depth - 1)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _key(self, letter: str) -> str:
        self.number += 1
        return f"k_{letter}{self.number}"

    def _task(self, depth: int = 0) -> Task:
        return Task(self._key("u"))

    def _blocks(self, depth: int) -> list[Block]:
        return [self.block(depth) for _ in range(self.random.randint(2, 3))]

    def _mute(self) -> Block:
        """What may run several times at once: it writes nothing, and no event comes to it."""
        return Sequence([Task(self._key("h"), mute=True), Task(self._key("h"), mute=True)])

    def _split(self, depth: int) -> Block:
        kind = self.random.choice(["parallel", "inclusive", "exclusive"])
        branches = self._blocks(depth)
        by_itself = self._chance(0.3)
        free = by_itself and kind == "inclusive" and len(branches) > 2
        return Split(self._key("p"), kind, branches, by_itself, free, kind == "exclusive" and self._chance(0.4))

    def _sub(self, depth: int) -> Sub:
        return Sub(self._key("s"), Sequence(self._blocks(depth)) if self._chance(0.3) else self.block(depth))

    def _call(self, depth: int) -> Block:
        call = Call(self._key("c"), self.block(depth))
        if self._chance(0.7):
            return call
        return Sequence([call, Call(self._key("c"), call.body, f"{call.key}p")])  # the same process once more

    def _loop(self, depth: int) -> Block:
        return Loop(self._key("l"), self.block(depth))

    def _many(self, depth: int) -> Many:
        key, sequential = self._key("i"), self._chance(0.5)
        if depth > 0 and self._chance(0.4):
            around = self.random.choice([Sub, Call])
            return Many(key, sequential, around(self._key("s"), self._mute()))
        # What a list holds while it grows, an event at the edge of an activity round it would see.
        output = not self.guarded and self._chance(0.5)
        return Many(key, sequential, None, output, self._chance(0.3))

    def _again(self, depth: int) -> Block:
        before, most = self._chance(0.5), self.random.choice([None, 1, 2, 3])
        return Again(self._key("r"), before, most, self.block(depth) if self._chance(0.5) else None)

    def _guarded(self, depth: int) -> Block:
        self.guarded += 1
        makers: list[Callable[[int], Block]] = [self._task, self._sub, self._many, self._one_call]
        activity = self.random.choice(makers)(depth)
        self.guarded -= 1
        key = self._key("g")
        guards = [self._guard(f"{key}b{number}", depth) for number in range(self.random.randint(1, 2))]
        return Guarded(key, activity, guards)

    def _one_call(self, depth: int) -> Call:
        return Call(self._key("c"), self.block(depth))

    def _guard(self, key: str, depth: int) -> Guard:
        interrupting = self._chance(0.5)
        hours = self.random.choice([0, 1, 3])
        times = self.random.choice([1, 3]) if hours and not interrupting else 1
        return Guard(key, hours, interrupting, self.block(depth) if interrupting else self._mute(), times)

    def _awaited(self, depth: int) -> Block:
        hours = [self.random.choice([0, 0, 1, 2, 4]) for _ in range(self.random.randint(2, 4))]
        return Awaited(self._key("a"), hours, [self.block(depth - 1) for _ in hours])

    def _thrown(self, depth: int) -> Block:
        kind = self.random.choice(["error", "escalation"])
        self.guarded += 1
        body, other = self.block(depth - 1), self.block(depth - 1)
        self.guarded -= 1
        interrupting = kind == "error" or self._chance(0.5)
        handler = self.block(depth - 1) if interrupting else self._mute()
        caught = kind == "error" or self._chance(0.8)
        deep = self.random.choice(["", "sub", "call"])
        return Thrown(self._key("t"), kind, body, other, handler if caught else None, interrupting, deep)

    def _scoped(self, depth: int) -> Scoped:
        self.guarded += 1
        body = Sequence([self.block(depth), self.block(depth)])
        self.guarded -= 1
        key = self._key("v")
        guards = [self._guard(f"{key}b{number}", depth) for number in range(self.random.randint(1, 2))]
        if self._chance(0.4):
            kind = self.random.choice(["error", "escalation"])
            interrupting = kind == "error" or self._chance(0.5)
            handler = self.block(depth) if interrupting else self._mute()
            guards.append(Guard(f"{key}x", 0, interrupting, handler, thrown=kind))
            body.blocks.append(Thrower(self._key("t"), kind, self._task()))
        return Scoped(key, body, guards)

    def _undone(self, depth: int) -> Sub:
        first, second = self._undoable(depth), self._undoable(depth)
        wanted = [self.random.choice(["", *names(first)]), self.random.choice(["", *names(first), *names(second)])]
        undo = [Undo(self._key("z"), one) for one in wanted]
        return scope_of(self._key("s"), first, undo[0], second, undo[1], self._task())

    def _undoable(self, depth: int) -> Block:
        """What can be undone in part: each way a process can go has such a task in it, or not."""
        kind = self.random.choice(["task", "row", "split", "loop", "around", "guarded"]) if depth > 0 else "task"
        if kind == "row":
            return Sequence([self._undoable(depth - 1), self.block(depth - 1), self._undoable(depth - 1)])
        if kind == "split":
            branches = [self._undoable(depth - 1), self._undoable(depth - 1)]
            return Split(self._key("p"), self.random.choice(["parallel", "exclusive"]), branches)
        if kind == "loop":
            return Loop(self._key("l"), self._undoable(depth - 1))
        if kind == "around":
            return Around(self._key("s"), self._undoable(depth - 1))
        if kind == "guarded":
            self.guarded += 1
            inner = self._undoable(depth - 1)
            activity = Around(self._key("s"), inner) if self._chance(0.6) else self._one_undoable()
            self.guarded -= 1
            key = self._key("g")
            return Guarded(key, activity, [self._guard(f"{key}b", depth - 1)])
        return self._one_undoable()

    def _one_undoable(self) -> Undoable:
        return Undoable(self._key("w"))
