"""The fixtures of a running upload, here as well."""

from upload.conftest import login, new_journal, plan_for, site

__all__ = ["login", "new_journal", "plan_for", "site"]
