"""Stories of the processes, told in the words of their diagrams."""
