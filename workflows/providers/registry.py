"""The providers of outside services by name: the choice of an installation, and the chosen ones.

A provider is a module of this package. It registers a factory under its name, with the settings that the provider
needs and a mark for stand-ins. The names are both the values that the setting allows and the values that an error
text names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from sqlalchemy.orm import Session, sessionmaker

from engine.settings import OneOf, Reading, Section, Words, setting, variable_of, words
from workflows.providers.payment_gateway import PaymentGateway
from workflows.providers.sms import SmsProvider

P = TypeVar("P")


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """Parts of the application that a provider gets beside its settings."""

    sessions: sessionmaker[Session]
    public_url: str  # where browsers reach this installation
    clock: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Provider(Generic[P]):
    """A registered provider: ``make`` takes an instance of ``settings`` and the wiring."""

    name: str
    label: Any  # a lazy text for people
    make: Callable[[Any, Wiring], P]
    settings: type[Section]
    stand_in: bool  # does not reach the outside world: no money moves, no telephone rings


@dataclass(frozen=True, kw_only=True)
class Configured(Generic[P]):
    """A chosen provider with its own settings."""

    provider: Provider[P]
    settings: Section

    def make(self, wiring: Wiring) -> P:
        return self.provider.make(self.settings, wiring)


class Providers(Generic[P]):
    """The providers of one service. ``service`` is the setting that chooses one of them."""

    def __init__(self, service: str) -> None:
        self.service = service
        self._providers: dict[str, Provider[P]] = {}

    def register(
        self, name: str, label: Any, *, settings: type[Section] = Section, stand_in: bool = False
    ) -> Callable[[Callable[[Any, Wiring], P]], Callable[[Any, Wiring], P]]:
        """Register the decorated factory. Raises ValueError: the name is taken."""

        def registered(make: Callable[[Any, Wiring], P]) -> Callable[[Any, Wiring], P]:
            if name in self._providers:
                raise ValueError(f"Two providers of {self.service} are called {name!r}")
            self._providers[name] = Provider(name=name, label=label, make=make, settings=settings, stand_in=stand_in)
            return make

        return registered

    def names(self) -> list[str]:
        """The values of the setting."""
        return sorted(self._providers)

    def labels(self) -> dict[str, Any]:
        """Name → label for people."""
        return {one.name: one.label for one in self}

    def real(self) -> list[str]:
        """The names of the providers that reach the outside world."""
        return [name for name in self.names() if not self._providers[name].stand_in]

    def __getitem__(self, name: str) -> Provider[P]:
        return self._providers[name]

    def __iter__(self) -> Iterator[Provider[P]]:
        return iter(self._providers.values())


payment_gateways: Providers[PaymentGateway] = Providers("payment_gateway")
sms_providers: Providers[SmsProvider] = Providers("sms_provider")
SERVICES: tuple[Providers[Any], ...] = (payment_gateways, sms_providers)


def _services() -> list[str]:
    return [providers.service for providers in SERVICES]


class Choice(Section):
    """The names of the chosen providers."""

    payment_gateway: Annotated[str, OneOf(payment_gateways.names)] = setting("who takes payments", default="test")
    sms_provider: Annotated[str, OneOf(sms_providers.names)] = setting("who delivers SMS", default="screen")
    allow_stand_ins: Annotated[Words, OneOf(_services)] = setting(
        "services that a stand-in may do in production, too, with commas between them", default=()
    )


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The provider of each service."""

    payment_gateway: Configured[PaymentGateway]
    sms: Configured[SmsProvider]


def sections() -> list[type[Section]]:
    """All settings of providers, also of those that are not chosen."""
    return [Choice, *dict.fromkeys(provider.settings for providers in SERVICES for provider in providers)]


def stand_ins() -> Chosen:
    """Providers that work without a setting: for trying out, for demonstrations and for tests."""
    defaults = Choice()
    return Chosen(
        payment_gateway=Configured(provider=payment_gateways[defaults.payment_gateway], settings=Section()),
        sms=Configured(provider=sms_providers[defaults.sms_provider], settings=Section()),
    )


def read(reading: Reading, *, production: bool) -> Chosen | None:
    """The chosen providers with their own settings; ``None`` if ``reading`` collected a problem.

    Settings of other providers may be present and are ignored.
    """
    choice = reading.read(Choice)
    gateway = _read(reading, payment_gateways, production=production)
    sms = _read(reading, sms_providers, production=production)
    return Chosen(payment_gateway=gateway, sms=sms) if choice and gateway and sms else None


def _read(reading: Reading, providers: Providers[P], *, production: bool) -> Configured[P] | None:
    """A service's provider, also if another field of ``Choice`` is wrong: all problems are reported at once."""
    name = reading.given(providers.service, str(Choice.model_fields[providers.service].default))
    if name not in providers.names():
        return None
    provider = providers[name]
    if production and provider.stand_in and providers.service not in words(reading.given("allow_stand_ins", "")):
        reading.problem(providers.service, _refused(providers, name))
    settings = reading.read(provider.settings)
    return None if settings is None else Configured(provider=provider, settings=settings)


def _refused(providers: Providers[Any], name: str) -> str:
    return (
        f"is {name}, which only stands in for a real provider and is refused in production; "
        f"set it to {' or '.join(providers.real())}, or set {variable_of('allow_stand_ins')}={providers.service}"
    )
