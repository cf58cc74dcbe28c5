"""What a report of an inspection costs the contractor, and what a corrected meter changes (INS-5 to INS-9, INS-11).

Which item a report costs, and for which meters, ``report_fee.dmn`` says; the amounts are the tariff's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from workflows.rules.fees import FeeLine, MeterForFee, Tariff, item_line

NONE = "none"
NOT_POSSIBLE = "not_possible"  # the table's word for an outcome that this work or stage does not have
CLASS_DIFFERENCE = "class_difference"  # the item of a line that asks for the rest of a larger class

SUB_WORK = "sub_work"
DEFECTS = "defects"
ABSENCES = frozenset({"absent_with_fee", "absent_without_fee"})
MARKS_METERS = ABSENCES | {DEFECTS}  # outcomes that are about certain meters (INS-5)


@dataclass(frozen=True)
class ReportFee:
    """An answer of ``report_fee.dmn``: ``item`` is none, inspection, repeated_visit or not_possible."""

    item: str
    meters: str  # none | all | marked


def lines_of_report(
    fee: ReportFee,
    meters: Sequence[MeterForFee],
    *,
    marked: Collection[int],
    work_type: str,
    stage: str,
    tariff: Tariff,
) -> list[FeeLine]:
    """The invoice of a report: nothing, one more stage for all meters, or a repeated visit for the marked ones."""
    if fee.item == NONE:
        return []
    meant = [meter for meter in meters if fee.meters == "all" or meter.number in marked]
    if not meant:
        raise ValueError(f"A report that costs {fee.item} without a meter")
    return [item_line(meter, work_type, tariff, item=fee.item, stage=stage) for meter in meant]


@dataclass(frozen=True)
class Difference:
    """What a corrected meter changes: lines to pay, or an ``amount`` below zero that is credited."""

    amount: int
    lines: list[FeeLine]


def difference(
    meter: MeterForFee, *, class_before: str, prepaid: Mapping[str, int], work_type: str, tariff: Tariff
) -> Difference:
    """What the ``prepaid`` stages (stage → how often) of a meter cost more or less in its new class, by one tariff."""
    more = tariff(meter.meter_class, work_type, "inspection") - tariff(class_before, work_type, "inspection")
    amount = sum(more * quantity for quantity in prepaid.values())
    if amount <= 0:
        return Difference(amount, [])
    lines = [
        FeeLine(
            meter_number=meter.number,
            meter_class=meter.meter_class,
            item=CLASS_DIFFERENCE,
            stage=stage,
            quantity=quantity,
            unit_amount=more,
        )
        for stage, quantity in prepaid.items()
    ]
    return Difference(amount, lines)
