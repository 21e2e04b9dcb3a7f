"""A scenario of the fake market of which a sweep moves one lever."""

from __future__ import annotations

from dataclasses import replace

from fake_market import FakeScenario

from econ.core.errors import InputError


class SweptScenario(FakeScenario):
    """Takes settings as the real one does: dotted keys of levers."""

    def with_settings(self, settings):
        for key in settings:
            if key != "levers.commons":
                raise InputError("unknown key", key=key)
        return replace(self, levers={**self.levers, "commons": settings["levers.commons"]})
