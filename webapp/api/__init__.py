"""The JSON API: the pages' twin for other programs. Same engine door, same rights, same forms.

Signed in by bearer tokens only, never by the browser's cookie, so no page of another site can use it.
"""
