"""Payments: ``bpmn_diagrams/payment.bpmn`` and ``unmatched_payment.bpmn`` (PAY)."""
