"""Run the command line as `python -m xnat_wizard`."""

import sys

from xnat_wizard.cli import main

if __name__ == "__main__":
    sys.exit(main())
