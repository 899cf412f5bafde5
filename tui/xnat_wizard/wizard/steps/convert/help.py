"""What F1 says in the convert step."""

HELP = """\
## Convert

Images become NIfTI files, and with naming rules a dataset by the BIDS standard. The originals are only read.

The list shows every series, the rule that takes it, and what it would be called. Below stands why: for each rule the
conditions that are not met. **Enter** shows all of it, **Space** leaves a series out.

**Rules file** - a file that you write: type its path, or **F2** chooses: a file, the rules that the project keeps, the
built-in example, or a new file to fill in from what is here. A file is read again when it changes; **F5** reads it at
once. **F6** keeps the rules in the project: from then on they are used here unless others are chosen.

**Into folder** - where the images go. **F4** chooses: BIDS or plain names, the converter, whether the images go into
the scans of the project on XNAT, too, what happens to images that are there already.

**Ctrl+N** converts. It can be stopped, and goes on where it stopped. A BIDS validator looks at the dataset where it is
installed.
"""
