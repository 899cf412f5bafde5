"""The login step: where, who, and with what."""

from xnat_wizard.wizard.steps.login.step import LoginStep

__all__ = ["LoginStep"]
