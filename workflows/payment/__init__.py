"""Payments: ``bpmn_diagrams/payment.bpmn``, and the records of money that ``unmatched_payment`` shares (PAY)."""
