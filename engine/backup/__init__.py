"""Backups: database, files and public keys as they were at one moment, proved whole before they are used."""
