"""Tickets: ``bpmn_diagrams/ticket.bpmn`` (TKT)."""
