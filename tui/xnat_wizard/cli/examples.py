"""Examples of every command, for its `--help`; loaded only when help is shown. A test parses each of them."""

Example = tuple[str, str]  # the command line, what it does

_SITE = "https://xnat.example.org"

EXAMPLES: dict[str, tuple[Example, ...]] = {
    "": (
        ("xnat-wizard", "open the wizard"),
        (f"xnat-wizard plan study --site {_SITE} --project DEMO --output study.plan.json", "write down what to send"),
        ("xnat-wizard upload study.plan.json", "send it, and prove that it arrived"),
    ),
    "survey": (
        ("xnat-wizard survey study", "say what is in a folder: subject > series > DICOM files"),
        ("xnat-wizard survey study.zip --layout subject-session-series --json", "an archive, for a program to read"),
    ),
    "plan": (
        (
            f"xnat-wizard plan study --site {_SITE} --project DEMO --output study.plan.json --forecast",
            "write a plan, and ask the site what it will do with each session",
        ),
        (
            "xnat-wizard plan study --to archive --subjects 'S{n:03}' --output study.plan.json",
            "number the subjects; site and project are in the settings",
        ),
    ),
    "upload": (
        ("xnat-wizard upload study.plan.json", "send a plan and wait for the receipt"),
        ("xnat-wizard upload study.plan.json --detach", "send it in a process of its own, which outlives this login"),
        ("xnat-wizard upload study.plan.json --quiet > receipt.txt", "from cron: only what went wrong is said"),
        (
            "xnat-wizard upload study.plan.json --shard $SLURM_ARRAY_TASK_ID/10",
            "one of ten tasks: `sbatch --array=1-10`",
        ),
        ("xnat-wizard upload study.plan.json --summary", "one verdict over all shards"),
    ),
    "attach": (
        ("xnat-wizard attach", "watch the newest upload until it ends"),
        ("xnat-wizard attach 20260101-101500-DEMO --json", "watch one of several, for a program to read"),
    ),
    "resume": (("xnat-wizard resume --limit-rate 2M", "go on with the newest upload, more slowly"),),
    "status": (
        ("xnat-wizard status", "list the uploads of this account"),
        ("xnat-wizard status newest --json", "the sessions of the newest, for a program to read"),
    ),
    "pause": (("xnat-wizard pause", "let the newest upload wait"),),
    "cancel": (
        ("xnat-wizard cancel 20260101-101500-DEMO", "stop an upload; what was sent stays on the site"),
        ("xnat-wizard cancel --delete --yes", "stop the newest, and delete what it has in the prearchive"),
    ),
    "verify": (
        ("xnat-wizard verify", "compare the newest upload with the site again"),
        (
            "xnat-wizard verify receipt.json --list-stored --null > stored.txt",
            "list the local files that are safe there",
        ),
    ),
    "troubleshoot": (
        ("xnat-wizard troubleshoot", "find out where the files of the newest upload are"),
        (f"xnat-wizard troubleshoot --site {_SITE} --project DEMO --session S001_MR1", "look for one session"),
    ),
    "check": (
        ("xnat-wizard check xnat.example.org", "look at the connection to a site, step by step"),
        ("xnat-wizard check xnat.example.org --dicom xnat.example.org:8104", "and at its DICOM receiver"),
    ),
    "send": (
        (f"xnat-wizard send study --project DEMO --site {_SITE}", "send by DICOM, and prove by REST that it arrived"),
        ("xnat-wizard send study --project DEMO --receiver xnat.example.org:8104 --dry-run", "say what would be sent"),
    ),
    "project": (("xnat-wizard project list", "list the projects of the site in the settings"),),
    "project list": (("xnat-wizard project list --mine --search brain", "those that you have a role in"),),
    "project show": (("xnat-wizard project show DEMO --json", "what a project does to an upload"),),
    "project create": (
        (
            "xnat-wizard project create DEMO --title 'A demonstration' --access private --dry-run",
            "say what would be made",
        ),
    ),
    "prearchive": (("xnat-wizard prearchive list --project DEMO", "list what waits in a project"),),
    "prearchive list": (
        ("xnat-wizard prearchive list --project DEMO --older-than 7d --json", "what waits for a week"),
    ),
    "prearchive show": (("xnat-wizard prearchive show S001_MR1 --project DEMO --files", "one session with its files"),),
    "prearchive archive": (
        ("xnat-wizard prearchive archive S001_MR1 --project DEMO --dry-run", "ask what stands against it"),
        ("xnat-wizard prearchive archive - --project DEMO --yes < labels.txt", "archive those that a file names"),
    ),
    "prearchive move": (("xnat-wizard prearchive move S001_MR1 --project WRONG --to DEMO", "into another project"),),
    "prearchive rebuild": (("xnat-wizard prearchive rebuild S001_MR1 --project DEMO", "build a session again"),),
    "prearchive delete": (("xnat-wizard prearchive delete S001_MR1 --project DEMO", "delete one, after a question"),),
    "resource": (("xnat-wizard resource list --project DEMO --subject S001", "list the resources of a subject"),),
    "resource put": (
        (
            "xnat-wizard resource put 'results/{subject}' --project DEMO --subject '{subject}' --resource FREESURFER",
            "one result folder a subject",
        ),
    ),
    "resource get": (
        (
            "xnat-wizard resource get 'out/{subject}' --project DEMO --subject '{subject}' --resource FREESURFER",
            "save them again, a folder a subject",
        ),
    ),
    "resource list": (("xnat-wizard resource list --project DEMO --subject S001 --files --json", "with their files"),),
    "convert": (
        ("xnat-wizard convert study --to nifti", "NIfTI images from DICOM and PAR/REC"),
        ("xnat-wizard convert study --to bids --bids --rules rules.toml", "a BIDS dataset by naming rules"),
    ),
    "rules": (("xnat-wizard rules show --project DEMO", "print the rules that a project keeps"),),
    "rules put": (("xnat-wizard rules put rules.toml --project DEMO", "let a project keep a file of rules"),),
    "rules get": (("xnat-wizard rules get rules.toml --project DEMO", "save them as a file"),),
    "rules show": (("xnat-wizard rules show --project DEMO", "print them"),),
    "rules test": (("xnat-wizard rules test study --rules rules.toml", "say which rule takes which series"),),
    "login": (
        ("xnat-wizard login xnat.example.org --user anna", "ask for the password once, keep a token in its place"),
        (
            "xnat-wizard login xnat.example.org --user anna --password-stdin",
            "in a script: the password comes in a pipe",
        ),
        ("xnat-wizard login --list", "which logins are kept, and until when"),
    ),
    "logout": (("xnat-wizard logout xnat.example.org", "withdraw a token at the site, and forget it here"),),
    "settings": (
        (f"xnat-wizard settings --show --site {_SITE}", "what holds for a site, and why"),
        ("xnat-wizard settings set limit-rate 5M", "for every site"),
        (f"xnat-wizard settings set project DEMO --site {_SITE}", "for one site"),
    ),
    "settings set": (
        ("xnat-wizard settings set connections 4", "for every site"),
        (f"xnat-wizard settings set ca_file ~/ca.pem --site {_SITE}", "for one site"),
        ("xnat-wizard settings set keys.wizard.next f8", "another key in the wizard"),
    ),
    "settings unset": (("xnat-wizard settings unset limit_rate", "as usual again"),),
    "settings check": (("xnat-wizard settings check --json", "what cannot be used, for a program to read"),),
    "completion": (
        ("xnat-wizard completion bash > ~/.local/share/bash-completion/completions/xnat-wizard", "for new shells"),
        ("xnat-wizard completion uploads", "the IDs of uploads, the newest first"),
    ),
    "report": (
        ("xnat-wizard report --dry-run", "say what would go along with a ticket"),
        ("xnat-wizard report 20260101-101500-DEMO --output ticket.zip", "about one upload"),
    ),
    "serve": (("xnat-wizard serve --port 8080", "the wizard in a browser on this machine"),),
    "practice": (
        ("xnat-wizard practice --open", "a stand-in XNAT, and the wizard on it"),
        ("xnat-wizard practice --folder practice --port 8104 --fast", "one that keeps its data, with short timers"),
    ),
    "help": (
        ("xnat-wizard help", "the pages of the manual"),
        ("xnat-wizard help upload", "one page"),
    ),
}
