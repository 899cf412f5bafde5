"""The steps of the wizard, one file each; they know nothing of each other."""
