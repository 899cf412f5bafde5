"""The connection check: from the name service to a DICOM receiver, one probe a function, cheapest first."""

from xnat_wizard.troubleshoot.check.model import Check, DicomPeer, Question, Running, State
from xnat_wizard.troubleshoot.check.runner import PROBES, run_checks

__all__ = ["PROBES", "Check", "DicomPeer", "Question", "Running", "State", "run_checks"]
