"""Taking a step: shown first, asked for, done, and looked at; letters written and shown."""

import asyncio
from dataclasses import replace
from pathlib import Path

from textual.app import App

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import state_dir
from xnat_wizard.troubleshoot import fixes
from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.letters import save
from xnat_wizard.troubleshoot.model import Diagnosis, NextStep, Report
from xnat_wizard.troubleshoot.resending import plan_of_missing, survey_of_missing
from xnat_wizard.troubleshoot.writing import letters_for
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.xnat.site import Site

NOT_NOW = "The site would not do this now"
FIRST_SEND = "Files of it are still missing. Send them first: what comes afterwards makes a second session."


async def act(app: App[None], site: Site, step: NextStep, *, warning: str = "") -> bool:
    """Show what a step would do, ask, do it, and say what is seen afterwards; tells whether something was done.

    Args:
        app: to show it on.
        site: to ask, and to do it at.
        step: of a diagnosis.
        warning: what the person should know before saying yes.

    Raises:
        Problem: the site refuses.
    """
    seen = await fixes.preview(site, step)
    told = "\n".join(f"- {finding.what}" for finding in seen.findings)
    if not seen.is_possible:
        raise Problem(
            Finding(
                "troubleshoot.not_now",
                NOT_NOW,
                " ".join(filter(None, (seen.does, told.replace("\n", " ")))),
                ("Choose another way, or send the letter.",),
            )
        )
    detail = "\n".join(filter(None, (warning, seen.does, seen.loses, told)))
    if not await app.push_screen_wait(ConfirmScreen(step.text, detail, yes="Do it", no="Leave it")):
        return False
    outcome = await fixes.apply(site, step)
    title = "Done" if outcome.is_done else "Not done yet"
    await app.push_screen_wait(LinesScreen(title, outcome.says, foot=outcome.uri))
    return True


async def plan_missing(choices: Choices, facts: Facts) -> Answer:
    """Return the way to the plan of what is missing.

    Raises:
        Problem: nothing can be sent, or the project is not known.
    """
    site = choices.site
    assert site
    project_id = facts.project.id if facts.project and facts.project.id else ""
    if not project_id and choices.project:
        project_id = choices.project.id
    if not project_id:
        raise Problem(
            Finding(
                "troubleshoot.no_project",
                "It is not known where the missing files belong",
                "No project was given that this account can see",
                ("Go back, and write the project's ID into the form.",),
            )
        )
    survey = await asyncio.to_thread(survey_of_missing, facts)
    plan = await asyncio.to_thread(plan_of_missing, facts, site_url=site.info.url, project=project_id)
    project = await site.project(project_id)
    return Answer(
        replace(
            choices,
            project=project,
            source=survey.source,
            layout=survey.layout,
            survey=survey,
            plan=plan,
            journal_path=None,
        ),
        Move.SEND_PLAN,
    )


async def show_letter(app: App[None], facts: Facts, report: Report, step: NextStep, one: Diagnosis) -> None:
    """Write the letter that a step asks for, keep it in a file of this person's, and show both."""
    about = replace(report, diagnoses=(one, *(other for other in report.diagnoses if other is not one)))
    letter = next(each for each in letters_for(facts, about) if each.template == step.template)
    path = await asyncio.to_thread(_keep, letter.as_text(), f"letter-{letter.template}-{facts.now:%Y%m%d-%H%M%S}.txt")
    await app.push_screen_wait(LinesScreen("Letter", letter.as_text(), foot=str(path)))


def _keep(text: str, name: str) -> Path:
    folder = state_dir() / "letters"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    save(text, path)
    return path
