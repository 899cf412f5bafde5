"""What F1 says in the results step."""

HELP = """\
## Results

One folder of results for each subject becomes one resource of each subject, session or scan, all at once.

1. **Folder** - the folder around the results, or one of them; F2 shows a tree. Enter takes the pattern that is
   proposed: `{subject}` stands for the label of the subject, so `erc-wp1-{subject}` means `erc-wp1-p020`,
   `erc-wp1-p021` and so on. A zip or tar for each subject goes as well. **F7** takes a proposal back.
2. **Subjects** - leave it empty for all that fit, or name them: `p020..p023, p031`.
3. **Session** - how the sessions are called: `{subject}-mri`. **F3** chooses project, subject, session or scan.
4. **Resource** - its name on the site, such as `qBOLD`.

The list shows every target before anything is moved: where it goes, how many files, and how it stands. **Space**
leaves one out, **Enter** says all about it. *new*: nothing of it is there. *exists*: files of these names are there.
*ambiguous*: several sources for one place, or several places of one name.

**F4** says what happens to existing files, and whether archives are kept whole. **F6** goes the other way: from the
site into folders here. **F5** looks again. **Ctrl+N** begins; it can be stopped, and goes on where it stopped.
"""
