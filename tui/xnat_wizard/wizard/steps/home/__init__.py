"""Home: what is going on, and the ways on."""

from xnat_wizard.wizard.steps.home.step import HomeStep

__all__ = ["HomeStep"]
