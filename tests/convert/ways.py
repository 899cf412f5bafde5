"""What the tests of this room share: the converters, by name or skipped, and one series converted by both."""

import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from xnat_wizard.convert import by_dcm2niix, converting, selection
from xnat_wizard.convert.model import Conversion, Item, Way
from xnat_wizard.dicom.layout import HOUSE, Layout
from xnat_wizard.dicom.source import Source, open_source
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem


def need(*ways: Way) -> None:
    """Skip by name where a converter is not installed."""
    if Way.DCM2NIIX in ways:
        try:
            by_dcm2niix.program()
        except Problem:
            pytest.skip("dcm2niix: the converter is not installed")
    if Way.NIBABEL in ways and importlib.util.find_spec("nibabel") is None:
        pytest.skip("nibabel: the library is not installed")


@contextmanager
def offered(source: Path, layout: Layout = HOUSE) -> Iterator[tuple[Source, selection.Offer]]:
    """Survey a source and give what can be converted."""
    found = survey(source, layout)
    with open_source(found.source) as opened:
        yield opened, selection.offer(found, opened)


@contextmanager
def converted(source: Source, item: Item, way: Way, *, keep_details: bool = False) -> Iterator[Conversion]:
    """Convert one series; its files are there inside the `with`."""
    with tempfile.TemporaryDirectory() as work:
        yield converting.convert(source, item, way, Path(work), keep_details=keep_details)
