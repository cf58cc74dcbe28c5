"""Pieces of a process that are scopes of their own: errors caught at their edge, event subprocesses inside."""

from __future__ import annotations

from dataclasses import dataclass

from tests.engine import drawing
from tests.engine.blocks import Abreast, Call, Sub, SubTokens, Task
from tests.engine.blocks_of_events import Armed, Event, Guard
from tests.engine.drawing import flow
from tests.engine.tokens import Block, Catch, Data, Doable, Following, Scope, Tokens, Values, newest

THROWN = {
    "error": '<errorEventDefinition errorRef="E1"/>',
    "escalation": '<escalationEventDefinition escalationRef="X1"/>',
}


@dataclass
class Apart(Block):
    """Two branches that part at a gateway and join again."""

    key: str
    branches: list[Block]

    def draw(self) -> tuple[str, str, str]:
        fork, join = f"{self.key}f", f"{self.key}j"
        xml = drawing.fork(fork, join)
        for branch in self.branches:
            part, first, last = branch.draw()
            xml += part + flow(fork, first) + flow(last, join)
        return xml, fork, join

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return Abreast(self.branches, data, scope)

    def parts(self) -> list[Block]:
        return self.branches


@dataclass
class Thrower(Block):
    """A body, a task that decides, and the event that is thrown when it says so."""

    key: str
    kind: str
    body: Block

    def __post_init__(self) -> None:
        self.ask = Task(f"{self.key}d")

    def draw(self) -> tuple[str, str, str]:
        choose, throw, merge = f"{self.key}q", f"{self.key}x", f"{self.key}m"
        xml, first, last = self.body.draw()
        xml += self.ask.draw()[0] + flow(last, self.ask.name) + flow(self.ask.name, choose)
        xml += drawing.choice(choose, f"{self.key}no") + drawing.choice(merge)
        xml += flow(choose, merge, key=f"{self.key}no") + flow(choose, throw, "d % 3 == 0")
        if self.kind == "error":
            return xml + drawing.end(throw, THROWN["error"]), first, merge
        return (
            xml + drawing.node("intermediateThrowEvent", throw, THROWN["escalation"]) + flow(throw, merge),
            first,
            merge,
        )

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return ThrowerTokens(self, data, scope)

    def parts(self) -> list[Block]:
        return [self.body]


