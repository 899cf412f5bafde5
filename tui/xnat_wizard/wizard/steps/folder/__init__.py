"""The folder step: choose where the images are, and see what is there."""

from xnat_wizard.wizard.steps.folder.step import FolderStep

__all__ = ["FolderStep"]
