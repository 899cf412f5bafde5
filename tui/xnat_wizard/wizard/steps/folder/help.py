"""What F1 says in the folder step: about what has the focus, then about the step."""

PATH_HELP = """\
## A typed path

Below the line stands what it may go on to. **Tab** adds what all of these have in common, **Right** takes the first.
Where nothing is to be completed, Tab goes on to the tree. `~` is your home. **Enter** reads what is typed.
"""
TREE_HELP = """\
## The tree

**Right** or **Space** opens a folder, **Left** closes it or goes to the one around it, **Backspace** shows the folder
around the whole tree. **Enter** reads the folder or archive under the cursor. Hidden ones are left out.
"""
FOUND_HELP = """\
## What was found

**Enter** looks at an image of the series under the cursor, and opens or closes a subject. `ok` goes as it is, `ask` is
held back until you say yes in the plan, `STOP` cannot be sent. A date with a question mark is no date.

**g** goes to the finding about this line, and back. **p** shows which details of patients would leave with the images.
**Next** (Ctrl+N) makes a plan; nothing is sent by it.
"""
FINDINGS_HELP = """\
## Findings

The heaviest stand first. **Enter** explains one: why, and what to do. **g** goes to its place in the tree, and **g**
there comes back.
"""
HELP = """\
## Folder

The wizard expects **subject > series > files**: a folder with one folder for each subject, in it one folder for each
series. What is found elsewhere is listed with the reason and the cure. A **zip, tar or tar.gz** with such folders in it
is read as it is; there is no need to unpack it.

Reading looks at the headers only and changes nothing. Escape stops it.

**Layout** (F4) is for folders that are nested in another way, for instance subject > session > series.
"""
