"""Where missing data went: probes that ask, diagnoses that say it, the letter to who can help."""
