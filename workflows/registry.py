"""The one registry of what the processes' modules offer to the engine: operations, briefings, printouts."""

from engine.briefing import Briefings
from engine.operations import Operations
from engine.reports import Reports

operations = Operations()
briefings = Briefings()
reports = Reports()
