"""What the tests of secrets and privacy share with those of the command line."""

from cli.conftest import account, new_plan, slow, uploads

__all__ = ["account", "new_plan", "slow", "uploads"]
