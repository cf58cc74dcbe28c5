"""Registries of the processes' contributions, from operations and briefings to the texts of their invoices."""

from engine.contributions.briefings import Briefings
from engine.contributions.handovers import Handovers
from engine.contributions.listings import Listings
from engine.contributions.office_rules import OfficeRules
from engine.contributions.operations import Operations
from engine.contributions.printouts import Printouts
from engine.contributions.questions import Questions
from engine.contributions.renames import Renames
from engine.contributions.sheets import Sheets
from workflows.invoicing import LineTexts

renames = Renames()
operations = Operations()
briefings = Briefings(renames)
printouts = Printouts(renames)
handovers = Handovers(renames)
listings = Listings()
sheets = Sheets()
office_rules = OfficeRules()
questions = Questions()
line_texts = LineTexts()
