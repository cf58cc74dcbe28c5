"""Operations, briefings and letters of ``bpmn_diagrams/project_registration.bpmn``."""
