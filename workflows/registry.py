"""Registries of the processes' contributions: operations, briefings, printouts, lists, sheets, rules."""

from engine.contributions.briefings import Briefings
from engine.contributions.listings import Listings
from engine.contributions.office_rules import OfficeRules
from engine.contributions.operations import Operations
from engine.contributions.printouts import Printouts
from engine.contributions.sheets import Sheets

operations = Operations()
briefings = Briefings()
printouts = Printouts()
listings = Listings()
sheets = Sheets()
office_rules = OfficeRules()
