"""The project step: choose one that is there, or make a new one."""

from xnat_wizard.wizard.steps.project.step import ProjectStep

__all__ = ["ProjectStep"]
