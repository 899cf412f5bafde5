"""Pictures of the images of one series, out of a folder or an archive."""

from threading import Event, Lock

from xnat_wizard.dicom.model import Series, Survey
from xnat_wizard.dicom.picture import Frame, read_frame
from xnat_wizard.dicom.source import Source, open_source


class SeriesPictures:
    """The pictures of a series; its source is opened at the first one and stays open until `close`.

    A tar.gz is inflated to its end when it is opened, which must not happen for each picture anew. `read` is for a
    thread; several threads are served one after the other.
    """

    def __init__(self, survey: Survey, series: Series) -> None:
        self.title = f"{series.subject_folder}  {series.series_number} {series.series_description}"
        self.count = len(series.instances)
        self._survey, self._series = survey, series
        self._stop, self._lock = Event(), Lock()
        self._source: Source | None = None

    def read(self, place: int, frame: int = 0) -> Frame:
        """Read one image, counted from 0; of a file with several frames the one that is asked for, -1 is the last.

        Raises:
            Problem: there is no such source any more, or the image cannot be drawn.
            OSError: the file cannot be read.
            Stopped: `stop` was called.
        """
        with self._lock:
            if self._source is None:
                self._source = open_source(self._survey.source, stop=self._stop)
            with self._source.open(self._series.instances[place].path) as file:
                return read_frame(file, frame=frame)

    def stop(self) -> None:
        """End long work of `read`; returns at once."""
        self._stop.set()

    def close(self) -> None:
        """Let go of the source, once no picture is being read; for a thread."""
        self.stop()
        with self._lock:
            if self._source is not None:
                self._source.close()
                self._source = None
