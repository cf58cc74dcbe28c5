"""Pieces of a process with events: at the edge of an activity, behind an event-based gateway, thrown inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tests.engine import drawing
from tests.engine.drawing import flow, path
from tests.engine.tokens import Block, Data, Doable, Following, Scope, Tokens, Values

Event = Callable[[Values], None]


@dataclass
class Guard:
    """An event at the edge of an activity: a message, or a timer after so many hours, ``times`` times."""

    key: str
    hours: int  # 0: a message
    interrupting: bool
    handler: Block
    times: int = 1
    thrown: str = ""  # neither: an error or an escalation from within

    @property
    def definition(self) -> str:
        if not self.hours:
            return drawing.message()
        if self.times > 1:
            return drawing.timer(f"R{self.times}/PT{self.hours}H", "timeCycle")
        return drawing.timer(f"PT{self.hours}H")


@dataclass
class Guarded(Block):
    """An activity with events attached. The way of an interrupting one joins again, of another one it ends."""

    key: str
    activity: Block
    guards: list[Guard]

    def draw(self) -> tuple[str, str, str]:
        merge = f"{self.key}m"
        xml, activity, last = self.activity.draw()
        xml += drawing.choice(merge) + flow(last, merge)
        for guard in self.guards:
            part, first, end = guard.handler.draw()
            xml += drawing.boundary(guard.key, last, guard.definition, interrupting=guard.interrupting)
            xml += part + flow(guard.key, first)
            xml += flow(end, merge) if guard.interrupting else drawing.end(f"{guard.key}e") + flow(end, f"{guard.key}e")
        return xml, activity, merge

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return GuardedTokens(self, data, scope)

    def parts(self) -> list[Block]:
        return [self.activity, *(guard.handler for guard in self.guards)]


class GuardedTokens(Tokens):
    def __init__(self, block: Guarded, data: Data, scope: Scope) -> None:
        self.block, self.data, self.scope = block, data, scope
        self.on_way = block.activity.begin(data, scope)
        self.armed = {guard.key: Armed(guard, scope) for guard in block.guards}

    def tasks(self) -> list[Doable]:
        return self.on_way.tasks()

    def events(self) -> list[Doable]:
        own = [
            Doable(armed.guard.key, {}, self._fire(armed), armed.due, writes=armed.guard.key if armed.writes else "")
            for armed in self.armed.values()
        ]
        return own + self.on_way.events()

    def _fire(self, armed: Armed) -> Event:
        guard = armed.guard

        def fire(values: Values) -> None:
            now = self.on_way.data_now()
            if guard.interrupting:
                self.armed = {}
                payload = {guard.key: values.written} if armed.writes else {}
                self.on_way = guard.handler.begin({**now, **payload}, self.scope)
                return
            self.scope.beside.append(guard.handler.begin(now, self.scope))
            if armed.fired_for_good():
                del self.armed[guard.key]

        return fire

    def settle(self) -> bool:
        done = self.on_way.settle()
        if done:
            self.armed, self.data = {}, self.on_way.data
        return done

    def data_now(self) -> Data:
        return self.on_way.data_now()


class Armed:
    """A guard that waits."""

    def __init__(self, guard: Guard, scope: Scope) -> None:
        self.guard, self.left = guard, guard.times
        self.due = scope.game.now + timedelta(hours=guard.hours) if guard.hours else None

    @property
    def writes(self) -> bool:
        """Only what ends the activity: what goes on beside may do so twice at once, and then any order is right."""
        return self.guard.interrupting and self.due is None

    def fired_for_good(self) -> bool:
        """A message may come again and again, a timer comes so often."""
        if self.due is None:
            return False
        self.left -= 1
        self.due += timedelta(hours=self.guard.hours)
        return self.left == 0


@dataclass
class Awaited(Block):
    """An event-based gateway: messages (0) and timers (hours), each with a way of its own."""

    key: str
    hours: list[int]
    ways: list[Block]

    def draw(self) -> tuple[str, str, str]:
        gateway, merge = f"{self.key}g", f"{self.key}m"
        xml = drawing.node("eventBasedGateway", gateway) + drawing.choice(merge)
        for number, (hours, way) in enumerate(zip(self.hours, self.ways, strict=True)):
            event = f"{self.key}c{number}"
            definition = drawing.timer(f"PT{hours}H") if hours else drawing.message(f"M{number % 2 + 1}")
            part, first, last = way.draw()
            xml += part + drawing.catch(event, definition) + path(gateway, event, first) + flow(last, merge)
        return xml, gateway, merge

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return AwaitedTokens(self, data, scope)

    def parts(self) -> list[Block]:
        return self.ways


class AwaitedTokens(Following):
    def __init__(self, block: Awaited, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        self.block = block
        self.began = scope.game.now

    def events(self) -> list[Doable]:
        if self.now is not None:
            return self.now.events()
        return [
            Doable(
                key := f"{self.block.key}c{number}",
                self.data,
                self._take(way, "" if hours else key),
                self.began + timedelta(hours=hours) if hours else None,
                writes="" if hours else key,
            )
            for number, (hours, way) in enumerate(zip(self.block.hours, self.block.ways, strict=True))
        ]

    def _take(self, way: Block, writes: str) -> Event:
        def take(values: Values) -> None:
            payload = {writes: values.written} if writes else {}
            self.now = way.begin({**self.data, **payload}, self.scope)

        return take

    def settle(self) -> bool:
        if self.now is None or not self.now.settle():
            return False
        self.data = self.now.data
        return True
