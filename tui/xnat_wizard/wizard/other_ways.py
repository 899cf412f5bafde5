"""Steps of the way of an upload as parts of other ways: what they are for there, and whom they let through."""

from textual.app import ComposeResult

from xnat_wizard.wizard.choices import Answer, Move
from xnat_wizard.wizard.steps.folder import FolderStep
from xnat_wizard.wizard.steps.project import ProjectStep
from xnat_wizard.wizard.widgets.named_trail import NamedTrail
from xnat_wizard.wizard.widgets.trail import Trail


class ResultsProject(ProjectStep):
    """Choose the project whose results are moved; to fetch them, nobody needs the right to upload."""

    sentence = "Choose the project whose results are sent or fetched, and press Enter."
    place = "Results: project"

    def compose(self) -> ComposeResult:
        """Lay out the step, under a header of its own."""
        for widget in super().compose():
            yield NamedTrail(self.place, self.who) if isinstance(widget, Trail) else widget

    def go_next(self) -> None:
        """Use the project under the cursor."""
        project = self.chosen
        if project is None:
            self.tell("There is no project to choose yet. F2 makes one.")
        else:
            self.dismiss(Answer(self._with(project), Move.NEXT))


class ConvertProject(ResultsProject):
    """Choose the project whose naming rules are used; to convert, nobody needs the right to upload."""

    sentence = "Choose the project whose naming rules are used, and press Enter."
    place = "Convert: project"


class ConvertFolder(FolderStep):
    """Choose the folder with the images to be converted."""

    def compose(self) -> ComposeResult:
        """Lay out the step, under a header of its own."""
        for widget in super().compose():
            yield NamedTrail("Convert: folder", self.who) if isinstance(widget, Trail) else widget
