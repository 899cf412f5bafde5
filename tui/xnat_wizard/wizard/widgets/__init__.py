"""What two steps share; no idea what XNAT is."""
