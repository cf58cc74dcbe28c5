"""Certificates: issued, signed, printed, checked, revoked (CNF)."""
