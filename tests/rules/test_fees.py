"""What a contractor pays (FEE-1 to FEE-3, INS-7, INS-8), by the tariff of 1396."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rules.fees import MeterForFee, registration_lines, repeated_visit_lines, stage_lines, total

SURFACE_TARIFF = {  # class: (inspection of each stage, repeated visit), Rials
    "G4": (690_000, 390_000),
    "G6": (730_000, 410_000),
    "G10": (770_000, 430_000),
    "G16": (810_000, 450_000),
    "G25": (850_000, 470_000),
    "G40": (1_500_000, 800_000),
    "G65": (1_700_000, 900_000),
    "G100": (2_300_000, 1_200_000),
}


def tariff(meter_class: str, work_type: str, item: str) -> int:
    amount = SURFACE_TARIFF[meter_class][item == "repeated_visit"]
    return amount if work_type == "surface" else amount * 5 // 4


meters = st.lists(st.sampled_from(sorted(SURFACE_TARIFF)), max_size=40).map(
    lambda classes: [MeterForFee(number, each) for number, each in enumerate(classes, start=1)]
)


@pytest.mark.rule("FEE-1")
def test_surface_work_prepays_two_inspections_of_each_meter():
    lines = registration_lines([MeterForFee(1, "G4"), MeterForFee(2, "G6")], "surface", tariff=tariff)

    assert [(line.meter_number, line.stage, line.quantity, line.amount) for line in lines] == [
        (1, "pre_inspection", 1, 690_000),
        (1, "final_inspection", 1, 690_000),
        (2, "pre_inspection", 1, 730_000),
        (2, "final_inspection", 1, 730_000),
    ]
    assert {line.item for line in lines} == {"inspection"}


@pytest.mark.rule("FEE-2")
def test_concealed_work_prepays_three_sub_works_and_the_final_inspection():
    lines = registration_lines([MeterForFee(1, "G4")], "concealed", tariff=tariff)

    assert [(line.stage, line.quantity, line.unit_amount, line.amount) for line in lines] == [
        ("sub_work", 3, 862_500, 2_587_500),
        ("final_inspection", 1, 862_500, 862_500),
    ]
    assert total(lines) == 3_450_000


@pytest.mark.rule("INS-7")
def test_a_fourth_sub_work_costs_one_stage_of_all_meters():
    lines = stage_lines([MeterForFee(1, "G4"), MeterForFee(2, "G100")], "concealed", stage="sub_work", tariff=tariff)

    assert [line.amount for line in lines] == [862_500, 2_875_000]
    assert {line.stage for line in lines} == {"sub_work"}


@pytest.mark.rule("INS-8")
def test_a_repeated_visit_costs_its_own_fee_for_each_marked_meter():
    lines = repeated_visit_lines([MeterForFee(2, "G6")], "surface", stage="final_inspection", tariff=tariff)

    assert [(line.meter_number, line.item, line.amount) for line in lines] == [(2, "repeated_visit", 410_000)]


@pytest.mark.rule("FEE-3")
@given(meters, st.sampled_from(["surface", "concealed"]))
def test_an_invoice_is_the_sum_of_its_lines_in_whole_rials(group, work_type):
    lines = registration_lines(group, work_type, tariff=tariff)

    stages = 2 if work_type == "surface" else 4
    expected = sum(stages * tariff(meter.meter_class, work_type, "inspection") for meter in group)
    assert total(lines) == sum(line.quantity * line.unit_amount for line in lines) == expected
    assert all(type(line.amount) is int and line.amount > 0 for line in lines)
    assert len({(line.meter_number, line.stage) for line in lines}) == len(lines) == 2 * len(group)


@pytest.mark.rule("FEE-1", "FEE-2")
@given(meters)
def test_concealed_work_costs_two_and_a_half_times_surface_work(group):
    surface, concealed = (total(registration_lines(group, kind, tariff=tariff)) for kind in ("surface", "concealed"))

    assert concealed * 2 == surface * 5  # four inspections for two, each 25 % dearer


@pytest.mark.rule("FEE-3")
@pytest.mark.parametrize("odd", [862_500.0, Decimal("862500"), "862500", True, None, 0, -1])
def test_a_tariff_that_gives_no_whole_rials_is_refused_and_never_rounded(odd):
    with pytest.raises(ValueError, match="G4, concealed, inspection"):
        registration_lines([MeterForFee(1, "G4")], "concealed", tariff=lambda *_: odd)


def test_an_unknown_type_of_work_has_no_fee():
    with pytest.raises(ValueError):
        registration_lines([MeterForFee(1, "G4")], "buried", tariff=tariff)
