"""Examples of every command, for its `--help` and for the manual; loaded only when help is shown."""

Example = tuple[str, str]  # the command line, what it is for

EXAMPLES: dict[str, tuple[Example, ...]] = {}
