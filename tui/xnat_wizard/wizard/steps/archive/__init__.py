"""The archive step: what is there, and the proof."""

from xnat_wizard.wizard.steps.archive.step import ArchiveStep

__all__ = ["ArchiveStep"]
