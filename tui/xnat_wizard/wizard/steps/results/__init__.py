"""Results: result folders into resources of a project and back, for many subjects at once."""

from xnat_wizard.wizard.steps.results.step import ResultsStep

__all__ = ["ResultsStep"]
