"""The browser or program of a session in words, by what it calls itself; it may say anything."""

from __future__ import annotations

from models.language import gettext as _

# The first match counts: most browsers also call themselves by the names of others.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Macintosh": "macOS",
    "Linux": "Linux",
}


def in_words(agent: str) -> str:
    """For example “Firefox، Windows”; a program by the first part of its name."""
    browser = next((name for sign, name in _BROWSERS.items() if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS.items() if sign in agent), "")
    if browser:
        return _("%(browser)s روی %(system)s", browser=browser, system=system) if system else browser
    return agent.partition(" ")[0][:40] or _("نامعلوم")
