"""The prearchive step: what waits there, and what is to become of it."""

from xnat_wizard.wizard.steps.prearchive.step import PrearchiveStep

__all__ = ["PrearchiveStep"]
