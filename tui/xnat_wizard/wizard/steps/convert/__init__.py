"""Convert: series to NIfTI and BIDS by naming rules, with a tester that says which rule takes which series."""

from xnat_wizard.wizard.steps.convert.step import ConvertStep

__all__ = ["ConvertStep"]
