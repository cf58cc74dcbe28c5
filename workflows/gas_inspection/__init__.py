"""Operations, briefings, printouts and lists of ``bpmn_diagrams/gas_inspection.bpmn``."""
