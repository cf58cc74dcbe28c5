"""Fees of a contractor as invoice lines, in whole Rials (FEE-1 to FEE-3)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

INSPECTION = "inspection"

PrepaidStage = tuple[str, int]  # stage, number of inspections


@dataclass(frozen=True)
class MeterForFee:
    """The facts of a meter that its price may depend on."""

    number: int  # its row, from 1
    meter_class: str
    usage: str = ""
    units: int = 0


Tariff = Callable[[MeterForFee, str, str], int]  # (meter, work type, item) → Rials


@dataclass(frozen=True, kw_only=True)
class FeeLine:
    """A line of an invoice in whole Rials, with the fields of ``InvoiceLine``."""

    meter_number: int
    meter_class: str
    item: str
    stage: str
    quantity: int
    unit_amount: int

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_amount


def registration_lines(
    meters: Sequence[MeterForFee], work_type: str, *, stages: Sequence[PrepaidStage], tariff: Tariff
) -> list[FeeLine]:
    """Lines prepaid at registration: each of ``stages`` for each meter, in whole Rials (FEE-1, FEE-2)."""
    if not stages:
        raise ValueError(f"Nothing is prepaid for this type of work: {work_type!r}")
    return [
        item_line(meter, work_type, tariff, item=INSPECTION, stage=stage, quantity=quantity)
        for meter in meters
        for stage, quantity in stages
    ]


def total(lines: Iterable[FeeLine]) -> int:
    return sum(line.amount for line in lines)


def item_line(
    meter: MeterForFee, work_type: str, tariff: Tariff, *, item: str, stage: str, quantity: int = 1
) -> FeeLine:
    """The line of ``quantity`` times an item for one meter, by the tariff (FEE-3).

    Raises ValueError: the tariff has no whole, positive amount of Rials.
    """
    unit_amount = tariff(meter, work_type, item)
    if type(unit_amount) is not int or unit_amount <= 0:  # a fraction is the table's fault, not rounded here
        where = f"{meter.meter_class}, {work_type}, {item}"
        raise ValueError(f"The tariff gives {unit_amount!r} for {where}: not whole Rials")
    return FeeLine(
        meter_number=meter.number,
        meter_class=meter.meter_class,
        item=item,
        stage=stage,
        quantity=quantity,
        unit_amount=unit_amount,
    )
