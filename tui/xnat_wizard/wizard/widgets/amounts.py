"""Numbers as a person reads them, as screens have them at hand; see `xnat_wizard.amounts`."""

from xnat_wizard.amounts import bytes_text, count_text, date_text, duration_text

__all__ = ["bytes_text", "count_text", "date_text", "duration_text"]
