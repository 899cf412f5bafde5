"""Troubleshoot: what a person knows of missing data, the search, what was found, and what can be done."""

from xnat_wizard.wizard.steps.troubleshoot.step import TroubleshootStep

__all__ = ["TroubleshootStep"]
