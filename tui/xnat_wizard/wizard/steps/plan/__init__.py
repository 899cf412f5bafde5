"""The plan step: which sessions go where, under which labels, and what XNAT will do with them."""

from xnat_wizard.wizard.steps.plan.step import PlanStep

__all__ = ["PlanStep"]
