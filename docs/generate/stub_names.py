"""For griffe, which mkdocstrings reads code with: names of `econ/__init__.pyi` that would hide a subpackage."""

from __future__ import annotations

from typing import Any

import griffe


class CallablePackages(griffe.Extension):
    """`econ.claims` is a package that can be called; the stub declares the call, the reference shows the package."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **kwargs: Any) -> None:
        """Leave out the stub's attribute."""
        if attr.path == "econ.claims" and attr.parent is not None:
            attr.parent.del_member("claims")
