"""The options of the convert step."""

from dataclasses import replace

from xnat_wizard.convert.model import Way
from xnat_wizard.wizard.choices import ConvertDraft
from xnat_wizard.wizard.widgets.options import Option

_WAYS = (Way.DCM2NIIX, Way.NIBABEL)
_EXISTING = ("skip", "replace", "fail")

OPTIONS: tuple[Option[ConvertDraft], ...] = (
    Option(
        "Names",
        (
            (
                "BIDS dataset",
                "A dataset by the BIDS standard: what no rule takes is left out. A validator looks at it.",
            ),
            ("plain NIfTI", "Subject, number and description; a rule may give another name. Everything is converted."),
        ),
        lambda one: int(not one.is_bids),
        lambda one, at: replace(one, is_bids=not at),
    ),
    Option(
        "Converter",
        (
            ("dcm2niix", "Reads DICOM and PAR/REC. It comes with: pip install 'xnat-wizard[convert]'"),
            ("nibabel", "Reads PAR/REC only. It comes with: pip install 'xnat-wizard[convert]'"),
        ),
        lambda one: _WAYS.index(Way(one.way)),
        lambda one, at: replace(one, way=str(_WAYS[at])),
    ),
    Option(
        "Into XNAT",
        (
            ("no", "The images stay in the folder on this computer."),
            (
                "scan resources",
                "They go into NIFTI and BIDS of their scans, too; pairs go raw into PARREC, patient's name and all.",
            ),
        ),
        lambda one: int(one.into_xnat),
        lambda one, at: replace(one, into_xnat=bool(at)),
    ),
    Option(
        "Existing images",
        (
            ("leave them", "An image that is there already stays, and is not made again."),
            ("replace them", "Images that are there already are made anew."),
            ("say so", "A series whose image is there already is left alone, and said so."),
        ),
        lambda one: _EXISTING.index(one.existing),
        lambda one, at: replace(one, existing=_EXISTING[at]),
    ),
    Option(
        "Held series",
        (
            ("left out", "What the survey would ask about before an upload is not converted."),
            ("converted", "What the survey only asks about is converted, too. What it forbids stays out."),
        ),
        lambda one: int(one.includes_held),
        lambda one, at: replace(one, includes_held=bool(at)),
    ),
    Option(
        "Patient details",
        (
            ("removed", "Names, birth dates and the like come into no sidecar and no image header."),
            ("kept", "Names, birth dates and the like may come into sidecars and headers. Mind who reads them."),
        ),
        lambda one: int(one.keeps_details),
        lambda one, at: replace(one, keeps_details=bool(at)),
    ),
    Option(
        "Compare",
        (
            ("no", "Each series is converted once."),
            ("both converters", "PAR/REC is converted in both ways, and it is said where the geometry differs."),
        ),
        lambda one: int(one.compares),
        lambda one, at: replace(one, compares=bool(at)),
    ),
)
