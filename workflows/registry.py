"""The one registry of what the processes' modules offer: operations, briefings, printouts, lists, own sheets."""

from engine.briefing import Briefings
from engine.listings import Listings
from engine.operations import Operations
from engine.reports import Reports
from engine.sheets import Sheets

operations = Operations()
briefings = Briefings()
reports = Reports()
listings = Listings()
sheets = Sheets()
