"""The upload step: start, watch, pause, cancel, resume, receipt."""

from xnat_wizard.wizard.steps.upload.step import UploadStep

__all__ = ["UploadStep"]