class ThrowerTokens(Following):
    def __init__(self, thrower: Thrower, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        self.thrower = thrower

    def next_stage(self) -> Tokens | None:
        if self.stage < 2:
            return (self.thrower.body, self.thrower.ask)[self.stage].begin(self.data, self.scope)
        if self.thrower.ask.answered % 3 == 0:
            self.scope.throw(self.thrower.kind)
        return None


@dataclass
class Thrown(Block):
    """A subprocess in which an error or an escalation may be thrown, and who catches it at its edge.

    Inside, a task's answer decides; beside it runs ``other``. ``deep``: it is thrown one level further down, in a
    subprocess or a called process. Nobody need catch an escalation (``handler`` is None).
    """

    key: str
    kind: str  # error or escalation
    body: Block
    other: Block
    handler: Block | None
    interrupting: bool = True
    deep: str = ""  # sub or call

    def __post_init__(self) -> None:
        self.thrower = Thrower(f"{self.key}t", self.kind, self.body)
        inner: Block = self.thrower
        if self.deep == "sub":
            inner = Sub(f"{self.key}i", inner)
        elif self.deep == "call":
            inner = Call(f"{self.key}i", inner)
        self.branches: list[Block] = [inner, self.other]
        self.around = Sub(self.key, Apart(self.key, self.branches))

    def draw(self) -> tuple[str, str, str]:
        merge, edge = f"{self.key}m", f"{self.key}b"
        xml = self.around.drawn_with("") + drawing.choice(merge) + flow(self.key, merge)
        if self.handler is None:
            return xml, self.key, merge
        part, first, last = self.handler.draw()
        xml += drawing.boundary(edge, self.key, THROWN[self.kind], interrupting=self.interrupting)
        xml += part + flow(edge, first)
        xml += flow(last, merge) if self.interrupting else drawing.end(f"{edge}e") + flow(last, f"{edge}e")
        return xml, self.key, merge

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return ThrownTokens(self, data, scope)

    def parts(self) -> list[Block]:
        return [self.around, *([self.handler] if self.handler else [])]


class ThrownTokens(Tokens):
    def __init__(self, block: Thrown, data: Data, scope: Scope) -> None:
        self.block, self.data, self.scope = block, data, scope
        catches = [(block.kind, self._catch)] if block.handler else []
        self.on_way: Tokens = SubTokens(Apart(block.key, block.branches), data, scope.inner(*catches))
        self.caught: Data | None = None

    def _catch(self) -> None:
        now = self.on_way.data_now()
        assert self.block.handler is not None
        if self.block.interrupting:
            self.caught = now
        else:
            self.scope.beside.append(self.block.handler.begin(now, self.scope))

    def tasks(self) -> list[Doable]:
        return self.on_way.tasks()

    def events(self) -> list[Doable]:
        return self.on_way.events()

    def settle(self) -> bool:
        done = self.on_way.settle()
        if self.caught is not None:
            assert self.block.handler is not None
            self.on_way, self.caught = self.block.handler.begin(self.caught, self.scope), None
            done = self.on_way.settle()
        self.data = self.on_way.data
        return done

    def data_now(self) -> Data:
        return self.on_way.data_now()


@dataclass
class Scoped(Block):
    """A subprocess, or the whole process, with event subprocesses: messages, timers, and what is thrown inside."""

    key: str
    body: Block
    guards: list[Guard]

    def draw(self) -> tuple[str, str, str]:
        return drawing.subprocess(self.key, self.content()), self.key, self.key

    def content(self) -> str:
        """What stands inside."""
        return drawing.inside(self.body, self.key) + "".join(map(self._event_subprocess, self.guards))

    def _event_subprocess(self, guard: Guard) -> str:
        xml, first, last = guard.handler.draw()
        begin = {"isInterrupting": str(guard.interrupting).lower()}
        xml += drawing.node("startEvent", guard.key, THROWN.get(guard.thrown) or guard.definition, **begin)
        xml += flow(guard.key, first) + drawing.end(f"{guard.key}e") + flow(last, f"{guard.key}e")
        return drawing.node("subProcess", f"{guard.key}v", xml, triggeredByEvent="true")

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return ScopedTokens(self, data, scope)

    def parts(self) -> list[Block]:
        return [self.body, *(guard.handler for guard in self.guards)]


class ScopedTokens(Tokens):
    """Done when its body, or what came instead of it, and all event subprocesses are done."""

    def __init__(self, block: Scoped, data: Data, scope: Scope) -> None:
        self.data, self.outside = data, scope
        waiting = [Armed(guard, scope) for guard in block.guards]
        self.armed = {one.guard.key: one for one in waiting if not one.guard.thrown}
        catches = [(one.guard.thrown, self._catch(one)) for one in waiting if one.guard.thrown]
        self.body: Tokens = SubTokens(block.body, data, scope.inner(*catches))
        self.instead: Tokens | None = None  # comes into force when the body has come to rest
        self.beside: list[Tokens] = []

    def _all(self) -> list[Tokens]:
        return [self.body, *self.beside]

    def tasks(self) -> list[Doable]:
        return [task for tokens in self._all() for task in tokens.tasks()]

    def events(self) -> list[Doable]:
        own = [
            Doable(key, {}, self._fire(armed), armed.due, writes=key if armed.writes else "")
            for key, armed in self.armed.items()
        ]
        return own + [event for tokens in self._all() for event in tokens.events()]

    def _catch(self, armed: Armed) -> Catch:
        return lambda: self._begin(armed, {})

    def _fire(self, armed: Armed) -> Event:
        def fire(values: Values) -> None:
            self._begin(armed, {armed.guard.key: values.written} if armed.writes else {})
            if armed.guard.interrupting:
                self.settle_instead()
            elif armed.fired_for_good():
                del self.armed[armed.guard.key]

        return fire

    def _begin(self, armed: Armed, payload: Data) -> None:
        handler = SubTokens(armed.guard.handler, {**self.data_now(), **payload}, self.outside.inner())
        if armed.guard.interrupting:
            self.instead = handler
        else:
            self.beside.append(handler)

    def settle_instead(self) -> None:
        if self.instead is not None:
            self.body, self.instead, self.beside, self.armed = self.instead, None, [], {}

    def settle(self) -> bool:
        done = self.body.settle()
        if self.instead is not None:
            self.settle_instead()
            done = self.body.settle()
        if done:
            self.armed = {}
        done = all([tokens.settle() for tokens in self.beside]) and done
        self.data = self.data_now()
        return done

    def data_now(self) -> Data:
        return newest(*(tokens.data_now() for tokens in self._all()))
