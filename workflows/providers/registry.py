"""The providers of outside services by name: the choice of an installation, and the chosen ones.

A provider is a module of this package. It registers a factory under its name, with the settings that the provider
needs and a mark for stand-ins. The names are both the values that the setting allows and the values that an error
text names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, Protocol, TypeVar

from sqlalchemy.orm import Session, sessionmaker

from engine.settings import OneOf, Reading, Section, Words, setting, variable_of, words
from workflows.providers.payment_gateway import PaymentGateway
from workflows.providers.sms import SmsProvider


class Named(Protocol):
    """A provider's object: its name is stored with what it did."""

    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Named)


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
    return_parameter: str = ""  # of a payment gateway: the parameter with its id when the payer's browser comes back


@dataclass(frozen=True, kw_only=True)
class Configured(Generic[P]):
    """A chosen provider with its own settings."""

    provider: Provider[P]
    settings: Section

    def make(self, wiring: Wiring) -> P:
        """The provider. Raises ValueError: its name is not the registered one, by which its work is found again."""
        made = self.provider.make(self.settings, wiring)
        if made.name != self.provider.name:
            raise ValueError(f"The provider registered as {self.provider.name!r} calls itself {made.name!r}")
        return made


class Providers(Generic[P]):
    """The providers of one service. ``service`` is the setting that chooses one of them.

    ``returns``: they send the payer's browser back to us, and say with which parameter.
    """

    def __init__(self, service: str, *, returns: bool = False) -> None:
        self.service = service
        self._returns = returns
        self._providers: dict[str, Provider[P]] = {}

    def register(
        self,
        name: str,
        label: Any,
        *,
        settings: type[Section] = Section,
        stand_in: bool = False,
        return_parameter: str = "",
    ) -> Callable[[Callable[[Any, Wiring], P]], Callable[[Any, Wiring], P]]:
        """Register the decorated factory.

        Raises ValueError: the name is taken, or a payment gateway has no return parameter.
        """
        if self._returns and not return_parameter:
            raise ValueError(f"{name!r} names no return parameter: where is its id when the payer comes back?")

        def registered(make: Callable[[Any, Wiring], P]) -> Callable[[Any, Wiring], P]:
            if name in self._providers:
                raise ValueError(f"Two providers of {self.service} are called {name!r}")
            self._providers[name] = Provider(
                name=name,
                label=label,
                make=make,
                settings=settings,
                stand_in=stand_in,
                return_parameter=return_parameter,
            )
            return make

        return registered

    def names(self) -> list[str]:
        """The values of the setting."""
        return sorted(self._providers)

    def labels(self) -> dict[str, Any]:
        """Name → label for people."""
        return {one.name: one.label for one in self}

    def return_parameter(self, name: str) -> str:
        """The parameter with the id of a payment in the return address; "" for an unknown gateway."""
        known = self._providers.get(name)
        return known.return_parameter if known else ""

    def get(self, name: str) -> Provider[P] | None:
        """The provider of this name; ``None`` if this version has none."""
        return self._providers.get(name)

    def real(self) -> list[str]:
        """The names of the providers that reach the outside world."""
        return [name for name in self.names() if not self._providers[name].stand_in]

    def __getitem__(self, name: str) -> Provider[P]:
        return self._providers[name]

    def __iter__(self) -> Iterator[Provider[P]]:
        return iter(self._providers.values())


payment_gateways: Providers[PaymentGateway] = Providers("payment_gateway", returns=True)
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
    """The provider of each service. ``other_gateways`` verify the payments that were opened at them before."""

    payment_gateway: Configured[PaymentGateway]
    sms: Configured[SmsProvider]
    other_gateways: tuple[Configured[PaymentGateway], ...] = ()


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

    Payment gateways whose settings are all given are read, too: payments may be open at them. Settings of other SMS
    providers may be present and are ignored.
    """
    choice = reading.read(Choice)
    gateway = _read(reading, payment_gateways, production=production)
    sms = _read(reading, sms_providers, production=production)
    if not (choice and gateway and sms):
        return None
    others = _other_gateways(reading, gateway.provider.name, production=production)
    return Chosen(payment_gateway=gateway, sms=sms, other_gateways=tuple(others))


def _other_gateways(reading: Reading, chosen: str, *, production: bool) -> Iterator[Configured[PaymentGateway]]:
    """The gateways besides the chosen one whose settings are given; stand-ins only where they are allowed."""
    for provider in payment_gateways:
        refused = provider.stand_in and production and not _is_allowed(reading, payment_gateways)
        if provider.name == chosen or refused:
            continue
        if all(reading.given(name, "") for name in required(provider.settings)):
            settings = reading.read(provider.settings)
            if settings is not None:
                yield Configured(provider=provider, settings=settings)


def required(section: type[Section]) -> list[str]:
    """The names of the settings that must be given."""
    return [name for name, field in section.model_fields.items() if field.is_required()]


def _is_allowed(reading: Reading, providers: Providers[Any]) -> bool:
    """Whether a stand-in may do this service in production."""
    return providers.service in words(reading.given("allow_stand_ins", ""))


def _read(reading: Reading, providers: Providers[P], *, production: bool) -> Configured[P] | None:
    """A service's provider, also if another field of ``Choice`` is wrong: all problems are reported at once."""
    name = reading.given(providers.service, str(Choice.model_fields[providers.service].default))
    if name not in providers.names():
        return None
    provider = providers[name]
    if production and provider.stand_in and not _is_allowed(reading, providers):
        reading.problem(providers.service, _refused(providers, name))
    settings = reading.read(provider.settings)
    return None if settings is None else Configured(provider=provider, settings=settings)


def _refused(providers: Providers[Any], name: str) -> str:
    return (
        f"is {name}, which only stands in for a real provider and is refused in production; "
        f"set it to {' or '.join(providers.real())}, or set {variable_of('allow_stand_ins')}={providers.service}"
    )
